import { POD_HASH } from '../cluster/objects.ts';
import type { Journal, Outcome } from '../core/journal.ts';
import type { MemberView } from '../core/member.ts';

/** What a person should do after an outcome: sentences and exact commands, none where nothing is left to do. */
export function nextSteps(
  outcome: Outcome,
  journal: Journal,
  views: readonly MemberView[],
  namespace: string,
): string[] {
  switch (outcome) {
    case 'stuck':
      return views.flatMap((view) => unstick(view, journal.members[view.member.name]?.from, namespace));
    case 'refused':
      return [afterRefusal(views)];
    case 'promoted':
      return whileOldPodsAreUp(journal, views);
    case 'rolled-back':
    case 'restored':
      return [REJECTED];
    case 'superseded':
      return ['run promote again with the newer manifests'];
    default:
      return [];
  }
}

/** Until when the old pods stay up, which is good for going back and a trap for who applies the old version again. */
function whileOldPodsAreUp(journal: Journal, views: readonly MemberView[]): string[] {
  const delays = views.flatMap(({ member, rollout }) => {
    const { from, to } = journal.members[member.name] ?? {};
    return from && from !== to ? [rollout?.spec.strategy?.blueGreen?.scaleDownDelaySeconds ?? 30] : [];
  });
  if (delays.length === 0) return [];
  // The controller counts from when it settles a member, and never takes old pods down when the delay is 0.
  const until = delays.includes(0)
    ? 'the next release'
    : new Date(journal.since + Math.max(...delays) * 1000).toISOString().slice(0, 19).replace('T', ' ').concat(' UTC');
  return [
    `until ${until} the old pods stay up: \`rollback\` is instant; the old version applied again before then goes live at once, past every gate`,
  ];
}

const REJECTED =
  'what Git asks for is still the version that was taken back: put the former image pins back, render and apply them, or fix forward with a new version';

function afterRefusal(views: readonly MemberView[]): string {
  if (views.some((view) => view.stage === 'outdated')) return 'apply these manifests, then run the same command again';
  if (views.some((view) => view.stage === 'unobserved')) {
    return 'see why the Argo Rollouts controller does not act: kubectl get pods -A -l app.kubernetes.io/name=argo-rollouts';
  }
  return REJECTED;
}

function unstick(
  { member, rollout, active, stable }: MemberView,
  from: string | undefined,
  namespace: string,
): string[] {
  const truth = `${member.name}: active Service ${member.activeService} selects ${active ?? 'no revision'}, stable is ${stable ?? 'unknown'}, before this release it was ${from ?? 'nothing'}`;
  if (!rollout || !from || active === from) return [truth];
  return [
    truth,
    `kubectl -n ${namespace} patch service ${member.activeService} --type merge -p '{"spec":{"selector":{"${POD_HASH}":"${from}"}}}'`,
    `kubectl argo rollouts -n ${namespace} abort ${member.name}`,
  ];
}
