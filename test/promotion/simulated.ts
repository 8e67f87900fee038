import {
  type EndpointSlice,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
} from '../../promotion/cluster/objects.ts';
import type { Ask } from '../../promotion/core/journal.ts';
import type { Folder } from '../../promotion/evidence/folder.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { Faults } from '../../promotion/simulation/connection.ts';
import { newWorld, type VersionBehaviour, type World } from '../../promotion/simulation/world.ts';

export interface ManifestOptions {
  /**
   * `autoscaled` is the most pods of a HorizontalPodAutoscaler whose least are `replicas`; without it there is none.
   * `canary` makes it one, in the place of blue-green, with a router if it says so; a canary is always held.
   */
  readonly members?: readonly {
    readonly name: string;
    readonly order?: number;
    readonly replicas?: number;
    readonly autoscaled?: number;
    readonly canary?: boolean | 'routed';
  }[];
  readonly policy?: PolicyInput;
  /** The post-promotion hold, in measurements of 2 s each; 0 leaves it out. */
  readonly hold?: number;
  readonly abortScaleDownDelaySeconds?: number;
}

const MEMBERS = [
  { name: 'backend', order: 0 },
  { name: 'web', order: 10 },
];

/** The manifests of a release whose every image is `version`. */
export function manifests(version: string, options: ManifestOptions = {}): KubeObject[] {
  const { policy, hold = 60 } = options;
  const members: NonNullable<ManifestOptions['members']> = options.members ?? MEMBERS;
  const objects: object[] = members.flatMap(({ name, ...member }) => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { ports: [{ port: 80 }], ...(member.canary === true ? { selector: { app: name } } : {}) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `${name}-preview`, namespace: 'shop' },
      spec: { ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AnalysisTemplate',
      metadata: { name: `${name}-pre`, namespace: 'shop' },
      spec: { metrics: [{ name: 'health', initialDelay: '2s', interval: '1s', count: 3, failureLimit: 0 }] },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AnalysisTemplate',
      metadata: { name: `${name}-post`, namespace: 'shop' },
      spec: {
        metrics: [
          { name: 'health', initialDelay: '2s', interval: '1s', count: 3, failureLimit: 0 },
          ...(hold > 0 || member.canary
            ? [{ name: 'hold', interval: '2s', count: (hold || 60) + 2, failureLimit: hold || 60 }]
            : []),
        ],
      },
    },
    ...(member.autoscaled === undefined
      ? []
      : [
          {
            apiVersion: 'autoscaling/v2',
            kind: 'HorizontalPodAutoscaler',
            metadata: { name, namespace: 'shop' },
            spec: {
              scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name },
              minReplicas: member.replicas ?? 2,
              maxReplicas: member.autoscaled,
            },
          },
        ]),
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: {
        name,
        namespace: 'shop',
        annotations: { 'moneywise.app/promotion-order': String(member.order ?? 0) },
      },
      spec: {
        replicas: member.replicas ?? 2,
        selector: { matchLabels: { app: name } },
        strategy: member.canary === 'routed' ? routed(name) : member.canary ? canary(name) : blueGreen(name, options),
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'main', image: `${name}:${version}` }] },
        },
      },
    },
  ]);
  if (policy) {
    objects.push({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'release-policy' },
      data: { 'policy.yaml': JSON.stringify(policy) },
    });
  }
  return objects as KubeObject[];
}

function blueGreen(name: string, options: ManifestOptions) {
  return {
    blueGreen: {
      activeService: name,
      previewService: `${name}-preview`,
      autoPromotionEnabled: false,
      scaleDownDelaySeconds: 600,
      abortScaleDownDelaySeconds: options.abortScaleDownDelaySeconds ?? 600,
      prePromotionAnalysis: { templates: [{ templateName: `${name}-pre` }] },
      postPromotionAnalysis: { templates: [{ templateName: `${name}-post` }] },
    },
  };
}

/** What the construct renders, with a weight in between. */
function canary(name: string) {
  const judged = (when: 'pre' | 'post') => ({ analysis: { templates: [{ templateName: `${name}-${when}` }] } });
  return {
    canary: {
      canaryService: `${name}-preview`,
      steps: [
        { setWeight: 25 },
        judged('pre'),
        { pause: {} },
        { setWeight: 40 },
        { pause: { duration: '3s' } },
        { setWeight: 60 },
        judged('post'),
      ],
    },
  };
}

