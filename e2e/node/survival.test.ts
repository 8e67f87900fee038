import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline } from '../support/baseline.ts';
import { asRevision, withEndlessCheck, withHold } from '../support/edits.ts';
import { isPhase, isStage, promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';

// What becomes of a release that its promoter has left in the middle, by a signal or because another one is at it.

describe('a release on a real node', () => {
  const { namespace, release, expectLive } = baseline('survival');

  /** Runs promote and kills it when it is verifying. */
  async function killedVerifying(folder: string): Promise<void> {
    const { exitCode, events } = await promote(folder, [], (event, signal) => {
      if (isPhase(event, 'verifying')) signal('SIGKILL');
    });
    expect(exitCode).toBe(-1);
    expect(events.at(-1)?.code).not.toBe('RESULT');
  }

  it('kill -9 while verifying with nobody left: the holds bring the set back by themselves', async () => {
    const folder = await release('v2', 'v2', asRevision('alone'), withHold(30));
    await apply(folder);
    await killedVerifying(folder);
    await until('both members back on v1', 90, async () => {
      await expectLive('v1', 'v1');
      return true;
    });
    expect((await promote(folder)).exitCode).toBe(4);
    await expectLive('v1', 'v1');
  });

  it('kill -9 while verifying, and a newer version applied: the next run ends the old release, then promotes the new one', async () => {
    const folder = await release('v2', 'v2', asRevision('left'));
    await apply(folder);
    await killedVerifying(folder);
    const newer = await release('v3', 'v3', asRevision('newer'));
    await apply(newer);
    const { exitCode, result } = await promote(newer);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v3', 'v3');
  });

  it('a second run while the first is at it: the second says who holds the release', async () => {
    const folder = await release('v2', 'v2', asRevision('second'), withEndlessCheck(namespace, 'before-switch'));
    await apply(folder);
    let second: ReturnType<typeof promote> | undefined;
    const first = await promote(folder, [], (event, signal) => {
      if (isStage(event, 'prepared')) second ??= promote(folder).finally(() => signal('SIGINT'));
    });
    const late = await second;
    expect(late?.exitCode).toBe(7);
    expect(late?.events.at(-1)?.message).toMatch(/has been acting on release .* since/);
    expect(first.exitCode).toBe(130);
    await expectLive('v1', 'v1');
  });

  it('Ctrl-C after the switch: the set comes back', async () => {
    const folder = await release('v2', 'v2', asRevision('interrupted'));
    await apply(folder);
    const { exitCode } = await promote(folder, [], (event, signal) => {
      if (isPhase(event, 'verifying')) signal('SIGINT');
    });
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
  });
});
