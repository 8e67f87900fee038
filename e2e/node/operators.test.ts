import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline, versionOf } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';

// A person with the plugin of Argo Rollouts acts on one member while the promoter is about to act on the set: the
// promoter's next write waits until the command has been carried out.

/** The first write of each phase, which waits for the operator. */
const FIRST_WRITE = {
  preparing: 'PATCH rollouts backend',
  switching: 'promote backend',
  verifying: 'journal verifying',
  settling: 'end-hold backend',
  returning: 'abort backend',
} as const;

describe('an operator types a command of the plugin', () => {
  const { namespace, release, expectLive, type, rollout } = baseline('operators');

  const isAborted = async (member: string) => (await rollout(member)).status?.abortedAt !== undefined;
  const isNew = async (member: string) => {
    const { currentPodHash, stableRS } = (await rollout(member)).status ?? {};
    return currentPodHash !== stableRS;
  };
  const isLive = async (member: string) => {
    const { currentPodHash, blueGreen } = (await rollout(member)).status ?? {};
    return blueGreen?.activeSelector === currentPodHash;
  };

  it.each([
    // Without a pause there is nothing that the plugin's promote would change.
    ['preparing', 'promote', 'backend', [0]],
    ['preparing', 'abort', 'web', [3]],
    ['preparing', 'retry', 'backend', [0]],
    // The caller is live before what it calls: the order is lost, the set is not.
    ['switching', 'promote', 'web', [0], isLive],
    ['switching', 'abort', 'backend', [3, 4], isAborted],
    ['switching', 'retry', 'backend', [0]],
    ['verifying', 'promote', 'backend', [0]],
    ['verifying', 'abort', 'web', [4], isAborted],
    ['verifying', 'retry', 'web', [0]],
    // Meanwhile the hold of the other member ends, so it settles.
    ['settling', 'promote', 'backend', [0]],
    ['settling', 'abort', 'backend', [4], isAborted],
    ['settling', 'retry', 'backend', [0]],
  ] as const)('while %s: %s %s', async (phase, verb, member, exits, takenUp?: (member: string) => Promise<boolean>) => {
    const folder = await release('v2', 'v2', asRevision(`${phase}-${verb}`));
    await apply(folder);
    const typed = justBefore(FIRST_WRITE[phase], async () => {
      // An abort that is there before it would be one of the old version, and forgotten with that.
      if (phase === 'preparing') await until(`the new version of ${member} taken up`, 30, () => isNew(member));
      await type(verb, member);
      if (takenUp) await until(`${verb} of ${member} taken up`, 10, () => takenUp(member));
    });
    const { exitCode, unanswered, versions } = await watched(namespace, () => promoteHeld(folder, typed));
    expect(exits).toContain(exitCode);
    const end = exitCode === 0 ? 'v2' : 'v1';
    await expectLive(end, end);
    expect(unanswered).toEqual([]);
    if (exitCode === 3) expect(versions).toEqual({ backend: [versionOf('v1')], web: [versionOf('v1')] });
  });

  it.each([
    ['promote', 'backend'],
    ['abort', 'backend'],
    ['retry', 'web'],
  ] as const)('while returning: %s %s', async (verb, member) => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision(`returning-${verb}`));
    await apply(folder);
    const typed = justBefore(FIRST_WRITE.returning, () => type(verb, member));
    const { exitCode, unanswered } = await watched(namespace, () => promoteHeld(folder, typed));
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });

  it('while returning: retry of a member whose rejected pods are about to be retired, which takes it live ungated', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('retired'));
    await apply(folder);
    const typed = justBefore('retire web', async () => {
      await type('retry', 'web');
      await until('the rejected revision is live', 10, () => isLive('web'));
    });
    const { exitCode, unanswered } = await watched(namespace, () => promoteHeld(folder, typed));
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });
});
