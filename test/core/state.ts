import type {
  AnalysisRun,
  EndpointSlice,
  KubeObject,
  Pod,
  PodTemplate,
  ReplicaSet,
  Rollout,
  Service,
} from '../../promotion/cluster/objects.ts';
import type { Objects, Watched } from '../../promotion/cluster/port.ts';
import type { Observation, Verdict } from '../../promotion/core/observation.ts';
import { wayBackOf } from '../../promotion/core/way-back.ts';
import type { Member, Plan } from '../../promotion/plan/plan.ts';
import { type PolicyInput, policySchema } from '../../promotion/plan/policy.ts';

/** What a cluster shows, as plain data: each kind's objects by name. */
export type State = { readonly [Kind in Watched]: Readonly<Record<string, Objects[Kind]>> } & {
  readonly checks: Readonly<Record<string, Verdict>>;
};

/**
 * Where a member of a release stands: `live` is not judged after its switch yet, `held` is; `retired` is aborted with no pod
 * left, `forgotten` with no analysis either.
 */
export type Place =
  | 'before'
  | 'starting'
  | 'analysing'
  | 'prepared'
  | 'promoted'
  | 'live'
  | 'held'
  | 'settled'
  | 'aborted'
  | 'retired'
  | 'forgotten';

export const PLACES: readonly Place[] = [
  'before',
  'starting',
  'analysing',
  'prepared',
  'promoted',
  'live',
  'held',
  'settled',
  'aborted',
  'retired',
  'forgotten',
];

/** Pod-template hashes of the old and the new revision. */
export const OLD = '6b8f7d9c5';
export const NEW = '79cf4f6d8b';
export const NOW = Date.parse('2026-01-01T12:00:00Z');
const REPLICAS = 2;

export function observationOf(state: State, listedAt = NOW): Observation {
  const byName = <T>(objects: Readonly<Record<string, T>>) => new Map(Object.entries(objects));
  return {
    rollouts: byName(state.rollouts),
    analysisRuns: byName(state.analysisRuns),
    replicaSets: byName(state.replicaSets),
    services: byName(state.services),
    endpointSlices: byName(state.endpointSlices),
    jobs: byName(state.jobs),
    pods: byName(state.pods),
    autoscalers: byName(state.autoscalers),
    checks: byName(state.checks),
    listedAt,
  };
}

/** The pod template of a version. */
export function templateOf(name: string, version: string): PodTemplate {
  const template: unknown = {
    metadata: { labels: { app: name } },
    spec: {
      initContainers: [{ name: 'wait', image: `${name}-wait:${version}` }],
      containers: [
        {
          name: 'main',
          image: `${name}:${version}`,
          env: [{ name: 'CONFIG', value: `config-${version}` }],
          resources: { limits: { memory: '1Gi' } },
        },
      ],
    },
  };
  return template as PodTemplate;
}

export function memberOf(name: string, order = 0): Member {
  return {
    name,
    order,
    template: templateOf(name, 'v2'),
    activeService: name,
    previewService: `${name}-preview`,
    analysedBefore: true,
    analysedAfter: true,
    isHeld: true,
  };
}

export function planFor(members: readonly Member[], policy: PolicyInput = {}, jobs: readonly string[] = []): Plan {
  const inOrder = [...members].sort((a, b) => a.order - b.order);
  return { members: inOrder, jobs, configs: [], policy: policySchema.parse(policy) };
}

/** One member on its way from v1 to v2, as the controller shows it there. */
export function stateAt(place: Place, name = 'backend', epoch?: number): State {
  const isNew = place !== 'before';
  const isLive = place === 'live' || place === 'held' || place === 'settled';
  const uid = `${name}-uid`;
  const annotations = {
    'rollout.argoproj.io/revision': isNew ? '2' : '1',
    ...(epoch === undefined ? {} : { 'moneywise.app/epoch': String(epoch) }),
  };
  const analysis = ['analysing', 'prepared', 'promoted', 'live', 'held', 'settled', 'aborted', 'retired'].includes(
    place,
  );
  const rollout: Rollout = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace: 'shop', uid, resourceVersion: '100', generation: isNew ? 3 : 1, annotations },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: { app: name } },
      template: templateOf(name, isNew ? 'v2' : 'v1'),
    },
    status: {
      observedGeneration: isNew ? '3' : '1',
      currentPodHash: isNew ? NEW : OLD,
      stableRS: place === 'settled' ? NEW : OLD,
      ...statusAt(place),
      blueGreen: {
        activeSelector: isLive ? NEW : OLD,
        previewSelector: isNew ? NEW : OLD,
        ...(analysis
          ? {
              prePromotionAnalysisRunStatus: {
                name: `${name}-${NEW}-2-pre`,
                status: place === 'analysing' ? 'Running' : 'Successful',
              },
            }
          : {}),
        ...(isLive
          ? {
              postPromotionAnalysisRunStatus: {
                name: `${name}-${NEW}-2-post`,
                status: place === 'settled' ? 'Successful' : 'Running',
              },
            }
          : {}),
      },
    },
  };
  const replicas = place === 'retired' || place === 'forgotten' ? 0 : REPLICAS;
  const sets = [setOf(name, uid, OLD, 'v1', REPLICAS)];
  if (isNew) sets.push(setOf(name, uid, NEW, 'v2', place === 'starting' ? 1 : replicas, replicas));
  const runs: AnalysisRun[] = [];
  if (analysis) runs.push(runOf(name, uid, 'pre', place === 'analysing' ? 1 : 3));
  if (isLive) runs.push(runOf(name, uid, 'post', place === 'live' ? 1 : 3));
  return {
    rollouts: { [name]: rollout },
    replicaSets: byName(sets.map((object) => claimed(object, epoch))),
    analysisRuns: byName(runs.map((object) => claimed(object, epoch))),
    services: byName(
      [serviceOf(name, isLive ? NEW : OLD), serviceOf(`${name}-preview`, isNew ? NEW : OLD)].map((object) =>
        claimed(object, epoch),
      ),
    ),
    endpointSlices: byName([sliceOf(name, name, isLive ? NEW : OLD)]),
    jobs: {},
    pods: byName(sets.flatMap(podsOf)),
    autoscalers: {},
    checks: { [wayBackOf(name)]: { verdict: 'pass', final: true, reason: 'all there', at: NOW - 1000 } },
  };
}

