import { describe, expect, it } from 'vitest';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import type { Ask } from '../../promotion/core/journal.ts';
import { goneIn } from '../../promotion/gitops/companion.ts';
import type { Gone } from '../../promotion/gitops/git-side.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import { type Companion, carryOut } from '../../promotion/run/run.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { live, manifests, worldWith } from './simulated.ts';

// When a run turns to Git and to what syncs from it: before it makes the cluster differ from Git, and before it calls itself over.

interface Seen {
  /** What was called, with the images that the Rollouts asked for at that moment. */
  readonly calls: string[];
  readonly gone: (Gone | undefined)[];
  /** The phases in the journal when the companion was told that the release is over. */
  readonly phases: string[];
  readonly events: string[];
  readonly outcome: string;
}

async function runWith(world: World, version: string, ask: Ask = 'promote', dies = false): Promise<Seen> {
  const seen = {
    calls: [] as string[],
    gone: [] as (Gone | undefined)[],
    phases: [] as string[],
    events: [] as string[],
  };
  const asked = () =>
    world.api.list<Rollout>('rollouts').map(({ spec }) => spec.template?.spec?.containers?.[0]?.image?.split(':')[1]);
  const call = (name: string) => void seen.calls.push(`${name} ${asked().join(' ')}`);
  const connection = world.connect({});
  const companion: Companion = {
    begin: async () => call('begin'),
    hold: async () => call('hold'),
    async over(journal, outcome, plan, o) {
      call('over');
      seen.gone.push(goneIn(journal, outcome, plan, o));
      const { data } = world.api.get('configmaps', 'release-release-journal') as KubeObject & {
        data: { [k: string]: string };
      };
      seen.phases.push(JSON.parse(data['journal.json'] ?? '').phase);
      if (!dies) return 'seen-to';
      connection.kill();
      return new Promise(() => {}); // what a dead process would go on with is not sent
    },
    close: () => {},
  };
  const run = carryOut({
    ask,
    plan: planOf(manifests(version)),
    cluster: connection.cluster,
    holder: `${ask} ${version}`,
    emit: ({ code, message }) => seen.events.push(`${code} ${message}`),
    companion: () => companion,
  });
  const result = await world.play(Promise.race([run, connection.died.then(() => undefined)]));
  return { ...seen, outcome: result?.outcome ?? 'killed' };
}

const SPOILT = { 'web:v2': { analysis: { after: 'Failed' as const } } };

describe('a run with a companion', () => {
  it('tells it what went back, before the journal says that the release is over', async () => {
    const world = await worldWith(SPOILT);
    world.apply(manifests('v2'));
    const { calls, gone, phases, outcome, events } = await runWith(world, 'v2');
    expect(outcome).toBe('rolled-back');
    expect(calls).toEqual(['begin v2 v2', 'over v2 v2']);
    expect(phases).toEqual(['returning']);
    expect(gone[0]?.members.map(({ name, rejected }) => [name, rejected.spec?.containers?.[0]?.image])).toEqual([
      ['backend', 'backend:v2'],
      ['web', 'web:v2'],
    ]);
    expect(events.join('\n')).not.toContain('put the former image pins back');
  });

  it('tells it again after a run that was killed there', async () => {
    const world = await worldWith(SPOILT);
    world.apply(manifests('v2'));
    expect((await runWith(world, 'v2', 'promote', true)).outcome).toBe('killed');
    const again = await runWith(world, 'v2');
    expect(again.outcome).toBe('rolled-back');
    expect(again.calls).toEqual(['over v2 v2']);
    expect(again.gone[0]?.members.map(({ name }) => name)).toEqual(['backend', 'web']);
  });

  it('tells it again although Git has been reverted and synced before it was killed', async () => {
    const world = await worldWith(SPOILT);
    world.apply(manifests('v2'));
    expect((await runWith(world, 'v2', 'promote', true)).outcome).toBe('killed');
    world.apply(manifests('v1'));
    const again = await runWith(world, 'v2');
    expect(again.outcome).toBe('rolled-back');
    expect(again.gone[0]?.members.map(({ rejected }) => rejected.spec?.containers?.[0]?.image)).toEqual([
      'backend:v2',
      'web:v2',
    ]);
  });

  it('has it hold before it puts back the first template', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    await runWith(world, 'v2');
    const { calls, gone, outcome } = await runWith(world, 'v2', 'rollback');
    expect(outcome).toBe('restored');
    expect(calls).toEqual(['hold v2 v2', 'over v1 v1']);
    expect(gone[0]?.members.map(({ rejected }) => rejected.spec?.containers?.[0]?.image)).toEqual([
      'backend:v2',
      'web:v2',
    ]);
    expect(live(world)).toEqual(['backend:v1', 'web:v1']);
  });

  it.each([
    ['promoted', {}],
    ['first deployment', undefined],
  ] as const)('says that nothing went back of a release that is live (%s)', async (_, behaviours) => {
    const world = await worldWith(behaviours);
    world.apply(manifests('v2'));
    const { gone, outcome } = await runWith(world, 'v2');
    expect([outcome, gone]).toEqual(['promoted', [undefined]]);
  });
});
