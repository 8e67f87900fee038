import { describe, expect, it } from 'vitest';
import type { HorizontalPodAutoscaler, Rollout } from '../../promotion/cluster/objects.ts';
import { FIELD_MANAGER } from '../../promotion/cluster/port.ts';
import { PINNED } from '../../promotion/core/pin.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import { disturb } from '../../promotion/rehearsal/disturb.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { live, manifests, pass, run, worldWith } from './simulated.ts';

// A HorizontalPodAutoscaler that scales in the middle of a switch makes the controller lose a promote, or leave an aborted
// member where it is: the number of pods is kept still meanwhile.

const options = {
  members: [
    { name: 'backend', order: 0, replicas: 2, autoscaled: 6 },
    { name: 'web', order: 10, replicas: 2 },
  ],
};
const V2 = manifests('v2', options);
const autoscaler = (world: World) => world.api.get<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend');
const bounds = (world: World) => [autoscaler(world)?.spec.minReplicas, autoscaler(world)?.spec.maxReplicas];
const isPinned = (world: World) => autoscaler(world)?.metadata.annotations?.[PINNED] !== undefined;
const replicas = (world: World) => world.api.get<Rollout>('rollouts', 'backend')?.spec.replicas;
const load = (world: World) =>
  disturb({ at: 0, what: 'load', member: 'backend' }, { world, manifests: { newer: [] }, onOperator: () => {} });
const phaseOf = ({ code, data }: RunEvent) => (code === 'PHASE' ? (data as { phase: string }).phase : undefined);

describe('the autoscaler of a member', () => {
  it('asks for no other number of pods from before the first promote until the set has settled', async () => {
    const world = await worldWith({}, options);
    world.apply(V2);
    const seen: unknown[] = [];
    const { outcome } = await run(world, V2, (event) => {
      if (!['switching', 'verifying', 'settling'].includes(phaseOf(event) ?? '')) return;
      load(world);
      seen.push([bounds(world), replicas(world)]);
    });
    expect(outcome).toBe('promoted');
    expect(seen).toEqual([2, 2, 2].map((n) => [[n, n], n]));
    expect([bounds(world), isPinned(world)]).toEqual([[2, 6], false]);
  });

  it('has its bounds back after the set has come back', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { after: 'Failed' } } }, options);
    world.apply(V2);
    const { outcome } = await run(world, V2);
    expect(outcome).toBe('rolled-back');
    expect([bounds(world), isPinned(world)]).toEqual([[2, 6], false]);
    expect(live(world)).toEqual(['backend:v1', 'web:v1']);
  });

  it('has its bounds back from the run after one that was killed', async () => {
    const world = await worldWith({}, options);
    world.apply(V2);
    const connection = world.connect({});
    const killed = carryOut({
      plan: planOf(V2),
      cluster: connection.cluster,
      holder: 'killed',
      emit: (event) => {
        if (phaseOf(event) === 'verifying') connection.kill();
      },
    });
    await world.play(Promise.race([killed, connection.died]));
    expect(bounds(world)).toEqual([2, 2]);
    const { outcome } = await run(world, V2);
    expect(outcome).toBe('promoted');
    expect([bounds(world), isPinned(world)]).toEqual([[2, 6], false]);
  });

  it('is left as somebody has set it meanwhile', async () => {
    const world = await worldWith({}, options);
    world.apply(V2);
    const { outcome } = await run(world, V2, (event) => {
      if (phaseOf(event) !== 'verifying') return;
      world.api.update<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend', (found) => ({
        ...found,
        spec: { ...found.spec, minReplicas: 2, maxReplicas: 9 },
      }));
    });
    expect(outcome).toBe('promoted');
    expect([bounds(world), isPinned(world)]).toEqual([[2, 9], false]);
  });

  it('does not keep a release waiting that cannot give it its bounds back', async () => {
    const world = await worldWith({}, options);
    world.apply(V2);
    const { outcome, durationMs } = await run(world, V2, (event) => {
      if (phaseOf(event) !== 'settling') return;
      // Somebody else writes it all the time.
      const again = () => {
        world.api.update<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend', (found) => ({
          ...found,
          metadata: { ...found.metadata, labels: { at: String(world.scheduler.now()) } },
        }));
        world.scheduler.after(1, again);
      };
      again();
    });
    expect(outcome).toBe('promoted');
    expect(durationMs).toBeLessThan(120_000);
  });

  it('is given back by the next command, whatever that finds', async () => {
    const world = await worldWith({}, options);
    await pass(world, 1000);
    world.api.update<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend', (found) => ({
      ...found,
      metadata: {
        ...found.metadata,
        annotations: { [PINNED]: JSON.stringify({ minReplicas: 2, maxReplicas: 6, replicas: 3 }) },
      },
      spec: { ...found.spec, minReplicas: 3, maxReplicas: 3 },
    }));
    expect((await run(world, manifests('v1', options))).outcome).toBe('unchanged');
    expect([bounds(world), isPinned(world)]).toEqual([[2, 6], false]);
  });

  it('whose note is none of this tool is not touched', async () => {
    const world = await worldWith({}, options);
    const notes = [
      '',
      'true',
      '{"minReplicas":0,"maxReplicas":6,"replicas":2}',
      '{"minReplicas":7,"maxReplicas":6,"replicas":2}',
    ];
    for (const note of notes) {
      world.api.update<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend', (found) => ({
        ...found,
        metadata: { ...found.metadata, annotations: { [PINNED]: note } },
        spec: { ...found.spec, minReplicas: 2, maxReplicas: 2 },
      }));
      expect((await run(world, manifests('v1', options))).outcome).toBe('unchanged');
      expect([bounds(world), autoscaler(world)?.metadata.annotations?.[PINNED]]).toEqual([[2, 2], note]);
    }
  });

  it('is left to whoever applied it', async () => {
    const world = await worldWith({}, options);
    const owner = { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:metrics': {} } } };
    const ours = {
      manager: FIELD_MANAGER,
      operation: 'Update',
      fieldsV1: { 'f:spec': { 'f:minReplicas': {}, 'f:maxReplicas': {} } },
    };
    world.api.update<HorizontalPodAutoscaler>('horizontalpodautoscalers', 'backend', (found) => ({
      ...found,
      metadata: { ...found.metadata, managedFields: [owner, ours] },
    }));
    world.apply(V2);
    expect((await run(world, V2)).outcome).toBe('promoted');
    expect(autoscaler(world)?.metadata.managedFields).toEqual([
      { ...owner, fieldsV1: { 'f:spec': { 'f:metrics': {}, 'f:minReplicas': {}, 'f:maxReplicas': {} } } },
    ]);
  });
});
