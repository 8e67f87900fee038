import {
  type AnalysisRun,
  type HorizontalPodAutoscaler,
  POD_HASH,
  type Pod,
  type PodTemplate,
  REVISION,
  type ReplicaSet,
  SCALE_DOWN_DEADLINE,
} from '../cluster/objects.ts';
import { analysesOf, holdEndsAt, judgeAnalysis, whenOf } from '../core/analysis.ts';
import { type MemberView, replicaSetOf, replicasOf, type Stage, viewOf } from '../core/member.ts';
import { type Observation, ownedBy, type Verdict } from '../core/observation.ts';
import { autoscalersOf, pinOf } from '../core/pin.ts';
import type { Plan } from '../plan/plan.ts';

/** A release as it stands in the cluster, compared with what its manifests want. */
export interface Status {
  readonly release: string;
  readonly version?: string;
  readonly namespace: string;
  /** RFC 3339. */
  readonly at: string;
  readonly members: readonly MemberStatus[];
  /** What is not as these manifests want it, one sentence each; none when every member is live and stable on them. */
  readonly findings: readonly string[];
}

export interface MemberStatus {
  readonly name: string;
  readonly stage: Stage;
  /** Why it is there or what it waits for. */
  readonly reason: string;
  /** Images by container: in these manifests, behind the active Service, of the stable revision. */
  readonly images: { readonly wanted: Images; readonly live: Images; readonly stable: Images };
  /** Newest first: those with pods, and those that are live, stable or current. */
  readonly revisions: readonly RevisionStatus[];
  /** How many revisions are kept beside those, without a pod. */
  readonly retired: number;
}

export type Images = Readonly<Record<string, string>>;

export interface RevisionStatus {
  /** The Rollout's count of its revisions. */
  readonly number: number;
  /** Pod-template hash. */
  readonly hash: string;
  /** `active` and `preview`: selected by that Service; `stable`: where an abort leads to; `current`: what the Rollout asks for. */
  readonly roles: readonly ('active' | 'preview' | 'stable' | 'current')[];
  readonly replicaSet: string;
  readonly images: Images;
  readonly replicas: { readonly wanted: number; readonly available: number };
  readonly pods: readonly PodStatus[];
  readonly analyses: readonly AnalysisStatus[];
  /**
   * RFC 3339: until when its pods stay up although it is neither live nor stable. Until then, applying it again takes it
   * live within seconds and past every gate: the instant rollback to a version that was good, the trap of one that was not.
   */
  readonly upUntil?: string;
  /** Whether a gate has refused this revision. */
  readonly isRejected: boolean;
}

export interface PodStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Of all its containers together. */
  readonly restarts: number;
  /** Why it is not ready, or why it was restarted last. */
  readonly reason?: string;
}

export interface AnalysisStatus {
  readonly name: string;
  /** `before the switch`, `after the switch`, or of a canary `at step 2`. */
  readonly when: string;
  readonly verdict: Verdict['verdict'];
  readonly reason: string;
  /** RFC 3339: when the hold in it ends by itself, and the member goes back. */
  readonly holdEnds?: string;
}

/** What is seen, judged as a promotion would. `now` is in milliseconds since 1970. */
export function statusOf(plan: Plan, namespace: string, o: Observation, now: number): Status {
  const views = plan.members.map((member) => viewOf(member, o, undefined));
  const members = views.map((view) => memberStatus(view, plan, o));
  return {
    release: plan.policy.release,
    ...(plan.policy.version ? { version: plan.policy.version } : {}),
    namespace,
    at: new Date(now).toISOString(),
    members,
    findings: [
      ...members
        .filter(({ stage }) => stage !== 'settled')
        .map(({ name, stage, reason }) => `${name} is ${stage}: ${reason}`),
      ...members.flatMap(podFindings),
      ...plan.members.flatMap(({ name }) => autoscalersOf(name, o).flatMap(pinFinding)),
    ],
  };
}

/** Of a promotion that is under way, or of one that ended before it could give the autoscaler its bounds back. */
function pinFinding(autoscaler: HorizontalPodAutoscaler): string[] {
  const pin = pinOf(autoscaler);
  if (!pin) return [];
  const { minReplicas, maxReplicas, replicas } = pin;
  return [
    `HorizontalPodAutoscaler ${autoscaler.metadata.name} is kept at ${replicas} pods for a switch, instead of ${minReplicas} to ${maxReplicas}: the end of the promotion, or else the next one, gives them back`,
  ];
}

