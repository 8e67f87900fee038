import type { AnalysisRun, KubeObject, ReplicaSet, Rollout, Service } from '../../promotion/cluster/objects.ts';
import { POD_HASH } from '../../promotion/cluster/objects.ts';
import { judgeAnalysis } from '../../promotion/core/analysis.ts';
import { epochOf } from '../../promotion/core/fence.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { Emit, Result } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { Faults } from '../../promotion/simulation/connection.ts';
import { newScheduler } from '../../promotion/simulation/scheduler.ts';
import { newWorld, type VersionBehaviour, type World } from '../../promotion/simulation/world.ts';
import { type ManifestOptions, manifests } from '../promotion/simulated.ts';

/** One release with everything that befalls it; made from a seed, and played the same way each time. */
export interface Scenario {
  readonly seed: number;
  readonly options: ManifestOptions;
  readonly behaviours: Readonly<Record<string, VersionBehaviour>>;
  /** What others do, so many milliseconds after the release was applied. */
  readonly disturbances: readonly { readonly at: number; readonly what: Disturbance; readonly member: string }[];
  /** The faults of each run; after a run that died the next begins, the last has none. */
  readonly runs: readonly Faults[];
}

type Disturbance = 'newer-apply' | 'operator-promote' | 'operator-abort' | 'operator-retry' | 'pod-lost' | 'pod-back';

export interface Ending {
  readonly result: Result;
  /** Image behind each member's active Service, and its stable revision's, at the end. */
  readonly live: Readonly<Record<string, string | undefined>>;
  readonly stable: Readonly<Record<string, string | undefined>>;
  /** Broken promises, in words. */
  readonly violations: readonly string[];
  readonly requests: number;
}

const NAMES = ['backend', 'web', 'worker', 'mailer', 'search', 'billing', 'reports', 'gateway'];

/** A scenario of the campaign, from its seed alone. */
export function scenarioOf(seed: number): Scenario {
  const { random, between } = newScheduler(seed, 0);
  const chance = (share: number) => random() < share;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const count = chance(0.6) ? 2 : between(1, 8);
  const members = NAMES.slice(0, count).map((name) => ({ name, order: between(0, 2) * 10, replicas: between(1, 3) }));
  const someone = () => pick(members).name;
  const bad: VersionBehaviour[] = [
    { readyAfter: 1e12 },
    { analysis: { before: 'Failed' } },
    { analysis: { before: 'Error' } },
    { analysis: { before: 'Inconclusive' } },
    { analysis: { after: 'Failed' } },
    { analysis: { after: 'Error' } },
    { analysis: { after: 'Inconclusive' } },
    { health: { active: false } },
    { trouble: { what: 'Error', after: between(0, 20_000), for: 1000 } },
    { trouble: { what: 'OOMKilled', after: between(0, 20_000), for: 1000 } },
    { trouble: { what: 'flap', after: between(0, 20_000), for: between(500, 60_000) } },
  ];
  const behaviours: Record<string, VersionBehaviour> = {};
  for (const { name } of members) behaviours[`${name}:v2`] = { readyAfter: between(200, 8000) };
  if (chance(0.5)) behaviours[`${someone()}:v2`] = pick(bad);
  const disturbances = chance(0.4)
    ? Array.from({ length: between(1, 3) }, () => ({
        at: between(0, 40_000),
        what: pick<Disturbance>([
          'newer-apply',
          'operator-promote',
          'operator-abort',
          'operator-retry',
          'pod-lost',
          'pod-lost',
          'pod-back',
        ]),
        member: someone(),
      }))
    : [];
  const network: Faults = chance(0.3)
    ? { failing: random() * 0.1, dropping: random() * 0.02, latency: between(8, 300) }
    : {};
  const kills = chance(0.5) ? between(1, 3) : 0;
  const runs: Faults[] = Array.from({ length: kills }, () =>
    chance(0.2)
      ? { ...network, freezes: { at: between(7, 120), for: between(20, 90) * 1000 } }
      : { ...network, dies: { at: between(1, 160), served: chance(0.5) } },
  );
  return {
    seed,
    options: {
      members,
      hold: chance(0.85) ? between(40, 150) : 0,
      abortScaleDownDelaySeconds: pick([30, 300, 600]),
      policy: {
        healthChecks: [{ name: 'answers', target: { service: someone(), port: 80, path: '/' } }],
        timeouts: { prepareSeconds: 120, switchSeconds: 30, verifySeconds: 90, settleSeconds: 30, returnSeconds: 60 },
      },
    },
    behaviours,
    disturbances,
    runs: [...runs, network],
  };
}

