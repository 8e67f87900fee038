import {
  type AnalysisRun,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type RolloutStatus,
  STEP_INDEX,
} from '../cluster/objects.ts';
import { milliseconds } from '../core/analysis.ts';
import type { ApiServer } from './api-server.ts';
import { podCounts } from './canary-counts.ts';
import { isAborted, lead, newSet, type Pass, podsOf, scaleTo, stableSet, stepIndex, weight } from './canary-pass.ts';
import { hasItsPods, scaleRouted, syncRouter } from './canary-router.ts';
import { invalid, type PassResult, resultOf } from './pass-result.ts';
import {
  createRun,
  isScalingEvent,
  referenceTo,
  revisionOf,
  setOf,
  setsOf,
  syncRevision,
  terminateOthers,
} from './revisions.ts';
import { patchStatus } from './status-patch.ts';
import { templateHash } from './template-hash.ts';
import { whatIsWrong } from './validation.ts';

/**
 * One pass of Argo Rollouts v1.9.1 over a canary, in the controller's own order (rollout/canary.go): Services, router,
 * analysis, ReplicaSets, pause, status. Of steps it has weights, scales, pauses and analyses; it has no experiments and no
 * progress deadline.
 */
export function reconcileCanary(api: ApiServer, rollout: Rollout, now: number): PassResult {
  const canary = rollout.spec.strategy?.canary;
  if (!canary || !api.get('rollouts', rollout.metadata.name)) return {};
  const { canaryService, stableService, steps = [] } = canary;
  const wrong = [canaryService, stableService].some((service) => service && !api.get('services', service))
    ? 'spec.strategy.canary: Service not found'
    : whatIsWrong(
        api,
        rollout,
        steps.map(({ analysis }) => analysis),
      );
  if (wrong) return invalid(api, rollout, wrong, now);
  const status = rollout.status ?? {};
  const pass: Pass = {
    api,
    rollout,
    canary,
    steps,
    hash: templateHash(rollout),
    status,
    replicas: rollout.spec.replicas ?? 1,
    now,
    removeAbort: status.abort === true && status.stableRS !== undefined && status.stableRS === status.currentPodHash,
    clearPauses: false,
    weights: status.canary?.weights,
  };
  const next = reconcile(pass);
  return resultOf(pass.wakeAt, next && patchStatus(api, rollout, next));
}

/** The status after this pass; undefined where a write was refused, which ends it. */
function reconcile(pass: Pass): RolloutStatus | undefined {
  const { api, hash, replicas, rollout, status } = pass;
  syncRevision(api, rollout, hash);
  if (isScalingEvent([setOf(api, rollout, hash), stableSet(pass)], replicas)) {
    return scale(pass) === 'refused' ? undefined : told(pass, { ...status, ...counts(pass) });
  }
  if (status.currentPodHash !== hash) return reset(pass);
  syncServices(pass);
  syncRouter(pass);
  const run = syncAnalysis(pass);
  // What was scaled is looked at again before a pause begins.
  const hasScaled = pass.addPause === undefined && scale(pass);
  if (hasScaled === 'refused') return undefined;
  if (pass.addPause === undefined && !hasScaled) syncPause(pass);
  return progress(pass, run);
}

function isPausedFor({ status }: Pass, reason: string): boolean {
  return (status.pauseConditions ?? []).some((condition) => condition.reason === reason);
}

/** Another template: everything begins anew, or is over at once where it is the stable one again. */
function reset(pass: Pass): RolloutStatus {
  const { hash, status, steps } = pass;
  pass.clearPauses = true;
  pass.removeAbort = true;
  return told(pass, { ...base(pass), currentStepIndex: status.stableRS === hash ? steps.length : 0 });
}

/**
 * Each Service follows its revision, once that has a pod; the canary's the stable one when it is aborted. With a router the controller
 * leads it to the rejected pods and back in every such pass, while there are some: here it stays where each pass leaves it.
 */
function syncServices(pass: Pass): void {
  const { canaryService, stableService, trafficRouting } = pass.canary;
  lead(pass, stableService, stableSet(pass), true);
  if (isAborted(pass) && trafficRouting) return;
  lead(pass, canaryService, isAborted(pass) ? stableSet(pass) : newSet(pass), true);
}

function syncAnalysis(pass: Pass): AnalysisRun | undefined {
  const { api, rollout, status } = pass;
  const known = currentRun(pass);
  if (isAborted(pass) || status.promoteFull || !status.stableRS) {
    terminateOthers(api, rollout);
    return known;
  }
  const run = stepRun(pass, known);
  terminateOthers(api, rollout, [run]);
  if (run !== known) return run;
  const { phase, message } = run?.status ?? {};
  const isRead = (status.pauseConditions ?? []).length === 0 && !status.abort;
  if (isRead && phase === 'Inconclusive') pass.addPause = 'InconclusiveAnalysisRun';
  if (isRead && (phase === 'Failed' || phase === 'Error'))
    pass.addAbort = `Step-based analysis phase error/failed${message ? `: ${message}` : ''}`;
  return run;
}

