import { describe, expect, it } from 'vitest';
import { planOf } from '../../promotion/plan/plan.ts';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { killedIn, live, manifests, worldWith } from './simulated.ts';

const V1 = ['backend:v1', 'web:v1'];
const V2 = ['backend:v2', 'web:v2'];

/** A freeze around any time that a simulated world has. */
const freezes: PolicyInput['freezes'] = [
  { from: '1970-01-01T00:00:00Z', to: '9000-01-01T00:00:00Z', reason: 'year end' },
];
const release = (version: string) => manifests(version, { policy: { freezes } });

/** v1 is live, and v2 is applied. */
async function applied(): Promise<World> {
  const world = await worldWith();
  world.apply(release('v2'));
  return world;
}

async function run(world: World, version: string, more: Partial<Parameters<typeof carryOut>[0]> = {}) {
  const { cluster } = world.connect({});
  const events: RunEvent[] = [];
  const plan = planOf(release(version));
  const result = await world.play(
    carryOut({ plan, cluster, holder: 'ada', emit: (event) => events.push(event), ...more }),
  );
  return { ...result, events, message: events.at(-1)?.message ?? '' };
}

describe('a freeze', () => {
  it('refuses a promotion, and nothing is written', async () => {
    const world = await applied();
    const { outcome, exitCode, message, events } = await run(world, 'v2');
    expect([outcome, exitCode]).toEqual(['refused', 3]);
    expect(message).toMatch(
      /nothing was written: release release is frozen until 9000-01-01T00:00:00Z: year end; .*--break-glass/,
    );
    expect(events.map(({ code }) => code).filter((code) => code === 'ACT')).toEqual([]);
    expect(live(world)).toEqual(V1);
  });

  it('is broken for a reason, which is told', async () => {
    const world = await applied();
    const { outcome, events } = await run(world, 'v2', { breakGlass: 'the bank calls' });
    expect(outcome).toBe('promoted');
    expect(events.find(({ code }) => code === 'FROZEN')?.message).toMatch(/until 9000.*year end\): the bank calls/);
    expect(live(world)).toEqual(V2);
  });

  it('refuses a dry run, too, and leaves alone what is live already', async () => {
    expect((await run(await applied(), 'v2', { isDryRun: true })).outcome).toBe('refused');
    expect((await run(await worldWith(), 'v1')).outcome).toBe('unchanged');
  });

  it('never keeps a release from going back', async () => {
    const world = await applied();
    expect((await run(world, 'v2', { ask: 'abort' })).outcome).toBe('restored');
    expect(live(world)).toEqual(V1);
  });

  it('does not leave a release half-way that had begun before it', async () => {
    const world = await applied();
    await killedIn(world, 'verifying');
    const { outcome } = await run(world, 'v2', { lockPatience: 60_000 });
    expect(outcome).not.toBe('refused');
    expect(live(world)).toEqual(outcome === 'promoted' ? V2 : V1);
  });
});
