import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline } from '../support/baseline.ts';
import { asRevision, WRONG_VALUE, withEndlessCheck, withWrongValue } from '../support/edits.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { carryOut, isPhase, isStage, type Promotion, promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { truthOf } from '../support/truth.ts';

// The commands beside promote, on the real controller.

describe('on a real node', () => {
  const { namespace, release, expectLive, type } = baseline('commands');

  it('abort brings a set back while its promotion verifies it, and that promotion ends as locked', async () => {
    const folder = await release('v2', 'v2', asRevision('abort'), withEndlessCheck(namespace, 'after-switch'));
    await apply(folder);
    let aborted: Promise<Promotion> | undefined;
    const promotion = await promote(folder, [], (event) => {
      if (isPhase(event, 'verifying')) aborted ??= carryOut('abort', folder);
    });
    const { exitCode, result } = (await aborted) as Promotion;
    expect([exitCode, result?.outcome, promotion.exitCode]).toEqual([0, 'restored', 7]);
    await expectLive('v1', 'v1');
  });

  it('rollback is there within seconds, and what was rolled back meets its gates when it is applied again', async () => {
    const folder = await release('v2', 'v2', asRevision('rollback'));
    await apply(folder);
    expect((await promote(folder)).exitCode).toBe(0);
    await expectLive('v2', 'v2');
    const { exitCode, result } = await carryOut('rollback', folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'restored']);
    await expectLive('v1', 'v1');
    await apply(folder);
    const { events } = await promote(folder, [], (event, signal) => {
      if (isStage(event, 'prepared')) signal('SIGINT');
    });
    expect(events.some((event) => isStage(event, 'prepared'))).toBe(true);
    await expectLive('v1', 'v1');
  });

  it('rollback goes through the gates once the old pods are gone', async () => {
    const folder = await release('v2', 'v2', asRevision('late'));
    await apply(folder);
    const promoted = await promote(folder);
    expect(promoted.exitCode).toBe(0);
    for (const { name, from } of promoted.result?.members ?? [])
      await kubectl(['-n', namespace, 'scale', 'replicaset', `${name}-${from}`, '--replicas=0']);
    const { exitCode, result, events } = await carryOut('rollback', folder);
    // What went wrong, where something did.
    expect(events.filter((event) => event.level === 'error').map((event) => event.message)).toEqual([]);
    expect([exitCode, result?.outcome]).toEqual([0, 'restored']);
    expect(events.filter((event) => isStage(event, 'prepared')).length).toBeGreaterThanOrEqual(2);
    await expectLive('v1', 'v1');
  });

  it('settle verifies and settles a set that was switched with the plugin', async () => {
    const folder = await release('v2', 'v2', asRevision('settle'));
    await apply(folder);
    for (const member of ['backend', 'web']) {
      const get = (path: string) => kubectl(['-n', namespace, 'get', 'rollout', member, '-o', `jsonpath={${path}}`]);
      await until(`${member} is paused`, 60, async () => (await get('.status.pauseConditions[0].reason')) !== '');
      await type('promote', member);
      // The controller can overlook a promote that comes in while it writes back its own copy (docs/argo-rollouts.md);
      // any other change of the Rollout makes it look again.
      let looks = 0;
      await until(`${member} is live on v2`, 30, async () => {
        await kubectl(['-n', namespace, 'annotate', '--overwrite', 'rollout', member, `looked-at=${looks++}`]);
        return (await truthOf(namespace, member)).live === 'v2';
      });
    }
    const { exitCode, result } = await carryOut('settle', folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v2', 'v2');
  });

  it('a Secret whose value the backend would exit on: the release is refused before anything migrates, and preflight names the rule', async () => {
    const folder = await release('v2', 'v2', asRevision('values'), withWrongValue);
    await apply(folder);
    const { exitCode, events } = await promote(folder);
    const rule = 'JWT_ACCESS_SECRET must have at least 32 characters';
    expect(exitCode).toBe(3);
    expect(events.find((event) => event.code === 'GOING_BACK')?.message).toContain(rule);
    const { stdout, code } = await run('node', ['scripts/launch.mjs', 'preflight', '--manifests', folder]);
    expect(stdout).toContain(rule);
    expect(code).toBe(1);
    expect(stdout + JSON.stringify(events)).not.toContain(WRONG_VALUE);
    await expectLive('v1', 'v1');
  });

  it('promote --dry-run says what it waits for and leaves every object as it was', async () => {
    const folder = await release('v2', 'v2', asRevision('dry'));
    await apply(folder);
    const { exitCode, events } = await promote(folder, ['--dry-run']);
    expect(exitCode).toBe(0);
    expect(events.map((event) => event.code)).not.toContain('ACT');
    expect(await kubectl(['-n', namespace, 'get', 'configmap,lease', '-o', 'name'])).not.toContain('dry');
    await expectLive('v1', 'v1');
    expect((await carryOut('abort', folder)).exitCode).toBe(0);
  });
});