/** The run of the step that it is at, made where there is none yet. */
function stepRun(pass: Pass, known: AnalysisRun | undefined): AnalysisRun | undefined {
  const { api, hash, rollout, status, steps } = pass;
  if ((status.pauseConditions ?? []).length > 0 || status.abort) return known;
  const index = String(stepIndex(pass));
  const analysis = steps[Number(index)]?.analysis;
  if (!analysis?.templates?.length || (known && known.metadata.labels?.[STEP_INDEX] !== index)) return undefined;
  if (!needsNewRun(pass, known)) return known;
  return createRun(api, rollout, hash, analysis, index, { 'rollout-type': 'Step', [STEP_INDEX]: index });
}

function currentRun({ api, status }: Pass): AnalysisRun | undefined {
  const name = status.canary?.currentStepAnalysisRunStatus?.name;
  return name === undefined ? undefined : api.get<AnalysisRun>('analysisruns', name);
}

function needsNewRun({ status }: Pick<Pass, 'status'>, run: AnalysisRun | undefined): boolean {
  if (!run) return true;
  if (status.controllerPause) return run.status?.phase === 'Inconclusive';
  return status.abortedAt !== undefined;
}

function wanted(pass: Pass) {
  const { api, canary, hash, replicas, rollout, status } = pass;
  const stable = status.stableRS === hash ? undefined : stableSet(pass);
  const others = setsOf(api, rollout)
    .filter(({ metadata: { labels } }) => labels?.[POD_HASH] !== hash && labels?.[POD_HASH] !== status.stableRS)
    .sort((a, b) => revisionOf(b) - revisionOf(a));
  const count = podCounts(
    { replicas, weight: weight(pass), maxSurge: canary.maxSurge, maxUnavailable: canary.maxUnavailable },
    { canary: podsOf(setOf(api, rollout, hash)), stable: stable && podsOf(stable), others: others.map(podsOf) },
  );
  return { ...count, set: setOf(api, rollout, hash), stableSet: stable, otherSets: others };
}

/** Scales the stable ReplicaSet, or else the new one, or else old ones; whether it did. */
function scale(pass: Pass): boolean | 'refused' {
  if (pass.rollout.spec.paused || isPausedFor(pass, 'InconclusiveAnalysisRun')) return false;
  if (pass.canary.trafficRouting) return scaleRouted(pass);
  const before = wanted(pass);
  if (before.stableSet && scaleTo(pass, before.stableSet, before.stable)) return true;
  const { canary, set } = wanted(pass);
  if (set && scaleTo(pass, set, canary)) return true;
  const { otherSets, others } = wanted(pass);
  return otherSets.map((old, i) => scaleTo(pass, old, others[i] ?? 0)).includes(true);
}

function syncPause(pass: Pass): void {
  const { rollout, status, steps } = pass;
  const pause = steps[stepIndex(pass)]?.pause;
  if (rollout.spec.paused || status.promoteFull || !pause) return;
  const since = status.pauseConditions?.find(({ reason }) => reason === 'CanaryPauseStep')?.startTime;
  if (since === undefined) {
    if (!status.controllerPause) pass.addPause = 'CanaryPauseStep';
  } else if (pause.duration !== undefined) {
    const end = Date.parse(since) + durationOf(pause.duration);
    if (end > pass.now) pass.wakeAt = end + 1;
  }
}

function durationOf(duration: number | string): number {
  return Number.isNaN(Number(duration)) ? milliseconds(String(duration)) : Number(duration) * 1000;
}

/** How far it is after this pass: the controller's syncRolloutStatusCanary. */
function progress(pass: Pass, run: AnalysisRun | undefined): RolloutStatus {
  const { hash, replicas, status, steps } = pass;
  let index = stepIndex(pass);
  if (status.promoteFull) {
    pass.clearPauses = true;
    pass.removeAbort = true;
    index = steps.length;
  }
  const next = { ...base(pass), ...ofCanary(pass, run) };
  const available = podsOf(setOf(pass.api, pass.rollout, hash)).available;
  const isWhole = available >= replicas && (status.promoteFull || stepIndex(pass) === steps.length);
  if (!stableSet(pass) || (!isAborted(pass) && isWhole)) {
    pass.clearPauses = true;
    pass.removeAbort = true;
    const { promoteFull: _, ...promoted } = next;
    return told(pass, { ...promoted, stableRS: hash, currentStepIndex: steps.length });
  }
  if (isAborted(pass)) return told(pass, { ...next, currentStepIndex: status.stableRS === hash ? steps.length : 0 });
  if (!isStepDone(pass, run)) return told(pass, { ...next, currentStepIndex: index });
  return told(pass, { ...base(pass), currentStepIndex: index + 1 }, true);
}

function ofCanary({ weights }: Pass, run?: AnalysisRun): Pick<RolloutStatus, 'canary'> {
  const canary = {
    ...(run ? { currentStepAnalysisRunStatus: referenceTo(run) } : {}),
    ...(weights ? { weights } : {}),
  };
  return Object.keys(canary).length > 0 ? { canary } : {};
}

