import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline } from '../support/baseline.ts';
import { asRevision, withoutHold } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';

// Manifests of others have no hold: a member settles as soon as its own analysis is done, and no abort brings it back.

describe('with manifests without a hold', () => {
  const { namespace, release, expectLive, type, rollout } = baseline('holdless', withoutHold);

  const backendSettled = () =>
    until('backend settled', 60, async () => {
      const { stableRS, currentPodHash, phase } = (await rollout('backend')).status ?? {};
      return stableRS === currentPodHash && phase === 'Healthy';
    });

  it('the set comes back when the second member fails its analysis after the first has settled', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('compensated'));
    await apply(folder);
    const settled = justBefore('promote web', backendSettled);
    const { exitCode, unanswered } = await watched(namespace, () => promoteHeld(folder, settled));
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });

  it('kill -9 after the first member has settled: the next run goes on to the end', async () => {
    const folder = await release('v2', 'v2', asRevision('killed'));
    await apply(folder);
    const killed = await promoteHeld(
      folder,
      justBefore('promote web', async (signal) => {
        await backendSettled();
        signal('SIGKILL');
        return 'lose';
      }),
    );
    expect(killed.exitCode).toBe(-1);
    expect((await promote(folder)).exitCode).toBe(0);
    await expectLive('v2', 'v2');
  });

  it('an abort that an operator types for a settled member changes nothing', async () => {
    const folder = await release('v2', 'v2', asRevision('dropped'));
    await apply(folder);
    const typed = justBefore('promote web', async () => {
      await backendSettled();
      await type('abort', 'backend');
    });
    expect((await promoteHeld(folder, typed)).exitCode).toBe(0);
    await expectLive('v2', 'v2');
  });
});
