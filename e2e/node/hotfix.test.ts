import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline, versionOf } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { answersOnly, watched } from '../support/traffic.ts';
import { truthOf } from '../support/truth.ts';

// Somebody applies a newer version while the one before it is being taken live.

describe('a hotfix applied', () => {
  const { namespace, release, expectLive, rollout } = baseline('hotfix');

  it('after the switch brings the set back, and is then promoted as a release of its own', async () => {
    const folder = await release('v2', 'v2', asRevision('held'));
    const hotfix = await release('v3', 'v3', asRevision('hotfix-held'));
    await apply(folder);
    const applied = justBefore('journal settling', () => apply(hotfix));
    const { exitCode, unanswered, errors } = await watched(namespace, async () => {
      expect((await promoteHeld(folder, applied)).exitCode).toBe(6);
      await expectLive('v1', 'v1');
      return promote(hotfix);
    });
    expect(exitCode).toBe(0);
    await expectLive('v3', 'v3');
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('while one member has settled already brings the traffic of the set back', async () => {
    const folder = await release('v2', 'v2', asRevision('settling'));
    const hotfix = await release('v3', 'v3', asRevision('hotfix-settling'));
    await apply(folder);
    const webSettled = async () => {
      const { stableRS, currentPodHash } = (await rollout('web')).status ?? {};
      return stableRS === currentPodHash;
    };
    const applied = justBefore('end-hold backend', async () => {
      await until('web settled', 30, webSettled);
      await apply(hotfix);
    });
    const { exitCode, unanswered, errors } = await watched(namespace, () => promoteHeld(folder, applied));
    expect(exitCode).toBe(6);
    for (const member of ['backend', 'web'] as const) {
      expect(await truthOf(namespace, member)).toMatchObject({ live: 'v1', endpoints: ['v1'] });
      await answersOnly(namespace, member, versionOf('v1'));
    }
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('after the set has settled is a release like any other, and nothing of the older one can be promoted any more', async () => {
    const folder = await release('v2', 'v2', asRevision('settled'));
    const hotfix = await release('v3', 'v3', asRevision('hotfix-settled'));
    await apply(folder);
    expect((await promote(folder)).exitCode).toBe(0);
    await apply(hotfix);
    expect((await promote(folder, ['--timeout', '5'])).exitCode).toBe(3);
    await expectLive('v2', 'v2');
    expect((await promote(hotfix)).exitCode).toBe(0);
    await expectLive('v3', 'v3');
  });
});