/** Plays a scenario to its end and checks what was promised. */
export async function play(
  { seed, options, behaviours, disturbances, runs }: Scenario,
  emit: Emit = () => {},
): Promise<Ending> {
  const world = newWorld({
    seed,
    namespace: 'shop',
    behaviourOf: (set) => behaviours[imageOf(set) ?? ''] ?? {},
  });
  const names = (options.members ?? []).map((member) => member.name);
  const v1 = manifests('v1', options);
  const v2 = manifests('v2', options);
  world.apply(v1);
  await world.play(carryOut({ plan: planOf(v1), cluster: world.cluster, holder: 'first', emit: () => {} }));
  const watcher = watchOver(world, names);
  world.apply(v2);
  for (const { at, what, member } of disturbances)
    world.scheduler.after(at, () => disturb(world, what, member, options, watcher.onOperator));

  let result: Result | undefined;
  let requests = 0;
  for (const [i, faults] of runs.entries()) {
    const { cluster, died } = world.connect(faults);
    const ran = carryOut({ plan: planOf(v2), cluster, holder: `run ${i}`, emit });
    // A run that stands still goes on later, beside the next one.
    const frozen = faults.freezes ? [died, timePasses(world, 20_000)] : [died];
    result = (await world.play(Promise.race([ran, ...frozen.map((f) => f.then(() => undefined))]))) ?? undefined;
    requests += cluster.requests();
    if (result && result.outcome !== 'locked') break;
  }
  if (!result) throw new Error('the last run ended without a result');
  await world.play(timePasses(world, 400_000));
  const images = (of: (name: string) => string | undefined) =>
    Object.fromEntries(names.map((name) => [name, of(name)]));
  const live = images((name) => liveImage(world, name));
  const stable = images((name) => setOf(world, name, world.api.get<Rollout>('rollouts', name)?.status?.stableRS));
  return {
    result,
    live,
    stable,
    violations: [...watcher.violations, ...broken(result, names, live, stable, disturbances)],
    requests,
  };
}

function timePasses(world: World, milliseconds: number): Promise<void> {
  return new Promise((resolve) => world.scheduler.after(milliseconds, resolve, true));
}

/** What the outcome promised and the cluster does not show. */
function broken(
  result: Result,
  names: readonly string[],
  live: Ending['live'],
  stable: Ending['stable'],
  disturbances: Scenario['disturbances'],
): string[] {
  const all = (of: Ending['live'], version: string) => names.every((name) => of[name] === `${name}:${version}`);
  // What somebody does after the run has ended is not its own doing.
  const isDisturbed = disturbances.length > 0;
  switch (result.outcome) {
    case 'promoted':
    case 'unchanged':
      return isDisturbed || (all(live, 'v2') && all(stable, 'v2'))
        ? []
        : [`${result.outcome}, but live is ${JSON.stringify(live)}`];
    case 'refused':
    case 'rolled-back':
    case 'superseded':
      return isDisturbed || all(live, 'v1') ? [] : [`${result.outcome}, but live is ${JSON.stringify(live)}`];
    case 'stuck':
      return isDisturbed ? [] : ['stuck although nobody interfered'];
    case 'locked':
      // A run that stood still went on and is still at it, or was; in the end the set is whole.
      return isDisturbed || all(live, 'v1') || all(live, 'v2') ? [] : [`locked, but live is ${JSON.stringify(live)}`];
    default:
      return [`ended as ${result.outcome}`];
  }
}

