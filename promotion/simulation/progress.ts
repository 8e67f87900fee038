import type { Rollout, RolloutCondition, RolloutStatus } from '../cluster/objects.ts';

/** The controller's default of `spec.progressDeadlineSeconds`. */
const DEADLINE = 600;
const OVERDUE = 'ProgressDeadlineExceeded';
const COMPLETE = 'NewReplicaSetAvailable';
/** The status of a condition with that reason; with any other it is `True`. */
const STATUS: Readonly<Record<string, string>> = {
  [OVERDUE]: 'False',
  RolloutAborted: 'False',
  RolloutPaused: 'Unknown',
  RolloutResumed: 'Unknown',
  RolloutRetry: 'Unknown',
};

/** The condition `Progressing`, which is all that says since when a Rollout makes no progress. */
export function progressOf(status: RolloutStatus): RolloutCondition | undefined {
  return status.conditions?.find(({ type }) => type === 'Progressing');
}

/** The condition with that reason; one that has it already stays as it is, with its time. */
export function because(
  old: RolloutCondition | undefined,
  reason: string,
  now: number,
  message?: string,
): RolloutCondition {
  if (old?.reason === reason) return old;
  return {
    type: 'Progressing',
    status: STATUS[reason] ?? 'True',
    reason,
    ...(message ? { message } : {}),
    lastUpdateTime: new Date(now).toISOString(),
  };
}

/** What is said of a pause before anything else is done (sync.go, checkPausedConditions). */
export function withPause(old: RolloutCondition | undefined, rollout: Rollout, now: number) {
  const { status = {} } = rollout;
  if (old?.reason === 'RolloutAborted') return status.abort ? old : because(old, 'RolloutRetry', now);
  const isSettled = status.stableRS !== undefined && status.stableRS === status.currentPodHash;
  if (isSettled || isPaused(rollout) === (old?.reason === 'RolloutPaused')) return old;
  return because(old, isPaused(rollout) ? 'RolloutPaused' : 'RolloutResumed', now);
}

/** What is said at the end of a pass that was not aborted (sync.go, calculateRolloutConditions). */
export function progressAfter(
  old: RolloutCondition | undefined,
  rollout: Rollout,
  next: RolloutStatus,
  now: number,
): RolloutCondition | undefined {
  const before = rollout.status ?? {};
  if (isComplete(rollout, next)) return because(old, COMPLETE, now);
  if (hasMoved(before, next) || old?.reason === COMPLETE) return because(undefined, 'ReplicaSetUpdated', now);
  return isOverdue(old, rollout, now)
    ? because(old, OVERDUE, now, `ReplicaSet of "${rollout.metadata.name}" has timed out progressing.`)
    : old;
}

export function saysOverdue(condition: RolloutCondition | undefined): boolean {
  return condition?.reason === OVERDUE;
}

/** When the controller has to look whether the deadline has passed, in milliseconds since 1970; undefined is never. */
export function deadlineOf(condition: RolloutCondition | undefined, rollout: Rollout): number | undefined {
  if (!condition || isPaused(rollout) || rollout.status?.abort || [OVERDUE, COMPLETE].includes(condition.reason ?? ''))
    return undefined;
  return endOf(condition, rollout.spec) + 1000;
}

function isPaused({ spec, status = {} }: Rollout): boolean {
  return spec.paused === true || (status.pauseConditions ?? []).length > 0;
}

function isComplete({ metadata, spec: { replicas = 1 }, status }: Rollout, next: RolloutStatus): boolean {
  return (
    next.updatedReplicas === replicas &&
    next.availableReplicas === replicas &&
    status?.observedGeneration === String(metadata.generation) &&
    next.blueGreen?.activeSelector === next.currentPodHash &&
    next.blueGreen?.previewSelector === next.currentPodHash
  );
}

function hasMoved(before: RolloutStatus, next: RolloutStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: RolloutStatus) => replicas - updatedReplicas;
  return (
    (next.updatedReplicas ?? 0) !== (before.updatedReplicas ?? 0) ||
    old(next) < old(before) ||
    (next.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (before.availableReplicas ?? 0) ||
    next.blueGreen?.activeSelector !== before.blueGreen?.activeSelector ||
    next.blueGreen?.previewSelector !== before.blueGreen?.previewSelector
  );
}

function isOverdue(condition: RolloutCondition | undefined, { spec }: Rollout, now: number): boolean {
  if (!condition || condition.reason === 'RolloutAborted' || condition.reason === 'RolloutPaused') return false;
  return condition.reason === OVERDUE || endOf(condition, spec) < now;
}

function endOf(
  { lastUpdateTime = '' }: RolloutCondition,
  { progressDeadlineSeconds = DEADLINE }: Rollout['spec'],
): number {
  return Date.parse(lastUpdateTime) + progressDeadlineSeconds * 1000;
}
