import type { Rehearsed } from './release.ts';

/** What these manifests leave unguarded, so that no row can show it to hold: one sentence each. */
export function findingsOf({ plan, members, checks }: Rehearsed): string[] {
  const named = (which: (member: Rehearsed['members'][number]) => boolean) =>
    members
      .filter(which)
      .map(({ name }) => name)
      .join(', ');
  const say = (names: string, text: string) => (names === '' ? [] : [`${names}: ${text}`]);
  const { verifySeconds, returnSeconds } = plan.policy.timeouts;
  const needed = verifySeconds + returnSeconds;
  return [
    'a first deployment is gated by nothing: the controller takes it live without a pause or an analysis',
    ...say(
      named((m) => !m.judgedBefore),
      'no analysis before the switch: a bad version would go live unjudged',
    ),
    ...say(
      named((m) => !m.judgedAfter && checks.every((c) => c.member !== m.name || c.when !== 'after-switch')),
      'neither an analysis nor a health check after the switch: nobody would notice that it fails live',
    ),
    ...say(
      named((m) => m.hold === 0),
      'no hold after the switch: it cannot be aborted any more, and with the promoter gone nothing brings the set back',
    ),
    ...say(
      named((m) => m.hold === 0 && m.scaleDownDelay < needed * 1000),
      `no hold, and its old pods may be gone before the verification is over: scaleDownDelaySeconds must be at least ${needed} (verifySeconds and returnSeconds)`,
    ),
    ...checks
      .filter((check) => check.member === undefined)
      .map(({ name }) => `health check ${name} asks nothing that these manifests lead to: it is taken to be well`),
  ];
}
