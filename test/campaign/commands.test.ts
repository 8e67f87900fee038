import { describe, expect, it } from 'vitest';
import type { Ask } from '../../promotion/core/journal.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { Result } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { Faults } from '../../promotion/simulation/connection.ts';
import { newScheduler } from '../../promotion/simulation/scheduler.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { live, type ManifestOptions, manifests, pass, stable, worldWith } from '../promotion/simulated.ts';
import { batches, RUNS } from './campaign.ts';

// `abort` and `rollback` under faults: killed at any request and typed again, at any moment of a release, they end with
// every member on one version, which is the old one when they say so.

const NAMES = ['backend', 'web', 'worker', 'mailer'];

interface Scenario {
  readonly seed: number;
  readonly ask: Ask;
  readonly options: ManifestOptions;
  /** When the promotion of v2 is killed (abort) or how long after it settled the command is typed (rollback), in milliseconds. */
  readonly at: number;
  readonly runs: readonly Faults[];
}

function scenarioOf(seed: number): Scenario {
  const { random, between } = newScheduler(seed, 0);
  const members = NAMES.slice(0, between(1, 4)).map((name) => ({
    name,
    order: between(0, 2) * 10,
    replicas: between(1, 3),
  }));
  const ask = random() < 0.5 ? 'abort' : 'rollback';
  const network: Faults =
    random() < 0.3 ? { failing: random() * 0.1, dropping: random() * 0.02, latency: between(8, 300) } : {};
  const kills = Array.from({ length: between(0, 3) }, () => ({
    ...network,
    dies: { at: between(1, 60), served: random() < 0.5 },
  }));
  return {
    seed,
    ask,
    options: { members, hold: random() < 0.85 ? 60 : 0, policy: { timeouts: { prepareSeconds: 120 } } },
    at: ask === 'abort' ? between(0, 25_000) : random() < 0.5 ? between(0, 500_000) : 800_000,
    runs: [...kills, network],
  };
}

/** Plays a scenario; returns the images behind the active Services, the stable ones, and what the last run said. */
async function play({ seed, ask, options, at, runs }: Scenario) {
  const names = (options.members ?? []).map((member) => member.name);
  const world = await worldWith({}, { ...options, seed });
  const v2 = manifests('v2', options);
  const plan = planOf(v2);
  world.apply(v2);
  const first = world.connect({});
  const promotion = carryOut({ plan, cluster: first.cluster, holder: 'first', emit: () => {} });
  if (ask === 'rollback') {
    await world.play(promotion);
    await pass(world, at / 1000);
  } else {
    await world.play(Promise.race([promotion, later(world, at)]));
  }
  let result: Result | undefined;
  for (const [i, faults] of runs.entries()) {
    const { cluster, died } = world.connect(faults);
    const ran = carryOut({ ask, plan, cluster, holder: `run ${i}`, emit: () => {} });
    result = (await world.play(Promise.race([ran, died.then(() => undefined)]))) ?? undefined;
    if (result) break;
  }
  await pass(world, 400);
  const versionsOf = (images: readonly (string | undefined)[]) => images.map((image) => image?.split(':')[1]);
  return {
    outcome: result?.outcome,
    live: versionsOf(live(world, ...names)),
    stable: versionsOf(stable(world, ...names)),
  };
}

function later(world: World, milliseconds: number): Promise<void> {
  return new Promise((resolve) => world.scheduler.after(milliseconds, resolve, true));
}

function broken(scenario: Scenario, { outcome, live, stable }: Awaited<ReturnType<typeof play>>): string[] {
  const all = (images: readonly unknown[], version: string) => images.every((image) => image === version);
  const isWhole =
    [live, stable].every((images) => all(images, 'v1')) || [live, stable].every((images) => all(images, 'v2'));
  const problem = !isWhole
    ? 'neither all old nor all new'
    : outcome === 'restored' && !all(live, 'v1')
      ? 'restored, but not on the old version'
      : // Typed before anything was there to abort, after it was decided that the set stays, or again after it was done.
        ['restored', 'usage'].includes(outcome ?? '')
        ? undefined
        : 'an outcome that nothing explains';
  return problem
    ? [`seed ${scenario.seed}: ${problem}: ${outcome}, live ${live}, stable ${stable}, ${JSON.stringify(scenario)}`]
    : [];
}

async function expectWhole(scenarios: readonly Scenario[]): Promise<void> {
  const problems: string[] = [];
  for (const scenario of scenarios) problems.push(...broken(scenario, await play(scenario)));
  expect(problems).toEqual([]);
}

describe('abort and rollback under random faults end with every member on one version', () => {
  it.each(batches(500_001, RUNS / 10).map((seeds) => ({ seeds, from: seeds[0] })))(
    'seeds from $from on',
    async ({ seeds }) => {
      await expectWhole(seeds.map(scenarioOf));
    },
  );
});

describe('killed at a request and typed again', () => {
  const members = [{ name: 'backend' }, { name: 'web', order: 10 }, { name: 'worker', order: 10 }];
  const commands: [string, Pick<Scenario, 'ask' | 'at'>, number][] = [
    ['abort', { ask: 'abort', at: 14_000 }, 50],
    ['rollback with the old pods up', { ask: 'rollback', at: 10_000 }, 50],
    ['rollback through the gates', { ask: 'rollback', at: 800_000 }, 90],
  ];
  it.each(commands)('%s', async (_, command, requests) => {
    const points = Array.from({ length: requests }, (_, i) => i + 1).filter((at) => RUNS >= 3_000 || at % 7 === 0);
    await expectWhole(
      points.flatMap((at) =>
        [true, false].map((served) => ({
          seed: 7,
          options: { members },
          ...command,
          runs: [{ dies: { at, served } }, {}],
        })),
      ),
    );
  });
});
