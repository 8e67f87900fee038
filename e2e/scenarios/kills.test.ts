import { describe, expect, it } from 'vitest';
import { baseline } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { killedBefore, promoteHeld } from '../support/held.ts';
import { promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { watchTraffic } from '../support/traffic.ts';

// The promoter is killed at the first steps of its journal: just before the step is written, and after that before the first act
// that rests on it. The write at which it dies never reaches the API server.

describe('kill -9', () => {
  const { namespace, release, expectLive } = baseline('kills');

  it.each([
    ['preparing, before the first act', 'PATCH rollouts backend'],
    ['prepared, before the switch is written down', 'journal switching'],
    ['switching, before the first promote', 'promote backend'],
  ])('while %s: the next run goes on to the end', async (_, write) => {
    const folder = await release('v2', 'v2', asRevision(write.replaceAll(' ', '-')));
    await apply(folder);
    const traffic = watchTraffic(namespace);
    expect((await promoteHeld(folder, killedBefore(write))).exitCode).toBe(-1);
    const { exitCode, result, events } = await promote(folder);
    const { unanswered, errors } = await traffic.stop();
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    expect(events.map((e) => e.code)).toContain('RESUMED');
    await expectLive('v2', 'v2');
    expect([...unanswered, ...errors]).toEqual([]);
  });
});
