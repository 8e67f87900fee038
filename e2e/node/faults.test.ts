import { describe, expect, it } from 'vitest';
import { type AnalysisRun, POD_HASH } from '../../promotion/cluster/objects.ts';
import { until } from '../../testbed/run.ts';
import { baseline, versionOf } from '../support/baseline.ts';
import { asRevision, withEndlessCheck, withStrategy } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { kubectl } from '../support/kubectl.ts';
import { allowPods, losePod } from '../support/pods.ts';
import { isPhase, promote } from '../support/promoter.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';
import { type Truth, truthOf } from '../support/truth.ts';

// What happens to a release between the promoter's judgement and its write, or between its write and the controller.

describe('a release on a real node', () => {
  const { namespace, release, expectLive, type, rollout } = baseline('faults');
  const OLD = { backend: [versionOf('v1')], web: [versionOf('v1')] };

  const paused = (member: string) =>
    until(`${member} paused before the switch`, 60, async () => (await phaseOf(member)) === 'Paused');
  const phaseOf = async (member: string) => (await rollout(member)).status?.phase;
  /** The analyses before the switch of the revision that a member runs. */
  const analysesBefore = async (member: string) => {
    const hash = (await rollout(member)).status?.currentPodHash;
    const labels = `${POD_HASH}=${hash},rollout-type=PrePromotion`;
    const found = await kubectl(['-n', namespace, 'get', 'analysisruns', '-l', labels, '-o', 'json']);
    return (JSON.parse(found) as { items: AnalysisRun[] }).items;
  };
  const pause = (member: string, paused: boolean) =>
    kubectl(['-n', namespace, 'patch', 'rollout', member, '--type=merge', '-p', JSON.stringify({ spec: { paused } })]);

  it.each([
    ['30 s after an abort, when the controller takes the new pods away', 30],
    ['for ever, when the controller leaves them', 0],
  ])('with a pod lost while held and then aborted does not stay on too few pods %s', async (_, seconds) => {
    const folder = await release(
      'v2',
      'v2',
      asRevision(`unsaturated-${seconds}`),
      withStrategy({ abortScaleDownDelaySeconds: seconds }),
      withEndlessCheck(namespace, 'after-switch'),
    );
    await apply(folder);
    let lost: Promise<unknown> | undefined;
    const { exitCode, events, unanswered, errors } = await watched(namespace, () =>
      promote(folder, [], (event) => {
        if (isPhase(event, 'verifying')) lost ??= losePod(namespace, 'backend').then(() => type('abort', 'web'));
      }),
    );
    await lost;
    expect(exitCode).toBe(4);
    expect(events.map((e) => e.message)).toContainEqual(expect.stringContaining('Service backend'));
    await expectLive('v1', 'v1');
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('repeats a promote that the controller lost because a pod went in the same instant', async () => {
    const folder = await release('v2', 'v2', asRevision('lost'));
    await apply(folder);
    let allowed: Promise<void> | undefined;
    const podLost = justBefore('promote backend', async () => {
      await losePod(namespace, 'backend');
      // It ends the pause without a switch, and pauses anew once the pods are complete again.
      allowed = until('the controller to lose the promote', 15, async () => {
        const { controllerPause, pauseConditions } = (await rollout('backend')).status ?? {};
        return !controllerPause && !pauseConditions?.length;
      }).finally(() => allowPods(namespace));
    });
    const { exitCode, events, unanswered, errors } = await watched(namespace, () => promoteHeld(folder, podLost));
    await allowed;
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
    const applied = justBefore('promote backend', async () => {
      const judged = (await rollout('backend')).status?.currentPodHash;
      await apply(newer);
      if (takenUp) {
        await until('the newer version taken up', 10, async () => {
          return (await rollout('backend')).status?.currentPodHash !== judged;
        });
      }
    });
    const { exitCode, unanswered, errors, versions } = await watched(namespace, async () => {
      const promotion = await promoteHeld(folder, applied);
      // What was not judged does not go live later, either.
      await paused('web');
      return promotion;
    });
    expect(exitCode).toBe(6);
    await expectLive('v1', 'v1');
    expect(versions, name).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('comes back when the second member fails its analysis while the first is held', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('second'));
    await apply(folder);
    let held: Truth | undefined;
    const failing = justBefore('journal returning', async () => {
      held = await truthOf(namespace, 'backend');
    });
    const { exitCode, events, unanswered } = await watched(namespace, () => promoteHeld(folder, failing));
    expect(exitCode).toBe(4);
    expect(events.find((e) => e.code === 'GOING_BACK')?.member).toBe('web');
    expect(held).toMatchObject({ live: 'v3', stable: 'v1', endpoints: ['v3'] });
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });

  it('rejected after its switch meets its gates again when it is applied again', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('rejected'));
    const v1 = await release('v1', 'v1');
    await apply(folder);
    expect((await promote(folder)).exitCode).toBe(4);
    await expectLive('v1', 'v1');
    // Applied again, both go through all of their gates.
    const { unanswered, errors, versions } = await watched(namespace, async () => {
      await apply(v1);
      await until('the old version settled', 30, async () => (await phaseOf('web')) === 'Healthy');
      await apply(folder);
      return Promise.all([paused('web'), paused('backend')]);
    });
    expect(versions).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it.each(['backend', 'web'])(
    'rejected after its switch meets its gates again when an operator retries %s',
    async (member) => {
      const folder = await release('v3', 'v2-unhealthy-active', asRevision(`retried-${member}`));
      await apply(folder);
      expect((await promote(folder)).exitCode).toBe(4);
      await expectLive('v1', 'v1');
      const judged = await analysesBefore(member);
      const { unanswered, errors, versions } = await watched(namespace, async () => {
        await type('retry', member);
        await until('a new analysis to have its verdict', 60, async () =>
          (await analysesBefore(member)).some(({ metadata, status }) => {
            const isNew = judged.every((run) => run.metadata.uid !== metadata.uid);
            return isNew && !['', 'Pending', 'Running'].includes(status?.phase ?? '');
          }),
        );
        return rollout(member);
      });
      expect(versions).toEqual(OLD);
      expect([...unanswered, ...errors]).toEqual([]);
      // Whatever that analysis said: the release is judged as a whole again, and is as bad as before.
      expect([3, 4]).toContain((await promote(folder)).exitCode);
      await expectLive('v1', 'v1');
    },
  );

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
    const { exitCode, events, unanswered, errors, versions } = await watched(namespace, () =>
      promote(folder, ['--timeout', '15']),
    );
    expect(exitCode).toBe(3);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('paused by hand');
    expect(versions).toEqual(OLD);
    expect([...unanswered, ...errors]).toEqual([]);
    await expectLive('v1', 'v1');
  });

  it('comes back when it fails while an operator has paused its members, whose Services the controller then leaves', async () => {
    const folder = await release('v2', 'v2', asRevision('frozen'), withEndlessCheck(namespace, 'after-switch'));
    await apply(folder);
    let typed: Promise<unknown> | undefined;
    const { exitCode, unanswered, errors } = await watched(namespace, () =>
      promote(folder, [], (event) => {
        if (!isPhase(event, 'verifying')) return;
        typed ??= Promise.all([pause('backend', true), pause('web', true)]).then(() => type('abort', 'web'));
      }),
    );
    await typed;
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
    expect([...unanswered, ...errors]).toEqual([]);
  });
});
