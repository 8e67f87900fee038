import {
  type AnalysisRun,
  type AnalysisRunReference,
  type KubeObject,
  POD_HASH,
  type Pod,
  type ReplicaSet,
  type Rollout,
  STEP_INDEX,
} from '../../promotion/cluster/objects.ts';
import type { Canary } from '../../promotion/plan/canary.ts';
import type { Member } from '../../promotion/plan/plan.ts';
import { memberOf, NEW, OLD, type Place, type State, stateAt } from './state.ts';

/** Of the steps below. */
export const CANARY: Canary = { promotion: 2, hold: 5, analyses: [1, 4, 5], seconds: 30 };

const analysis = (templateName: string) => ({ analysis: { templates: [{ templateName }] } });
const STEPS = [
  { setWeight: 30 },
  analysis('pre'),
  { pause: {} },
  { setWeight: 60 },
  analysis('between'),
  analysis('post'),
];

export function canaryMember(name: string, order = 0): Member {
  return { ...memberOf(name, order), canary: CANARY };
}

/** How many steps are done at each place, of which it is at the next. */
const DONE: Readonly<Record<Place, number>> = {
  before: STEPS.length,
  starting: 0,
  analysing: 1,
  prepared: 2,
  promoted: 2,
  live: 5,
  held: 5,
  settled: STEPS.length,
  aborted: 5,
  retired: 0,
  forgotten: 0,
};

/**
 * One canary on its way from v1 to v2, each revision with one pod while both share the traffic. `aborted` is asked for, and
 * not acknowledged: once it is, the pods of the new revision go, which is `retired`.
 */
export function canaryAt(place: Place, name = 'backend', epoch?: number): State {
  const state = stateAt(place, name, epoch);
  const rollout = state.rollouts[name] as Rollout;
  const hasNew = ['starting', 'analysing', 'prepared', 'promoted', 'live', 'held', 'aborted'].includes(place);
  const pods = (hash: string) => (place === 'settled' ? (hash === NEW ? 2 : 0) : hasNew ? 1 : hash === OLD ? 2 : 0);
  const step = DONE[place];
  const [pre] = Object.values(state.analysisRuns).filter(({ metadata }) => metadata.name.endsWith('-pre'));
  const [post] = Object.values(state.analysisRuns).filter(({ metadata }) => metadata.name.endsWith('-post'));
  const runs = [
    ...(pre ? [ofStep(pre, 1)] : []),
    ...(post ? [ofStep({ ...(pre as AnalysisRun) }, 4), ofStep(post, 5)] : []),
  ];
  const at = runs.find(({ metadata: { labels } }) => labels?.[STEP_INDEX] === String(step));
  const sets = Object.values(state.replicaSets).map((set) => {
    const replicas = pods(set.metadata.labels?.[POD_HASH] ?? '');
    const available = place === 'starting' && set.metadata.labels?.[POD_HASH] === NEW ? 0 : replicas;
    return {
      ...set,
      spec: { ...set.spec, replicas },
      status: { replicas, availableReplicas: available },
    } as ReplicaSet;
  });
  const serving = sets.flatMap(({ metadata, status }) =>
    ['aaaaa', 'bbbbb'].slice(0, status?.availableReplicas).map((pod) => `${metadata.name}-${pod}`),
  );
  const { abortedAt, blueGreen: _, ...status } = rollout.status ?? {};
  return {
    ...state,
    rollouts: {
      [name]: {
        ...rollout,
        spec: { ...rollout.spec, strategy: { canary: { steps: STEPS, canaryService: `${name}-preview` } } },
        status: {
          ...status,
          currentStepIndex: step,
          ...(abortedAt && place !== 'aborted' ? { abortedAt } : {}),
          ...(at ? { canary: { currentStepAnalysisRunStatus: referenceTo(at) } } : {}),
          ...(status.pauseConditions
            ? { pauseConditions: [{ reason: 'CanaryPauseStep', startTime: '2026-01-01T11:59:00Z' }] }
            : {}),
        },
      },
    },
    replicaSets: byName(sets),
    analysisRuns: byName(runs),
    services: {
      ...state.services,
      [name]: { ...state.services[name], spec: { selector: { app: name }, ports: [{ port: 80 }] } } as never,
    },
    endpointSlices: {
      [`${name}-x1`]: {
        ...(state.endpointSlices[`${name}-x1`] as State['endpointSlices'][string]),
        endpoints: serving.map((pod, i) => ({
          addresses: [`10.0.0.${i + 1}`],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', name: pod },
        })),
      },
    },
    pods: byName(Object.values(state.pods).filter(({ metadata }) => serving.includes(metadata.name)) as Pod[]),
  };
}

function ofStep(run: AnalysisRun, step: number): AnalysisRun {
  const { metadata } = run;
  const name = metadata.name.replace(/(pre|post)$/, String(step));
  const { 'rollout-type': _, ...labels } = metadata.labels ?? {};
  return {
    ...run,
    metadata: {
      ...metadata,
      name,
      uid: `${name}-uid`,
      labels: { ...labels, 'rollout-type': 'Step', [STEP_INDEX]: String(step) },
    },
  };
}

function referenceTo({ metadata, status }: AnalysisRun): AnalysisRunReference {
  return { name: metadata.name, ...(status?.phase ? { status: status.phase } : {}) };
}

function byName<T extends KubeObject>(objects: readonly T[]): Record<string, T> {
  return Object.fromEntries(objects.map((object) => [object.metadata.name, object]));
}
