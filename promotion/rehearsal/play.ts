import type { EndpointSlice, KubeObject, ReplicaSet, Rollout } from '../cluster/objects.ts';
import type { Phase } from '../core/journal.ts';
import { pinOf } from '../core/pin.ts';
import { shareOf } from '../core/serving.ts';
import { type Member, type Plan, planOf, type Source } from '../plan/plan.ts';
import { secretsOf } from '../preflight/secrets.ts';
import type { Emit, Result } from '../report/events.ts';
import { carryOut } from '../run/run.ts';
import type { Connection, Faults } from '../simulation/connection.ts';
import { newWorld, type VersionBehaviour, type World } from '../simulation/world.ts';
import { autoscalersIn, type Disturbance, disturb } from './disturb.ts';
import type { Version } from './versions.ts';
import { liveHash, watchOver } from './watch-over.ts';

/** One release in the simulation with everything that befalls it; played the same way each time. */
export interface Story {
  readonly seed: number;
  /** The whole manifests of each version. */
  readonly manifests: Readonly<Record<Version, readonly KubeObject[]>>;
  /** Which version the pods of a ReplicaSet are. */
  readonly versionOf: (set: ReplicaSet) => Version | undefined;
  readonly behaviourOf: (set: ReplicaSet) => VersionBehaviour;
  readonly disturbances: readonly Disturbance[];
  /** The faults of each run; after a run that died the next begins. Where the last one dies, nobody comes back. */
  readonly runs: readonly Faults[];
  /** How long it goes on after the last run, in milliseconds. */
  readonly afterwards: number;
}

/** What the simulated API server shows at the end of a story, and what the tool said. */
export interface Ending {
  /** Of the last run that did not die; undefined when all did. */
  readonly result?: Result;
  /** The version behind each member's active Service, and its stable revision's. */
  readonly live: Readonly<Record<string, Version | undefined>>;
  readonly stable: Readonly<Record<string, Version | undefined>>;
  /** Members that still have pods of the new version while they are not live on it. */
  readonly leftUp: readonly string[];
  /** Autoscalers whose bounds are still those of a switch, although no run stood still. */
  readonly pinned: readonly string[];
  /** What happened on the way that must never happen, in words. */
  readonly violations: readonly string[];
  /** The phase in which something of `disturbances` first befell the last run. */
  readonly disturbedIn?: Phase;
  readonly requests: number;
}

/** How long a run that stood still may go on beside the next one, in milliseconds. */
const BESIDE = 20_000;

/** The Secrets that pods cannot start without: people make them, so a manifests folder does not hold them. */
export function madeByPeople(objects: readonly KubeObject[], namespace: string): KubeObject[] {
  return [...secretsOf(objects).keys()].map((name) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
  }));
}

/** Not of a run that another one shut out, or that saw nothing. */
const saysWhereItIs = ({ outcome }: Result) => outcome !== 'locked' && outcome !== 'unreachable';