/** Looks at every change of the cluster for what must never happen. */
function watchOver(world: World, names: readonly string[]) {
  const violations: string[] = [];
  const operated = new Set<string>();
  const say = (text: string) => violations.push(`${new Date(world.scheduler.now()).toISOString()} ${text}`);
  const before = new Map<string, string | undefined>(names.map((name) => [name, liveImage(world, name)]));
  const epochs = new Map<string, number>();
  world.api.listen((plural, { type, object }) => {
    if (type === 'DELETED') return;
    const key = `${plural} ${object.metadata.name} ${object.metadata.uid}`;
    const epoch = epochOf(object);
    // ReplicaSets get their annotations from the Rollout, which the controller may have seen late.
    if (plural !== 'replicasets' && epoch < (epochs.get(key) ?? 0))
      say(`run ${epoch} wrote ${key} after run ${epochs.get(key)} had taken it over`);
    epochs.set(key, Math.max(epoch, epochs.get(key) ?? 0));
    if (plural !== 'services' || !names.includes(object.metadata.name)) return;
    const name = object.metadata.name;
    const image = liveImage(world, name);
    if (image === before.get(name)) return;
    before.set(name, image);
    if (image?.endsWith(':v3') && !operated.has(name)) say(`${name} went live on v3, which was never judged`);
    if (
      image?.endsWith(':v2') &&
      !operated.has(name) &&
      !hasPassed(world, name, (object as Service).spec.selector?.[POD_HASH])
    ) {
      say(`${name} went live on v2 without having passed its analysis`);
    }
  });
  return { violations, onOperator: (name: string) => operated.add(name) };
}

function hasPassed(world: World, name: string, hash: string | undefined): boolean {
  return world.api
    .list<AnalysisRun>('analysisruns')
    .some(
      (run) =>
        run.metadata.name.startsWith(`${name}-${hash}`) &&
        run.metadata.labels?.['rollout-type'] === 'PrePromotion' &&
        judgeAnalysis(run).verdict === 'pass',
    );
}

function disturb(
  world: World,
  what: Disturbance,
  member: string,
  options: ManifestOptions,
  onOperator: (name: string) => void,
): void {
  const status = (change: (status: NonNullable<Rollout['status']>) => Rollout['status']) =>
    world.api.update<Rollout>('rollouts', member, (r) => ({ ...r, status: change(r.status ?? {}) ?? {} }));
  switch (what) {
    case 'newer-apply':
      world.apply(
        manifests('v3', options).filter((o: KubeObject) => o.kind === 'Rollout' && o.metadata.name === member),
      );
      return;
    case 'operator-promote':
      status(({ pauseConditions, ...rest }) => {
        if (pauseConditions) onOperator(member);
        return rest;
      });
      return;
    case 'operator-abort':
      status((s) => ({ ...s, abort: true }));
      return;
    case 'operator-retry':
      // With its pods still up, the controller takes it live ungated: the operator's doing, not the promoter's.
      if (world.api.get<Rollout>('rollouts', member)?.status?.abort) onOperator(member);
      status((s) => ({ ...s, abort: false }));
      return;
    default: {
      const hash = world.api.get<Rollout>('rollouts', member)?.status?.currentPodHash;
      world.api.update<ReplicaSet>('replicasets', `${member}-${hash}`, (set) => {
        const available = set.status?.availableReplicas ?? 0;
        const next = what === 'pod-lost' ? Math.max(0, available - 1) : Math.min(set.spec.replicas ?? 0, available + 1);
        return { ...set, status: { ...set.status, availableReplicas: next } };
      });
    }
  }
}

function imageOf(set: ReplicaSet | undefined): string | undefined {
  return set?.spec.template?.spec?.containers?.[0]?.image;
}

function setOf(world: World, name: string, hash: string | undefined): string | undefined {
  return imageOf(world.api.get<ReplicaSet>('replicasets', `${name}-${hash}`));
}

function liveImage(world: World, name: string): string | undefined {
  return setOf(world, name, world.api.get<Service>('services', name)?.spec.selector?.[POD_HASH]);
}