function isStepDone(pass: Pass, run: AnalysisRun | undefined): boolean {
  const { now, rollout, status, steps } = pass;
  const step = steps[stepIndex(pass)];
  if (rollout.spec.paused || !step) return false;
  if (step.analysis) return run?.status?.phase === 'Successful';
  if (step.pause) {
    const since = status.pauseConditions?.find(({ reason }) => reason === 'CanaryPauseStep')?.startTime;
    if (since === undefined) return status.controllerPause === true;
    return step.pause.duration !== undefined && Date.parse(since) + durationOf(step.pause.duration) < now;
  }
  if (pass.canary.trafficRouting) return hasItsPods(pass);
  const { canary, otherSets, set, stable, stableSet: old } = wanted(pass);
  const [up, down] = [podsOf(set), podsOf(old)];
  return (
    up.wanted === canary &&
    up.available === canary &&
    down.wanted === stable &&
    down.created === stable &&
    otherSets.every((other) => podsOf(other).available === 0)
  );
}

function base(pass: Pass): RolloutStatus {
  const { hash, status } = pass;
  return {
    currentPodHash: hash,
    ...(status.stableRS ? { stableRS: status.stableRS } : {}),
    ...(status.promoteFull && status.stableRS !== hash && status.currentPodHash === hash ? { promoteFull: true } : {}),
    ...counts(pass),
    ...ofCanary(pass),
  };
}

function counts({ api, hash, rollout }: Pass): Partial<RolloutStatus> {
  const sum = (sets: readonly (ReplicaSet | undefined)[], field: 'replicas' | 'readyReplicas' | 'availableReplicas') =>
    sets.reduce((total, set) => total + (set?.status?.[field] ?? 0), 0);
  const sets = setsOf(api, rollout);
  return {
    replicas: sum(sets, 'replicas'),
    updatedReplicas: sum([setOf(api, rollout, hash)], 'replicas'),
    readyReplicas: sum(sets, 'readyReplicas'),
    availableReplicas: sum(sets, 'availableReplicas'),
  };
}

/** The status with pauses, abort and phase as this pass has decided them. */
function told(pass: Pass, next: RolloutStatus, stepIsDone = false): RolloutStatus {
  const { rollout, status } = pass;
  const { abort: _a, abortedAt: _b, pauseConditions: _c, controllerPause: _d, phase: _e, message: _f, ...rest } = next;
  const whole = {
    ...rest,
    observedGeneration: String(rollout.metadata.generation),
    ...pauseStatus(pass, stepIsDone),
  };
  const conditions = (status.conditions ?? []).filter(({ type }) => type !== 'InvalidSpec');
  return { ...whole, conditions, ...phaseOf(pass, whole) };
}

function pauseStatus(pass: Pass, stepIsDone: boolean): Partial<RolloutStatus> {
  const { addPause, clearPauses, now, status } = pass;
  const at = new Date(now).toISOString();
  if (isAborted(pass)) return { abort: true, abortedAt: status.abortedAt ?? at };
  if (clearPauses) return {};
  const old = status.pauseConditions ?? [];
  const kept = old.filter(({ reason }) => !(stepIsDone && reason === 'CanaryPauseStep'));
  const isNew = addPause !== undefined && !old.some(({ reason }) => reason === addPause);
  const pauseConditions = [...kept, ...(isNew ? [{ reason: addPause, startTime: at }] : [])];
  if (pauseConditions.length === 0) return {};
  return { pauseConditions, ...(isNew || status.controllerPause ? { controllerPause: true } : {}) };
}

function phaseOf(pass: Pass, next: RolloutStatus): { phase: string; message?: string } {
  const { addAbort, api, hash, replicas, rollout, status } = pass;
  if (next.abort) {
    const why = addAbort ?? (status.abort ? status.message?.split(': ').slice(2).join(': ') : '');
    const revision = revisionOf(setOf(api, rollout, hash));
    return {
      phase: 'Degraded',
      message: `RolloutAborted: Rollout aborted update to revision ${revision}${why ? `: ${why}` : ''}`,
    };
  }
  if (rollout.spec.paused) return { phase: 'Paused', message: 'manually paused' };
  if (next.pauseConditions?.length) return { phase: 'Paused', message: next.pauseConditions[0]?.reason ?? '' };
  const { availableReplicas = 0, replicas: all = 0, updatedReplicas = 0 } = next;
  const progressing = (message: string) => ({ phase: 'Progressing', message });
  if (updatedReplicas < replicas) return progressing('more replicas need to be updated');
  if (availableReplicas < updatedReplicas) return progressing('updated replicas are still becoming available');
  if (all > updatedReplicas && !pass.canary.trafficRouting) return progressing('old replicas are pending termination');
  if (next.stableRS !== next.currentPodHash) return progressing('waiting for all steps to complete');
  return { phase: 'Healthy' };
}
