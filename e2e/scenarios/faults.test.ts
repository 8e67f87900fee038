import { describe, expect, it } from 'vitest';
import { until } from '../../testbed/run.ts';
import { baseline, versionOf } from '../support/baseline.ts';
import { asRevision, withChecks, withStrategy } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { kubectl } from '../support/kubectl.ts';
import { allowPods, losePod } from '../support/pods.ts';
import { promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { watchTraffic } from '../support/traffic.ts';

// What happens to a release between the promoter's judgement and its write, or between its write and the controller.

describe('a release on a real node', () => {
  const { namespace, release, expectLive, type, rollout } = baseline('faults');
  const OLD = { backend: [versionOf('v1')], web: [versionOf('v1')] };

  const paused = (member: string) =>
    until(`${member} paused before the switch`, 60, async () => (await phaseOf(member)) === 'Paused');
  const phaseOf = async (member: string) => (await rollout(member)).status?.phase;
  const pause = (member: string, paused: boolean) =>
    kubectl(['-n', namespace, 'patch', 'rollout', member, '--type=merge', '-p', JSON.stringify({ spec: { paused } })]);

  /** A check that never passes keeps the release where it is, until something else ends it. */
  const never = (when: string) =>
    withChecks([
      {
        name: 'never',
        when,
        target: { url: `http://web.${namespace}.svc.cluster.local:3000/` },
        expect: { status: 418 },
        tries: 1000,
        intervalSeconds: 1,
      },
    ]);

  it.each([
    ['30 s after an abort, when the controller takes the new pods away', 30],
    ['for ever, when the controller leaves them', 0],
  ])('with a pod lost while held and then aborted does not stay on too few pods %s', async (_, seconds) => {
    const folder = await release(
      'v2',
      'v2',
      asRevision(`unsaturated-${seconds}`),
      withStrategy({ abortScaleDownDelaySeconds: seconds }),
      never('after-switch'),
    );
    await apply(folder);
    const traffic = watchTraffic(namespace);
    let lost: Promise<unknown> | undefined;
    const { exitCode, events } = await promote(folder, [], (event) => {
      if (event.code !== 'PHASE' || (event.data as { phase: string }).phase !== 'verifying') return;
      lost ??= losePod(namespace, 'backend').then(() => type('abort', 'web'));
    });
    await lost;
    expect(exitCode).toBe(4);
    expect(events.map((e) => e.message)).toContainEqual(expect.stringContaining('Service backend'));
    await expectLive('v1', 'v1');
    const { unanswered, errors } = await traffic.stop();
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('repeats a promote that the controller lost because a pod went in the same instant', async () => {
    const folder = await release('v2', 'v2', asRevision('lost'));
    await apply(folder);
    const traffic = watchTraffic(namespace);
    let allowed: Promise<void> | undefined;
    const { exitCode, events } = await promoteHeld(
      folder,
      justBefore('promote backend', async () => {
        await losePod(namespace, 'backend');
        // It ends the pause without a switch, and pauses anew once the pods are complete again.
        allowed = until('the controller to lose the promote', 15, async () => {
          const { controllerPause, pauseConditions } = (await rollout('backend')).status ?? {};
          return !controllerPause && !pauseConditions?.length;
        }).finally(() => allowPods(namespace));
      }),
    );
    await allowed;
    const { unanswered, errors } = await traffic.stop();
    expect(exitCode).toBe(0);
    const promoted = events.filter(
      (e) => e.code === 'ACT' && (e.data as { act: string }).act === 'promote' && e.member === 'backend',
    );
    expect(promoted.length).toBeGreaterThan(1);
    await expectLive('v2', 'v2');
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it.each([
    ['not taken up by the controller yet', false],
    ['taken up', true],
  ])('promotes nothing of a newer version that is applied between judgement and write, %s', async (name, takenUp) => {
    const folder = await release('v2', 'v2', asRevision(`judged-${takenUp}`));
    const newer = await release('v3', 'v3', asRevision(`newer-${takenUp}`));
    await apply(folder);
    const traffic = watchTraffic(namespace);
    const { exitCode } = await promoteHeld(
      folder,
      justBefore('promote backend', async () => {
        const judged = (await rollout('backend')).status?.currentPodHash;
        await apply(newer);
        if (takenUp) {
          await until('the newer version taken up', 10, async () => {
            return (await rollout('backend')).status?.currentPodHash !== judged;
          });
        }
      }),
    );
    expect(exitCode).toBe(6);
    // What was not judged does not go live later, either.
    await paused('web');
    await expectLive('v1', 'v1');
    const { unanswered, errors, versions } = await traffic.stop();
    expect(versions, name).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('rejected after its switch meets its gates again when it is applied again', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('rejected'));
    const v1 = await release('v1', 'v1');
    await apply(folder);
    expect((await promote(folder)).exitCode).toBe(4);
    await expectLive('v1', 'v1');
    const traffic = watchTraffic(namespace);
    // Applied again, both go through all of their gates.
    await apply(v1);
    await until('the old version settled', 30, async () => (await phaseOf('web')) === 'Healthy');
    await apply(folder);
    await Promise.all([paused('web'), paused('backend')]);
    const { unanswered, errors, versions } = await traffic.stop();
    expect(versions).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('goes on when an operator ends his own pause', async () => {
    const folder = await release('v2', 'v2', asRevision('unpaused'));
    await apply(folder);
    await pause('web', true);
    let unpaused: Promise<unknown> | undefined;
    const { exitCode, events } = await promote(folder, [], (event) => {
      if (event.code === 'MEMBER' && event.message.includes('paused by hand')) unpaused ??= pause('web', false);
    });
    await unpaused;
    expect(events.map((e) => e.message)).toContainEqual(expect.stringContaining('paused by hand'));
    expect(exitCode).toBe(0);
    await expectLive('v2', 'v2');
  });

  it('is refused when an operator keeps a member paused', async () => {
    const folder = await release('v2', 'v2', asRevision('paused'));
    await apply(folder);
    await pause('web', true);
    const traffic = watchTraffic(namespace);
    const { exitCode, events } = await promote(folder, ['--timeout', '15']);
    const { unanswered, errors, versions } = await traffic.stop();
    expect(exitCode).toBe(3);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('paused by hand');
    expect(versions).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
    await expectLive('v1', 'v1');
  });

  it('comes back when it fails while an operator has paused its members, whose Services the controller then leaves', async () => {
    const folder = await release('v2', 'v2', asRevision('frozen'), never('after-switch'));
    await apply(folder);
    const traffic = watchTraffic(namespace);
    let typed: Promise<unknown> | undefined;
    const { exitCode } = await promote(folder, [], (event) => {
      if (event.code !== 'PHASE' || (event.data as { phase: string }).phase !== 'verifying') return;
      typed ??= Promise.all([pause('backend', true), pause('web', true)]).then(() => type('abort', 'web'));
    });
    await typed;
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
    const { unanswered, errors } = await traffic.stop();
    expect([...unanswered, ...errors]).toEqual([]);
  });
});
