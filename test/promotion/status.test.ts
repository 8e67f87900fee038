import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import type { Pod, Rollout } from '../../promotion/cluster/objects.ts';
import { RESOURCES } from '../../promotion/cluster/port.ts';
import type { Observation } from '../../promotion/core/observation.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { renderStatus } from '../../promotion/status/render.ts';
import { type Status, statusOf } from '../../promotion/status/status.ts';
import { type ManifestOptions, manifests, run, worldWith } from './simulated.ts';

const CRASHING: Required<Pod>['status'] = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'False' }],
  containerStatuses: [
    { name: 'main', ready: false, restartCount: 4, state: { waiting: { reason: 'CrashLoopBackOff' } } },
  ],
};

function observe(world: World): Observation {
  const kinds = Object.entries(RESOURCES).map(([kind, { plural }]) => [
    kind,
    new Map(world.api.list(plural).map((object) => [object.metadata.name, object])),
  ]);
  return { ...Object.fromEntries(kinds), checks: new Map(), listedAt: world.scheduler.now() };
}

function look(world: World, version: string, options: ManifestOptions = {}, crashing = ''): Status {
  const seen = observe(world);
  const pods = new Map(seen.pods);
  for (const [name, pod] of pods)
    if (crashing && name.startsWith(crashing) && name.endsWith('-0')) pods.set(name, { ...pod, status: CRASHING });
  const plan = planOf(manifests(version, options));
  return statusOf(plan, 'shop', { ...seen, pods }, world.scheduler.now());
}

const member = (status: Status, name: string) => status.members.find((m) => m.name === name);
const shown = (world: World, status: Status) =>
  renderStatus(status, world.scheduler.now(), new Chalk({ level: 0 })).join('\n');
/** Lets time pass, in which the controller also sees what it had missed, as it does after its next resync. */
async function pass(world: World, seconds: number): Promise<void> {
  for (const half of ['first', 'second']) {
    await world.play(world.cluster.sleep(seconds * 500));
    for (const { metadata } of world.api.list('rollouts'))
      world.api.update('rollouts', metadata.name, (rollout) => ({
        ...rollout,
        metadata: {
          ...rollout.metadata,
          annotations: { ...rollout.metadata.annotations, looked: `${half} ${seconds}` },
        },
      }));
  }
}

describe('the status of a release', () => {
  it('is fine when every member is live and stable on these manifests', async () => {
    const world = await worldWith();
    const status = look(world, 'v1');
    expect(status.findings).toEqual([]);
    expect(member(status, 'backend')).toMatchObject({
      stage: 'settled',
      images: { wanted: { main: 'backend:v1' }, live: { main: 'backend:v1' }, stable: { main: 'backend:v1' } },
      revisions: [
        { number: 1, roles: ['active', 'preview', 'stable', 'current'], replicas: { wanted: 2, available: 2 } },
      ],
    });
    expect(shown(world, status)).toMatch(
      /all live and stable\n\n✔ backend {2}settled.*\n {2}live, stable and wanted: backend:v1\n/,
    );
  });

  it('says what is live, stable and wanted, and how the new revision is judged, while it waits for its switch', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    await pass(world, 20);
    const status = look(world, 'v2');
    expect(status.findings).toEqual([
      expect.stringContaining('backend is prepared: '),
      expect.stringContaining('web is prepared: '),
    ]);
    const backend = member(status, 'backend');
    expect(backend?.images.wanted).toEqual({ main: 'backend:v2' });
    expect(backend?.images.live).toEqual({ main: 'backend:v1' });
    expect(backend?.revisions.map(({ number, roles }) => [number, roles])).toEqual([
      [2, ['preview', 'current']],
      [1, ['active', 'stable']],
    ]);
    expect(backend?.revisions[0]?.analyses).toEqual([
      expect.objectContaining({
        when: 'before the switch',
        verdict: 'pass',
        reason: expect.stringContaining('3 of 3'),
      }),
    ]);
    expect(shown(world, status)).toContain('wanted: backend:v2');
  });

  it('counts down to the end of instant rollback, which is also how long the old version is not gated', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    await run(world, manifests('v2'));
    await pass(world, 1);
    const status = look(world, 'v2');
    expect(status.findings).toEqual([]);
    expect(member(status, 'web')?.revisions[0]?.analyses.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
    const old = member(status, 'web')?.revisions.find(({ number }) => number === 1);
    const left = Date.parse(old?.upUntil ?? '') - world.scheduler.now();
    expect(left).toBeGreaterThan(500_000);
    expect(left).toBeLessThanOrEqual(600_000);
    expect(shown(world, status)).toMatch(
      /instant rollback until \d\d:\d\d:\d\d \(9 min\) to revision 1 \(web:v1\): applied again before then it goes live at once, past every gate/,
    );
    await pass(world, 700);
    expect(shown(world, look(world, 'v2'))).not.toContain('instant rollback');
  });

  it('warns of a refused revision that is still up', async () => {
    const world = await worldWith({ 'backend:v2': { analysis: { before: 'Failed' } } });
    world.apply(manifests('v2'));
    await pass(world, 20);
    const status = look(world, 'v2');
    expect(member(status, 'backend')?.stage).toMatch(/aborted|rejected/);
    expect(member(status, 'backend')?.revisions[0]).toMatchObject({
      isRejected: true,
      analyses: [{ verdict: 'fail' }],
    });
    world.apply(manifests('v1'));
    await pass(world, 5);
    expect(shown(world, look(world, 'v1'))).toMatch(/revision 2 \(backend:v2\) is still up although a gate refused it/);
  });

  it('says when the hold of a switched member ends', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    await pass(world, 20);
    for (const name of ['backend', 'web'])
      world.api.patch('rollouts', name, [{ op: 'remove', path: '/status/pauseConditions' }], 'status');
    await pass(world, 15);
    const status = look(world, 'v2');
    expect(member(status, 'web')?.stage).toBe('held');
    const after = member(status, 'web')?.revisions[0]?.analyses.at(-1);
    expect(after).toMatchObject({ when: 'after the switch', verdict: 'pass' });
    expect(Date.parse(after?.holdEnds ?? '')).toBeGreaterThan(world.scheduler.now());
    expect(shown(world, status)).toMatch(/hold until \d\d:\d\d:\d\d \(\d+ s\), then it goes back by itself/);
  });

  it('names a live pod that is not well', async () => {
    const world = await worldWith();
    const status = look(world, 'v1', {}, 'web');
    expect(status.findings).toEqual([expect.stringMatching(/^web: pod web-.*-0 is not ready \(CrashLoopBackOff\)$/)]);
    expect(shown(world, status)).toMatch(/pod web-\S+-0 {2}not ready, 4 restarts, CrashLoopBackOff/);
  });

  it('says that manifests are not applied, and that a Rollout is missing', async () => {
    const world = await worldWith({}, { members: [{ name: 'backend' }] });
    const status = look(world, 'v2');
    expect(status.members.map(({ stage }) => stage)).toEqual(['outdated', 'absent']);
    expect(status.findings[0]).toContain('these manifests want main=backend:v2');
    expect(member(status, 'web')).toMatchObject({ revisions: [], retired: 0, images: { live: {}, stable: {} } });
  });

  it('does not take the ReplicaSets of an earlier Rollout of that name for its own', async () => {
    const world = await worldWith();
    world.api.update<Rollout>('rollouts', 'web', (r) => ({ ...r, metadata: { ...r.metadata, uid: 'another' } }));
    expect(member(look(world, 'v1'), 'web')?.revisions).toEqual([]);
  });
});
