import {
  type CanaryStep,
  type CanaryStrategy,
  DESIRED_REPLICAS,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type RolloutStatus,
  SCALE_DOWN_DEADLINE,
  type Service,
} from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';
import type { Pods } from './canary-counts.ts';
import { isManaged, select, setOf } from './revisions.ts';

/** What one pass over a canary knows, and what it has decided so far. */
export interface Pass {
  readonly api: ApiServer;
  readonly rollout: Rollout;
  readonly canary: CanaryStrategy;
  readonly steps: readonly CanaryStep[];
  readonly hash: string;
  readonly status: RolloutStatus;
  readonly replicas: number;
  readonly now: number;
  addAbort?: string;
  removeAbort: boolean;
  clearPauses: boolean;
  addPause?: string;
  wakeAt?: number;
  weights: Weights;
}

/** What is set in the router; undefined without one, and before there was anything to set. */
export type Weights = NonNullable<RolloutStatus['canary']>['weights'];

export function newSet({ api, hash, rollout }: Pass): ReplicaSet | undefined {
  return setOf(api, rollout, hash);
}

export function stableSet({ api, rollout, status }: Pass): ReplicaSet | undefined {
  return setOf(api, rollout, status.stableRS);
}

export function podsOf(set: ReplicaSet | undefined): Pods {
  return {
    wanted: set?.spec.replicas ?? 0,
    created: set?.status?.replicas ?? 0,
    available: set?.status?.availableReplicas ?? 0,
  };
}

export function isAborted({ addAbort, removeAbort, status }: Pass): boolean {
  return !removeAbort && (addAbort !== undefined || status.abort === true);
}

export function stepIndex({ status }: Pass): number {
  return status.currentStepIndex ?? 0;
}

/** The last weight up to that step, that one included; 0 where there is none. */
export function weightAt(steps: Pass['steps'], index: number): number {
  return steps.slice(0, index + 1).findLast(({ setWeight }) => setWeight !== undefined)?.setWeight ?? 0;
}

/** The share of the new revision, in percent. */
export function weight(pass: Pass): number {
  const { status, steps } = pass;
  if (status.promoteFull || !status.stableRS || status.currentPodHash === status.stableRS) return 100;
  if (status.abort) return 0;
  const index = stepIndex(pass);
  return index >= steps.length ? 100 : weightAt(steps, index);
}

/** Points a Service at a revision, unless `isChecked` and that has too few pods. */
export function lead(pass: Pass, name: string | undefined, set: ReplicaSet | undefined, isChecked: boolean): void {
  const { api, rollout } = pass;
  const service = api.get<Service>('services', name ?? '');
  const target = set?.metadata.labels?.[POD_HASH];
  if (!service || !target || service.spec.selector?.[POD_HASH] === target) return;
  const { available, wanted } = podsOf(set);
  const isThere = available > 0 && (isManaged(service) || available >= wanted);
  if (!isChecked || isThere) select(api, service.metadata.name, rollout, target);
}

/** Scales a ReplicaSet; whether there was anything to change. */
export function scaleTo(pass: Pass, set: ReplicaSet, replicas: number): boolean {
  const { api, replicas: desired } = pass;
  const isThere = set.spec.replicas === replicas && Number(set.metadata.annotations?.[DESIRED_REPLICAS]) === desired;
  if (isThere) return false;
  api.update<ReplicaSet>('replicasets', set.metadata.name, (live) => {
    const { [SCALE_DOWN_DEADLINE]: deadline, ...rest } = live.metadata.annotations ?? {};
    const keepsDeadline = deadline && (replicas > 0 || isDelayed(pass));
    const annotations = {
      ...rest,
      ...(keepsDeadline ? { [SCALE_DOWN_DEADLINE]: deadline } : {}),
      [DESIRED_REPLICAS]: String(desired),
    };
    return { ...live, metadata: { ...live.metadata, annotations }, spec: { ...live.spec, replicas } };
  });
  return true;
}

/** Whether rejected pods stay for a while: with a router alone. */
export function isDelayed(pass: Pass): boolean {
  const { abortScaleDownDelaySeconds, trafficRouting } = pass.canary;
  return (
    isAborted(pass) && stableSet(pass) !== undefined && trafficRouting !== undefined && abortScaleDownDelaySeconds !== 0
  );
}