/** The same with a router. */
function routed(name: string) {
  const { steps, ...strategy } = canary(name).canary;
  const [, before, pause, , wait, , after] = steps;
  return {
    canary: {
      ...strategy,
      stableService: name,
      trafficRouting: { alb: { ingress: 'public', servicePort: 80 } },
      scaleDownDelaySeconds: 600,
      abortScaleDownDelaySeconds: 600,
      steps: [
        { setCanaryScale: { weight: 25 } },
        { setWeight: 0 },
        before,
        pause,
        { setCanaryScale: { matchTrafficWeight: true } },
        { setWeight: 40 },
        wait,
        { setWeight: 75 },
        after,
      ],
    },
  };
}

/** A simulated cluster in which `behaviours` says how each image behaves, and `v1` of the manifests is live and stable. */
export async function worldWith(
  behaviours: Readonly<Record<string, VersionBehaviour>> = {},
  options: ManifestOptions & { readonly seed?: number } = {},
): Promise<World> {
  const world = newWorld({
    seed: options.seed ?? 1,
    namespace: 'shop',
    behaviourOf: (set) => behaviours[set.spec.template?.spec?.containers?.[0]?.image ?? ''] ?? {},
  });
  world.apply(manifests('v1', options));
  await run(world, manifests('v1', options));
  return world;
}

/** Promotes `objects` in `world`; `at` hears each event and may interfere. */
export async function run(
  world: World,
  objects: readonly KubeObject[],
  at: (event: RunEvent) => void = () => {},
  signal?: AbortSignal,
  evidence?: Folder,
  ask: Ask = 'promote',
) {
  const events: RunEvent[] = [];
  const result = await world.play(
    carryOut({
      ask,
      plan: planOf(objects),
      cluster: world.cluster,
      holder: 'test',
      emit: (event) => {
        events.push(event);
        at(event);
      },
      ...(signal ? { signal } : {}),
      ...(evidence ? { evidence } : {}),
    }),
  );
  return { ...result, events };
}

/**
 * What each member's active Service selects, as the image of the ReplicaSet behind it: read from the API, not from a report.
 * Of a canary nothing, for its Service leads to both; `serving` says what answers there.
 */
export function live(world: World, ...names: string[]): (string | undefined)[] {
  return imagesOf(world, names, (name) => world.api.get<Service>('services', name)?.spec.selector?.[POD_HASH]);
}

/** The images of the pods behind a member's active Service, and how many of each. */
export function serving(world: World, name: string): Record<string, number> {
  const { endpoints = [] } = world.api.get<EndpointSlice>('endpointslices', `${name}-slice`) ?? {};
  const images = endpoints.flatMap(({ targetRef }) => {
    const hash = targetRef?.name?.slice(name.length + 1).split('-')[0];
    return imagesOf(world, [name], () => hash)[0] ?? [];
  });
  return Object.fromEntries([...new Set(images)].map((image) => [image, images.filter((i) => i === image).length]));
}

/** The image of each member's stable revision, read from the API. */
export function stable(world: World, ...names: string[]): (string | undefined)[] {
  return imagesOf(world, names, (name) => world.api.get<Rollout>('rollouts', name)?.status?.stableRS);
}

/** Images of the ReplicaSets with these hashes, one a member; without names of the members that `manifests` has. */
function imagesOf(world: World, names: string[], hashOf: (name: string) => string | undefined) {
  return (names.length > 0 ? names : MEMBERS.map(({ name }) => name)).map((name) => {
    const set = world.api.get<ReplicaSet>('replicasets', `${name}-${hashOf(name)}`);
    return set?.spec.template?.spec?.containers?.[0]?.image;
  });
}

/** Lets that many seconds of virtual time pass with nobody promoting. */
export async function pass(world: World, seconds: number): Promise<void> {
  let over = false;
  world.scheduler.after(seconds * 1000, () => {
    over = true;
  });
  await world.scheduler.runUntil(() => over, seconds * 1000);
}

/** Promotes v2 and stops dead once the release is in that phase, as `kill -9` does. */
export async function killedIn(world: World, phase: string, objects = manifests('v2')): Promise<void> {
  world.apply(objects);
  const faults: { -readonly [F in keyof Faults]: Faults[F] } = {};
  const { cluster, died } = world.connect(faults);
  await world.play(
    Promise.race([
      died,
      carryOut({
        plan: planOf(objects),
        cluster,
        holder: 'the killed one',
        emit: ({ code, data }) => {
          if (code === 'PHASE' && (data as { phase: string }).phase === phase)
            faults.dies = { at: cluster.requests() + 1, served: true };
        },
      }),
    ]),
  );
}