/** Brings the old version up, applies the new one and promotes it, with all that befalls it. `emit` hears each run. */
export async function play(story: Story, emit: Emit = () => {}): Promise<Ending> {
  const { manifests, versionOf, disturbances, runs } = story;
  const namespace = namespaceOf(manifests.new);
  const world = newWorld({ seed: story.seed, namespace, behaviourOf: story.behaviourOf });
  const plans = { old: unchecked(planOf(manifests.old, DRAFT)), new: planOf(manifests.new, DRAFT) };
  world.apply(madeByPeople(manifests.old, namespace));
  world.apply(manifests.old);
  const first = await world.play(
    carryOut({ plan: plans.old, cluster: world.cluster, holder: 'first', emit: () => {} }),
  );
  if (first.outcome !== 'promoted' && first.outcome !== 'unchanged') {
    throw new CannotBegin(`the version before does not come up in the simulation: ${first.outcome}`);
  }
  const watcher = watchOver(world, plans.new.members, versionOf);
  world.apply(manifests.new);

  let phase: Phase = 'preparing';
  let disturbedIn: Phase | undefined;
  let current: { connection: Connection; stop: AbortController } | undefined;
  const tell = (message: string) =>
    emit({ time: world.cluster.now().toISOString(), code: 'REHEARSAL', level: 'warning', message });
  const befall = (disturbance: Disturbance) => {
    disturbedIn ??= phase;
    tell(`${disturbance.what} befalls ${disturbance.member}`);
    disturb(disturbance, { world, manifests, onOperator: watcher.onOperator, ...current });
  };
  for (const disturbance of disturbances)
    if (typeof disturbance.at === 'number') world.scheduler.after(disturbance.at, () => befall(disturbance));

  const entered = new Set<Phase>();
  function enter(next: Phase): void {
    phase = next;
    if (entered.has(next)) return;
    entered.add(next);
    for (const disturbance of disturbances) {
      const { at } = disturbance;
      if (typeof at === 'number' || at.phase !== next) continue;
      world.scheduler.after(at.after, () => {
        if (phase === next) befall(disturbance);
      });
    }
  }
  enter('preparing');

  let result: Result | undefined;
  /** The run that acted last, and what it said in the end: one that stood still may tell its own, older end later. */
  let actor: number | undefined;
  let last: Result | undefined;
  let requests = 0;
  for (const [i, faults] of runs.entries()) {
    const connection = world.connect(faults);
    const stop = new AbortController();
    current = { connection, stop };
    const hear: Emit = (event) => {
      emit(event);
      if (event.code === 'PHASE') enter((event.data as { phase: Phase }).phase);
      if (event.code === 'ACT') actor = i;
      if (event.code === 'RESULT' && actor === i && saysWhereItIs(event.data as Result)) last = event.data as Result;
    };
    const ran = carryOut({
      plan: plans.new,
      cluster: connection.cluster,
      holder: `run ${i}`,
      emit: hear,
      signal: stop.signal,
    });
    // A run that stands still goes on later, beside the next one; one that did not hold the release yet may even begin then.
    const lost = faults.freezes ? [connection.died, timePasses(world, BESIDE)] : [connection.died];
    result = (await world.play(Promise.race([ran, ...lost.map((f) => f.then(() => undefined))]))) ?? undefined;
    requests += connection.cluster.requests();
    if (!result) tell(faults.freezes ? 'the run stands still' : 'the run died');
    if (result && result.outcome !== 'locked') break;
  }
  await world.play(timePasses(world, story.afterwards));
  result = last ?? result;

  const names = plans.new.members.map(({ name }) => name);
  const setOf = (name: string, hash: string | undefined) => world.api.get<ReplicaSet>('replicasets', `${name}-${hash}`);
  const versions = (hashOf: (name: string) => string | undefined) =>
    Object.fromEntries(
      names.map((name) => {
        const set = setOf(name, hashOf(name));
        return [name, set && versionOf(set)];
      }),
    );
  const live = versions((name) => {
    const member = plans.new.members.find((m) => m.name === name);
    return member && (member.canary ? onlyHash(world, member, story) : liveHash(world, member));
  });
  const isLeftUp = (name: string) =>
    live[name] !== 'new' &&
    world.api
      .list<ReplicaSet>('replicasets')
      .some(
        (set) =>
          set.metadata.ownerReferences?.[0]?.name === name && versionOf(set) === 'new' && (set.spec.replicas ?? 0) > 0,
      );
  return {
    ...(result ? { result } : {}),
    live,
    stable: versions((name) => world.api.get<Rollout>('rollouts', name)?.status?.stableRS),
    leftUp: names.filter(isLeftUp),
    // A run that stood still while it was ending may have used up its time to give them back.
    pinned: runs.some(({ freezes }) => freezes)
      ? []
      : [...autoscalersIn(world).autoscalers.values()].flatMap((a) => (pinOf(a) ? [a.metadata.name] : [])),
    violations: watcher.violations,
    ...(disturbedIn ? { disturbedIn } : {}),
    requests,
  };
}

/**
 * The pod-template hash of all pods that a canary's traffic goes to; undefined where they are of several. But for those of a
 * newer version at its first weight: it is not what this release gave the traffic to.
 */
function onlyHash(world: World, member: Member, { versionOf }: Pick<Story, 'versionOf'>): string | undefined {
  const { activeService, canary, name, previewService } = member;
  const rollout = world.api.get<Rollout>('rollouts', name);
  const isShared = canary?.routed !== undefined && rollout && shareOf(rollout) > 0;
  const hashes = new Set(
    [activeService, ...(isShared ? [previewService] : [])]
      .flatMap((service) => world.api.get<EndpointSlice>('endpointslices', `${service}-slice`)?.endpoints ?? [])
      .map(({ targetRef }) => targetRef?.name?.slice(name.length + 1).split('-')[0]),
  );
  const isWaiting = (hash: string | undefined) => {
    const set = world.api.get<ReplicaSet>('replicasets', `${name}-${hash}`);
    return set && versionOf(set) === 'newer' && hash !== liveHash(world, member);
  };
  const [hash, ...others] = [...hashes].filter((each) => !isWaiting(each));
  return others.length === 0 ? hash : undefined;
}

/** The manifests cannot be played, because already what comes before the story fails. */
export class CannotBegin extends Error {}

/** Image pins may stand for no image yet: nothing is pulled here. */
const DRAFT: Source = { name: 'these manifests', fileOf: () => undefined, allowsPlaceholders: true };

/** Health checks are the new version's: they ask for what the old one cannot answer, its version. */
function unchecked(plan: Plan): Plan {
  return { ...plan, policy: { ...plan.policy, healthChecks: [] } };
}

function namespaceOf(objects: readonly KubeObject[]): string {
  return objects.find(({ kind }) => kind === 'Rollout')?.metadata.namespace ?? 'default';
}

function timePasses(world: World, milliseconds: number): Promise<void> {
  return new Promise((resolve) => world.scheduler.after(milliseconds, resolve, true));
}
