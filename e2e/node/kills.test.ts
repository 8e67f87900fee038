import { describe, expect, it } from 'vitest';
import { baseline } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { killedBefore, promoteHeld } from '../support/held.ts';
import { promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';

// The promoter is killed at each step of its journal, forth and back: just before the step is written, and before the first
// act that rests on it. The write at which it dies never reaches the API server.

describe('kill -9', () => {
  const { namespace, release, expectLive } = baseline('kills');

  /** Promotes a release, kills the promoter before that write, and runs it again. */
  async function killedAndRunAgain(write: string, backend: string, web: string) {
    const folder = await release(backend, web, asRevision(write.replaceAll(' ', '-')));
    await apply(folder);
    return watched(namespace, async () => {
      expect((await promoteHeld(folder, killedBefore(write))).exitCode).toBe(-1);
      return promote(folder);
    });
  }

  it.each([
    ['preparing, before the first act', 'PATCH rollouts backend'],
    ['prepared, before the switch is written down', 'journal switching'],
    ['switching, before the first promote', 'promote backend'],
    ['switching, with one of two members switched', 'promote web'],
    ['switched, before that is written down', 'journal verifying'],
    ['verified, before the decision is written down', 'journal settling'],
    ['settling, before the hold of one member is ended', 'end-hold backend'],
  ])('while %s: the next run goes on to the end', async (_, write) => {
    const { exitCode, result, events, unanswered, errors } = await killedAndRunAgain(write, 'v2', 'v2');
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    expect(events.map((e) => e.code)).toContain('RESUMED');
    await expectLive('v2', 'v2');
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it.each([
    ['the way back is written down', 'journal returning'],
    ['the first abort', 'abort backend'],
    ['the rejected pods are retired', 'retire backend'],
    ['the end is written down', 'journal over'],
  ])('before %s: the next run brings the set back', async (_, write) => {
    const { exitCode, result, unanswered } = await killedAndRunAgain(write, 'v3', 'v2-unhealthy-active');
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });
});
