import { expect, it } from 'vitest';
import type { Rollout } from '../../promotion/cluster/objects.ts';
import { live, manifests, run, worldWith } from './simulated.ts';

// The controller never takes traffic back for an old template alone: see "the old template again during the hold" in
// test/traces.
it.each(['backend', 'web'])(
  'traffic is back on the old version of all members when %s gets its old template during the hold',
  async (member) => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const old = manifests('v1').find((o) => o.kind === 'Rollout' && o.metadata.name === member) as Rollout;
    let done = false;
    const result = await run(world, manifests('v2'), ({ code, data }) => {
      if (code !== 'PHASE' || (data as { phase?: string }).phase !== 'verifying' || done) return;
      done = true;
      world.api.update<Rollout>('rollouts', member, (r) => ({
        ...r,
        spec: { ...r.spec, template: old.spec.template ?? {} },
      }));
    });
    expect([done, result.outcome]).toEqual([true, 'superseded']);
    expect(live(world)).toEqual(['backend:v1', 'web:v1']);
  },
);