/** Pods behind the active Service that are not well, although the member as a whole may be. */
function podFindings({ name, stage, revisions }: MemberStatus): string[] {
  if (stage !== 'settled') return [];
  const live = revisions.filter(({ roles }) => roles.includes('active')).flatMap((revision) => revision.pods);
  return live
    .filter((pod) => !pod.ready)
    .map((pod) => `${name}: pod ${pod.name} is not ready${pod.reason ? ` (${pod.reason})` : ''}`);
}

function memberStatus(view: MemberView, plan: Plan, o: Observation): MemberStatus {
  const { member, stage, reason, rollout, active, stable } = view;
  const setOf = (hash: string | undefined) => (rollout && hash ? replicaSetOf(o, rollout, hash) : undefined);
  const revisions = [...o.replicaSets.values()]
    .filter((set) => ownedBy(set, rollout?.metadata.uid))
    .map((set) => revisionStatus(set, view, plan, o))
    .sort((a, b) => b.number - a.number);
  const shown = revisions.filter(({ roles, replicas, pods }) => roles.length + replicas.wanted + pods.length > 0);
  return {
    name: member.name,
    stage,
    reason,
    images: {
      wanted: imagesOf(member.template),
      live: imagesOf(setOf(active)?.spec.template),
      stable: imagesOf(setOf(stable)?.spec.template),
    },
    revisions: shown,
    retired: revisions.length - shown.length,
  };
}

function revisionStatus(
  set: ReplicaSet,
  { member, rollout, active, stable, current }: MemberView,
  plan: Plan,
  o: Observation,
): RevisionStatus {
  const hash = set.metadata.labels?.[POD_HASH] ?? '';
  const preview = o.services.get(member.previewService ?? '')?.spec.selector?.[POD_HASH];
  const roles = Object.entries({ active, preview, stable, current })
    .filter(([, selected]) => selected === hash)
    .map(([role]) => role) as RevisionStatus['roles'];
  const replicas = set.spec.replicas ?? 0;
  const upUntil = set.metadata.annotations?.[SCALE_DOWN_DEADLINE];
  const analyses = (rollout ? analysesOf(o, rollout, hash) : [])
    .sort((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '', 'en'))
    .map((run) => analysisStatus(run, plan.policy.holdMetric));
  return {
    number: Number(set.metadata.annotations?.[REVISION] ?? 0),
    hash,
    roles,
    replicaSet: set.metadata.name,
    images: imagesOf(set.spec.template),
    replicas: {
      wanted: rollout && hash === current ? replicasOf(rollout) : replicas,
      available: set.status?.availableReplicas ?? 0,
    },
    pods: [...o.pods.values()].filter((pod) => ownedBy(pod, set.metadata.uid)).map(podStatus),
    analyses,
    ...(upUntil && replicas > 0 && hash !== stable && hash !== current ? { upUntil } : {}),
    isRejected: analyses.some(({ verdict }) => verdict === 'fail'),
  };
}

function analysisStatus(run: AnalysisRun, holdMetric: string): AnalysisStatus {
  // A promotion ends the hold of a run whose metrics have judged: what they said before still stands.
  const judged = hasJudged(run, holdMetric) ? { ...run, spec: { ...run.spec, terminate: false } } : run;
  const { verdict, reason } = judgeAnalysis(judged, holdMetric);
  const holdEnds = holdEndsAt(run, holdMetric);
  return {
    name: run.metadata.name,
    when: whenOf(run),
    verdict,
    reason: reason.replace(`${run.metadata.name}: `, ''),
    ...(holdEnds === undefined || run.spec.terminate ? {} : { holdEnds: new Date(holdEnds).toISOString() }),
  };
}

/** Whether every metric but the hold has taken all of its measurements. */
function hasJudged({ spec, status }: AnalysisRun, holdMetric: string): boolean {
  const counts = new Map(status?.metricResults?.map(({ name, count = 0 }) => [name, count]));
  return (spec.metrics ?? []).every(
    ({ name, count }) => name === holdMetric || (counts.get(name) ?? 0) >= Number(count ?? 1),
  );
}

function podStatus({ metadata, status = {} }: Pod): PodStatus {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const ready = status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  const now = containers.map(({ state }) => state?.waiting?.reason ?? (ready ? undefined : state?.terminated?.reason));
  const before = containers.map(({ lastState }) => lastState?.terminated?.reason);
  const reason =
    (metadata.deletionTimestamp ? 'Terminating' : undefined) ??
    status.reason ??
    now.find((r) => r && r !== 'Completed') ??
    before.find((r) => r !== undefined) ??
    (ready || status.phase === 'Running' ? undefined : status.phase);
  return {
    name: metadata.name,
    ready,
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...(reason === undefined ? {} : { reason }),
  };
}

function imagesOf(template: PodTemplate | undefined): Images {
  return Object.fromEntries((template?.spec?.containers ?? []).map(({ name, image = '' }) => [name, image]));
}