/** Several states as one. */
export function together(...states: readonly State[]): State {
  const all = <K extends keyof State>(kind: K) => Object.assign({}, ...states.map((s) => s[kind])) as State[K];
  return {
    rollouts: all('rollouts'),
    replicaSets: all('replicaSets'),
    analysisRuns: all('analysisRuns'),
    services: all('services'),
    endpointSlices: all('endpointSlices'),
    jobs: all('jobs'),
    pods: all('pods'),
    autoscalers: all('autoscalers'),
    checks: all('checks'),
  };
}

function statusAt(place: Place): NonNullable<Rollout['status']> {
  switch (place) {
    case 'before':
    case 'settled':
      return { phase: 'Healthy' };
    case 'prepared':
      return {
        phase: 'Paused',
        message: 'BlueGreenPause',
        controllerPause: true,
        pauseConditions: [{ reason: 'BlueGreenPause', startTime: '2026-01-01T11:59:00Z' }],
      };
    case 'promoted':
      return { phase: 'Paused', controllerPause: true };
    case 'aborted':
    case 'retired':
    case 'forgotten':
      return { phase: 'Degraded', message: 'RolloutAborted', abort: true, abortedAt: '2026-01-01T11:59:30Z' };
    default:
      return { phase: 'Progressing', message: 'waiting' };
  }
}

function setOf(
  name: string,
  uid: string,
  hash: string,
  version: string,
  available: number,
  replicas = REPLICAS,
): ReplicaSet {
  const template = templateOf(name, version);
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      namespace: 'shop',
      uid: `${name}-${hash}-uid`,
      resourceVersion: '90',
      labels: { app: name, 'rollouts-pod-template-hash': hash },
      annotations: { 'rollout.argoproj.io/desired-replicas': String(REPLICAS) },
      ownerReferences: [{ kind: 'Rollout', name, uid }],
    },
    spec: {
      replicas,
      template: {
        ...template,
        metadata: { labels: { ...template.metadata?.labels, 'rollouts-pod-template-hash': hash } },
      },
    },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}

/** Two long-ready pods of a ReplicaSet, or as many as it has. */
function podsOf({ metadata: { name, uid = '' }, status }: ReplicaSet): Pod[] {
  return ['aaaaa', 'bbbbb'].slice(0, status?.availableReplicas).map((pod) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-${pod}`, ownerReferences: [{ kind: 'ReplicaSet', name, uid }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T11:58:00Z' }],
      containerStatuses: [{ name: 'main', ready: true, restartCount: 0 }],
    },
  }));
}

/** An analysis before (`pre`) or after the switch; the latter has a hold as well, which still runs. */
function runOf(name: string, uid: string, when: 'pre' | 'post', good: number): AnalysisRun {
  const health = {
    name: 'health',
    phase: good < 3 ? 'Running' : 'Successful',
    count: good,
    successful: good,
    measurements: [{ phase: 'Successful', value: '{"status":"ok"}', startedAt: '2026-01-01T11:58:30Z' }],
  };
  const hold = { name: 'hold', phase: 'Running', count: 2, failed: 2 };
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisRun',
    metadata: {
      name: `${name}-${NEW}-2-${when}`,
      namespace: 'shop',
      uid: `${name}-${when}-uid`,
      resourceVersion: '95',
      creationTimestamp: '2026-01-01T11:58:00Z',
      labels: {
        'rollouts-pod-template-hash': NEW,
        'rollout-type': when === 'pre' ? 'PrePromotion' : 'PostPromotion',
      },
      annotations: { 'rollout.argoproj.io/revision': '2' },
      ownerReferences: [{ kind: 'Rollout', name, uid }],
    },
    spec: {
      metrics: [
        { name: 'health', interval: '1s', count: 3, failureLimit: 0 },
        ...(when === 'post' ? [{ name: 'hold', interval: '10s', count: 62, failureLimit: 60 }] : []),
      ],
    },
    status: {
      phase: when === 'post' || good < 3 ? 'Running' : 'Successful',
      startedAt: '2026-01-01T11:58:00Z',
      metricResults: when === 'post' ? [health, hold] : [health],
    },
  };
}

function serviceOf(name: string, hash: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'shop',
      uid: `${name}-service-uid`,
      resourceVersion: '80',
    },
    spec: { selector: { 'rollouts-pod-template-hash': hash }, ports: [{ port: 80 }] },
  };
}

function sliceOf(service: string, name: string, hash: string): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-x1`, labels: { 'kubernetes.io/service-name': service } },
    endpoints: ['aaaaa', 'bbbbb'].map((pod, i) => ({
      addresses: [`10.0.0.${i + 1}`],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', name: `${name}-${hash}-${pod}` },
    })),
  };
}

/** With the number of the run that may write it. */
function claimed<T extends KubeObject>(object: T, epoch: number | undefined): T {
  if (epoch === undefined) return object;
  const annotations = { ...object.metadata.annotations, 'moneywise.app/epoch': String(epoch) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function byName<T extends { metadata: { name: string } }>(objects: readonly T[]): Record<string, T> {
  return Object.fromEntries(objects.map((object) => [object.metadata.name, object]));
}
