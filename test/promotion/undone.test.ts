import { expect, it } from 'vitest';
import type { Rollout } from '../../promotion/cluster/objects.ts';
import { disturb } from '../../promotion/rehearsal/disturb.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { live, manifests, pass, run, stable, worldWith } from './simulated.ts';

// A member that has settled gets its old template back. If it was scaled meanwhile, the controller takes that for a new release:
// it pauses, and after the promote the old revision is held as well, until a hold that nobody ends brings the new one back.
it('a settled member that is taken back stays back, also where the controller holds its old revision anew', async () => {
  const options = { hold: 60, policy: { timeouts: { settleSeconds: 20 } } };
  const world = await worldWith({}, options);
  const V2 = manifests('v2', options);
  world.apply(V2);
  const { outcome } = await run(world, V2, ({ code, member, data }: RunEvent) => {
    const { phase, stage } = (data ?? {}) as { phase?: string; stage?: string };
    if (code === 'PHASE' && phase === 'settling')
      disturb(
        { at: 0, what: 'pod-lost', member: 'backend' },
        { world, manifests: { newer: [] }, onOperator: () => {} },
      );
    if (code === 'MEMBER' && member === 'web' && stage === 'settled')
      world.api.update<Rollout>('rollouts', 'web', (web) => ({ ...web, spec: { ...web.spec, replicas: 3 } }));
  });
  await pass(world, 400);
  expect([outcome, live(world), stable(world)]).toEqual([
    'rolled-back',
    ['backend:v1', 'web:v1'],
    ['backend:v1', 'web:v1'],
  ]);
});
