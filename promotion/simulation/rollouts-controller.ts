import {
  type AnalysisRun,
  type AnalysisRunReference,
  type BlueGreenStrategy,
  DESIRED_REPLICAS,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type RolloutAnalysis,
  type RolloutCondition,
  type RolloutStatus,
  SCALE_DOWN_DEADLINE,
  type Service,
} from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';
import { invalid, type PassResult, resultOf } from './pass-result.ts';
import { because, deadlineOf, progressAfter, progressOf, saysOverdue, withPause } from './progress.ts';
import {
  annotate,
  createRun,
  hasDeadline,
  isScalingEvent,
  putDeadline,
  referenceTo,
  revisionOf,
  select,
  setOf,
  setsOf,
  syncRevision,
  terminate,
  terminateOthers,
} from './revisions.ts';
import { inRole } from './role-metadata.ts';
import { patchStatus } from './status-patch.ts';
import { templateHash } from './template-hash.ts';
import { whatIsWrong } from './validation.ts';

/**
 * One pass of Argo Rollouts v1.9.1 over one blue-green Rollout, in the controller's own order: Services, ReplicaSets,
 * pause, active Service, analysis, status. It works on `rollout`, its cached copy, which may be behind the API server.
 * Its traps are kept: an abort while the new ReplicaSet is unsaturated moves no Service, a scale-down deadline on the new
 * ReplicaSet skips pause and analysis, a promote consumed while unsaturated is lost.
 */
export function reconcileRollout(api: ApiServer, rollout: Rollout, now: number): PassResult {
  const blueGreen = rollout.spec.strategy?.blueGreen;
  if (!blueGreen || !api.get('rollouts', rollout.metadata.name)) return {};
  const active = api.get<Service>('services', blueGreen.activeService);
  const preview = blueGreen.previewService ? api.get<Service>('services', blueGreen.previewService) : undefined;
  const wrong =
    !active || (blueGreen.previewService && !preview)
      ? 'spec.strategy.blueGreen: Service not found'
      : whatIsWrong(api, rollout, [blueGreen.prePromotionAnalysis, blueGreen.postPromotionAnalysis]);
  if (active && !wrong) return new Pass(api, rollout, blueGreen, active, preview, now).run();
  return invalid(api, rollout, wrong ?? '', now);
}

/** What one pass knows and has decided so far; it reads its snapshot of the Rollout throughout, like the controller. */
class Pass {
  private wakeAt: number | undefined;
  private progress: RolloutCondition | undefined;
  private written: Rollout | undefined;
  private addAbort: string | undefined;
  private removeAbort = false;
  private clearPauses = false;
  private readonly addPauses: string[] = [];
  private readonly removePauses: string[] = [];
  private readonly newHash: string;
  private readonly status: RolloutStatus;
  private readonly api: ApiServer;
  private readonly rollout: Rollout;
  private readonly blueGreen: BlueGreenStrategy;
  private readonly active: Service;
  private readonly preview: Service | undefined;
  private readonly now: number;

  constructor(
    api: ApiServer,
    rollout: Rollout,
    blueGreen: BlueGreenStrategy,
    active: Service,
    preview: Service | undefined,
    now: number,
  ) {
    this.api = api;
    this.rollout = rollout;
    this.blueGreen = blueGreen;
    this.active = active;
    this.preview = preview;
    this.now = now;
    this.status = rollout.status ?? {};
    this.newHash = templateHash(rollout);
    this.progress = withPause(progressOf(this.status), rollout, now);
  }

  run(): PassResult {
    this.reconcile();
    return resultOf(this.wakeAt, this.written);
  }

  private reconcile(): void {
    const { status, newHash } = this;
    if (status.abort && status.stableRS && status.stableRS === status.currentPodHash) this.removeAbort = true;
    this.ensureNewReplicaSet();
    if (this.isScalingEvent()) {
      if (!this.scaleAll()) return;
      const next = { ...status, ...this.counts(status), observedGeneration: String(this.rollout.metadata.generation) };
      this.write({ ...next, ...this.conditions(), ...this.phase(next) });
      return;
    }
    if (this.preview && !this.isHalted()) select(this.api, this.preview.metadata.name, this.rollout, newHash);
    if (status.currentPodHash && status.currentPodHash !== newHash) {
      this.clearPauses = true;
      this.removeAbort = true;
      this.sync({}, true);
      return;
    }
    const fastTracked = this.isFastTracked();
    const deadlineBefore = hasDeadline(this.set(newHash));
    if (!this.scaleAll()) return;
    this.reconcilePause(fastTracked);
    this.reconcileActiveService(fastTracked);
    const runs = this.reconcileAnalysis(deadlineBefore);
    this.reconcileRoles();
    this.sync(runs, false, deadlineBefore);
  }

  private get replicas(): number {
    return this.rollout.spec.replicas ?? 1;
  }

  private sets(): ReplicaSet[] {
    return setsOf(this.api, this.rollout);
  }

  private set(hash: string | undefined): ReplicaSet | undefined {
    return setOf(this.api, this.rollout, hash);
  }

  private activeHash(): string | undefined {
    return this.api.get<Service>('services', this.active.metadata.name)?.spec.selector?.[POD_HASH];
  }

  private isAborted(): boolean {
    return !this.removeAbort && (this.addAbort !== undefined || this.status.abort === true);
  }

  private isHalted(): boolean {
    return this.rollout.spec.paused === true || this.isPausedFor('InconclusiveAnalysisRun');
  }

  private isPausedFor(reason: string): boolean {
    return (this.status.pauseConditions ?? []).some((condition) => condition.reason === reason);
  }

  private ensureNewReplicaSet(): void {
    if (syncRevision(this.api, this.rollout, this.newHash) === 'created')
      this.progress = because(undefined, 'NewReplicaSetCreated', this.now);
    this.progress ??= because(undefined, 'FoundNewReplicaSet', this.now);
  }

  private isScalingEvent(): boolean {
    return isScalingEvent([this.set(this.newHash), this.set(this.status.stableRS)], this.replicas);
  }

  private isFastTracked(): boolean {
    const active = this.activeHash();
    return (
      hasDeadline(this.set(this.newHash)) ||
      this.status.promoteFull === true ||
      active === undefined ||
      active === this.newHash
    );
  }

  /** How many pods the new revision is to have: until its switch as many as the preview has, where that is said. */
  private newReplicas(): number {
    const { previewReplicaCount } = this.blueGreen;
    const { blueGreen, currentPodHash } = this.status;
    const active = this.set(blueGreen?.activeSelector);
    if (previewReplicaCount === undefined || !active || blueGreen?.activeSelector === this.newHash)
      return this.replicas;
    return this.newHash === currentPodHash && blueGreen?.scaleUpPreviewCheckPoint ? this.replicas : previewReplicaCount;
  }

  private isUpWith(replicas: number): boolean {
    const set = this.set(this.newHash);
    return set?.spec.replicas === replicas && (set.status?.availableReplicas ?? 0) === replicas;
  }

  private isReady(): boolean {
    return this.isUpWith(this.newReplicas());
  }

  private isSaturated(): boolean {
    return (
      this.isUpWith(this.replicas) &&
      Number(this.set(this.newHash)?.metadata.annotations?.[DESIRED_REPLICAS]) === this.replicas
    );
  }

  /** Whether the preview has been judged and let go, so that it may grow to the size of what is live. */
  private isPreviewDone(): boolean {
    const { previewReplicaCount } = this.blueGreen;
    if (previewReplicaCount === undefined || !this.set(this.status.stableRS)) return false;
    if (this.status.blueGreen?.scaleUpPreviewCheckPoint) return true;
    return this.isUnpaused() && this.hasPassedBefore() && this.isUpWith(previewReplicaCount);
  }

  /** Somebody ended the pause, or nothing asks for one. */
  private isUnpaused(): boolean {
    return (
      (this.addPauses.length === 0 && this.status.controllerPause === true && !this.isPausedFor('BlueGreenPause')) ||
      this.needsNoPause()
    );
  }

  /** No pause was asked for, its time is over, or it is a preview that grows to its full size and was let go before. */
  private needsNoPause(): boolean {
    return (
      this.status.blueGreen?.scaleUpPreviewCheckPoint === true ||
      this.autoPromotionSeconds() === 0 ||
      this.isPausedLongEnough()
    );
  }

  private delaysScaleDown(): boolean {
    return (
      this.isAborted() &&
      this.set(this.status.stableRS) !== undefined &&
      this.blueGreen.abortScaleDownDelaySeconds !== 0
    );
  }

  /**
   * Whether the pass goes on. A ReplicaSet that was just relieved of its deadline and is of another size than wanted ends
   * it: the controller updates the copy it read before, and is refused for that.
   */
  private scaleAll(): boolean {
    const { stableRS } = this.status;
    const stable = this.set(stableRS);
    const current = this.set(this.newHash);
    if (current && !this.delaysScaleDown()) annotate(this.api, current, { [SCALE_DOWN_DEADLINE]: undefined });
    if (stable) annotate(this.api, stable, { [SCALE_DOWN_DEADLINE]: undefined });
    const isRefused = (set: ReplicaSet | undefined) =>
      set && hasDeadline(set) && !hasDeadline(this.set(set.metadata.labels?.[POD_HASH])) && this.isOtherSize(set);
    if (isRefused(stable)) return false;
    if (stable) this.scale(stable, this.replicas);
    if (isRefused(current)) return false;
    this.scaleNew();
    const others = this.sets().filter(
      ({ metadata }) => ![this.newHash, stableRS].includes(metadata.labels?.[POD_HASH] ?? ''),
    );
    let kept = 0;
    for (const set of others.sort((a, b) => revisionOf(b) - revisionOf(a))) {
      if (this.isReferenced(set) || (set.spec.replicas ?? 0) === 0 || this.isPausedFor('InconclusiveAnalysisRun'))
        continue;
      kept += 1;
      this.scaleOther(set, kept);
    }
    return true;
  }

  private isOtherSize(set: ReplicaSet): boolean {
    return (
      set.spec.replicas !== this.replicas || Number(set.metadata.annotations?.[DESIRED_REPLICAS]) !== this.replicas
    );
  }

  private scaleNew(): void {
    const current = this.set(this.newHash);
    if (!current) return;
    if (!this.delaysScaleDown()) {
      this.scale(current, this.newReplicas());
      return;
    }
    const deadline = current.metadata.annotations?.[SCALE_DOWN_DEADLINE];
    if (deadline) {
      if (Date.parse(deadline) > this.now) this.lookAgainAt(Date.parse(deadline));
      else this.scale(current, 0);
    } else if ((this.set(this.status.stableRS)?.status?.availableReplicas ?? 0) === this.replicas) {
      this.putDeadline(current, this.blueGreen.abortScaleDownDelaySeconds ?? 30);
    }
  }

  /** Whether something still points to a ReplicaSet that is neither the new nor the stable one. */
  private isReferenced(set: ReplicaSet): boolean {
    const { currentPodHash, blueGreen } = this.status;
    const preview =
      this.preview && this.api.get<Service>('services', this.preview.metadata.name)?.spec.selector?.[POD_HASH];
    return [currentPodHash, blueGreen?.activeSelector, blueGreen?.previewSelector, this.activeHash(), preview].includes(
      set.metadata.labels?.[POD_HASH],
    );
  }

  /** Down after the delay, or at once if it is the `nth` newest of the old ones and fewer are kept. */
  private scaleOther(set: ReplicaSet, nth: number): void {
    const deadline = set.metadata.annotations?.[SCALE_DOWN_DEADLINE];
    const delay = this.blueGreen.scaleDownDelaySeconds ?? 30;
    if (nth > (this.blueGreen.scaleDownDelayRevisionLimit ?? Number.POSITIVE_INFINITY)) this.scale(set, 0);
    // With a delay of 0 there is never a deadline, and what has none stays up.
    else if (!deadline && delay > 0) this.putDeadline(set, delay);
    else if (!deadline) return;
    else if (Date.parse(deadline) > this.now) this.lookAgainAt(Date.parse(deadline));
    else this.scale(set, 0);
  }

  private reconcilePause(fastTracked: boolean): void {
    if (this.status.abort || !this.isReady() || this.isHalted()) return;
    if (fastTracked || this.needsNoPause()) {
      this.removePauses.push('BlueGreenPause');
      return;
    }
    if (!this.hasPassedBefore() || this.isPausedFor('BlueGreenPause')) return;
    if (!this.status.controllerPause) this.addPauses.push('BlueGreenPause');
  }

  /** How long it pauses before it promotes by itself; 0 is not at all, undefined that it never does. */
  private autoPromotionSeconds(): number | undefined {
    const { autoPromotionEnabled = true, autoPromotionSeconds = 0 } = this.blueGreen;
    return autoPromotionEnabled ? autoPromotionSeconds : undefined;
  }

  private isPausedLongEnough(): boolean {
    const seconds = this.autoPromotionSeconds();
    const pause = this.status.pauseConditions?.find(({ reason }) => reason === 'BlueGreenPause');
    if (seconds === undefined || !pause) return false;
    const until = Date.parse(pause.startTime) + seconds * 1000;
    if (until > this.now) this.lookAgainAt(until);
    return until <= this.now;
  }

  private hasPassedBefore(): boolean {
    if (!this.blueGreen.prePromotionAnalysis) return true;
    return this.analysisRun(this.status.blueGreen?.prePromotionAnalysisRunStatus)?.status?.phase === 'Successful';
  }

  private reconcileActiveService(fastTracked: boolean): void {
    if (this.isHalted() || !this.isSaturated()) return;
    let target = this.activeHash();
    if (fastTracked || (this.isUnpaused() && this.hasPassedBefore())) target = this.newHash;
    if (this.status.abort) target = this.status.stableRS;
    if (target) select(this.api, this.active.metadata.name, this.rollout, target);
  }

  /** Whether it goes back to a revision that is older than the stable one by fewer revisions than the window has. */
  private isRollbackWithinWindow(): boolean {
    const born = (set: ReplicaSet | undefined) => Date.parse(set?.metadata.creationTimestamp ?? '');
    const [current, stable] = [born(this.set(this.newHash)), born(this.set(this.status.stableRS))];
    const between = this.sets().filter((set) => current < born(set) && born(set) < stable).length;
    return current < stable && between < (this.rollout.spec.rollbackWindow?.revisions ?? 0);
  }

  /** Labels and annotations that follow the role of a ReplicaSet. */
  private reconcileRoles(): void {
    const { activeMetadata, previewMetadata } = this.blueGreen;
    const { stableRS } = this.status;
    for (const set of this.sets()) {
      const hash = set.metadata.labels?.[POD_HASH];
      const isActive = hash === stableRS || (hash === this.newHash && !stableRS);
      const metadata = isActive ? activeMetadata : hash === this.newHash ? previewMetadata : undefined;
      this.api.update<ReplicaSet>('replicasets', set.metadata.name, (s) => inRole(s, metadata));
    }
  }

  private reconcileAnalysis(fastRollback: boolean): { pre?: AnalysisRun; post?: AnalysisRun } {
    const known = {
      pre: this.analysisRun(this.status.blueGreen?.prePromotionAnalysisRunStatus),
      post: this.analysisRun(this.status.blueGreen?.postPromotionAnalysisRunStatus),
    };
    if (
      this.isAborted() ||
      this.status.promoteFull ||
      fastRollback ||
      !this.status.stableRS ||
      this.isRollbackWithinWindow()
    ) {
      terminateOthers(this.api, this.rollout);
      return compact(known);
    }
    const active = this.status.blueGreen?.activeSelector;
    const moved = this.status.stableRS === this.newHash || !active;
    const current = {
      pre: this.reconcileRun('pre', this.blueGreen.prePromotionAnalysis, known.pre, moved || active === this.newHash),
      post: this.reconcileRun(
        'post',
        this.blueGreen.postPromotionAnalysis,
        known.post,
        moved || active !== this.newHash,
      ),
    };
    for (const run of [current.pre, current.post]) {
      if (run?.status?.phase === 'Inconclusive') this.addPauses.push('InconclusiveAnalysisRun');
      if (run?.status?.phase === 'Failed' || run?.status?.phase === 'Error')
        this.addAbort = run.status.message ?? 'analysis failed';
    }
    terminateOthers(this.api, this.rollout, [current.pre, current.post]);
    return compact(current);
  }

  private reconcileRun(
    type: 'pre' | 'post',
    analysis: RolloutAnalysis | undefined,
    known: AnalysisRun | undefined,
    skip: boolean,
  ) {
    if (!analysis?.templates?.length) return undefined;
    if (skip || (!known && !(type === 'pre' ? this.isReady() : this.isSaturated()))) {
      if (known) terminate(this.api, known);
      return known;
    }
    if (this.isPausedFor('InconclusiveAnalysisRun') || (known && !this.needsNewRun(known))) return known;
    return this.createRun(type, analysis);
  }

  private needsNewRun(known: AnalysisRun): boolean {
    if (this.status.controllerPause && !this.isPausedFor('BlueGreenPause'))
      return known.status?.phase === 'Inconclusive';
    return this.status.abortedAt !== undefined;
  }

  private createRun(type: 'pre' | 'post', analysis: RolloutAnalysis): AnalysisRun {
    const labels = { 'rollout-type': type === 'pre' ? 'PrePromotion' : 'PostPromotion' };
    return createRun(this.api, this.rollout, this.newHash, analysis, type, labels);
  }

  private sync(runs: { pre?: AnalysisRun; post?: AnalysisRun }, reset: boolean, fastRollback = false): void {
    const { status, newHash } = this;
    const active = this.activeHash();
    const preview =
      this.preview && this.api.get<Service>('services', this.preview.metadata.name)?.spec.selector?.[POD_HASH];
    let next: RolloutStatus = {
      currentPodHash: newHash,
      ...(status.stableRS ? { stableRS: status.stableRS } : {}),
      observedGeneration: String(this.rollout.metadata.generation),
      blueGreen: {
        ...(active ? { activeSelector: active } : {}),
        ...(preview ? { previewSelector: preview } : {}),
        ...(!reset && this.isPreviewDone() ? { scaleUpPreviewCheckPoint: true } : {}),
        ...(runs.pre ? { prePromotionAnalysisRunStatus: referenceTo(runs.pre) } : {}),
        ...(runs.post ? { postPromotionAnalysisRunStatus: referenceTo(runs.post) } : {}),
      },
      ...(status.promoteFull && !reset && status.stableRS !== newHash ? { promoteFull: true } : {}),
    };
    if ((status.promoteFull && !reset) || this.isRollbackWithinWindow()) {
      this.clearPauses = true;
      this.removeAbort = true;
    }
    if (this.isFullyPromoted(active, fastRollback)) {
      this.clearPauses = true;
      this.removeAbort = true;
      const { promoteFull: _, ...rest } = next;
      next = { ...rest, stableRS: newHash };
    }
    next = { ...next, ...this.counts(next) };
    this.reconcileProgress(next);
    next = { ...next, ...this.conditions(), ...this.pauseStatus() };
    this.write({ ...next, ...this.phase(next) });
  }

  private reconcileProgress(next: RolloutStatus): void {
    if (this.isAborted()) {
      this.progress = because(this.progress, 'RolloutAborted', this.now);
      return;
    }
    // An old ReplicaSet that still waits for its end stops the clock.
    const isWaiting = this.sets().some(
      (set) => ![this.newHash, this.status.stableRS].includes(set.metadata.labels?.[POD_HASH]) && hasDeadline(set),
    );
    const progress = progressAfter(this.progress, this.rollout, next, this.now);
    if (saysOverdue(progress)) {
      if (isWaiting) return;
      if (this.rollout.spec.progressDeadlineAbort) this.addAbort = progress?.message ?? '';
    }
    this.progress = progress;
    const deadline = deadlineOf(progress, this.rollout);
    if (deadline !== undefined) this.lookAgainAt(deadline);
  }

  private conditions(): Pick<RolloutStatus, 'conditions'> {
    return this.progress ? { conditions: [this.progress] } : {};
  }

  private counts(next: RolloutStatus) {
    const active = this.set(next.blueGreen?.activeSelector);
    const sum = (
      sets: readonly (ReplicaSet | undefined)[],
      field: 'replicas' | 'readyReplicas' | 'availableReplicas',
    ) => sets.reduce((total, set) => total + (set?.status?.[field] ?? 0), 0);
    const serving = active ? [active] : this.sets();
    return {
      replicas: sum(this.sets(), 'replicas'),
      updatedReplicas: sum([this.set(this.newHash)], 'replicas'),
      readyReplicas: sum(serving, 'readyReplicas'),
      availableReplicas: sum(serving, 'availableReplicas'),
    };
  }

  private isFullyPromoted(active: string | undefined, fastRollback: boolean): boolean {
    if (!this.set(this.status.stableRS) || !active) return true;
    if (active !== this.newHash) return false;
    if (this.status.promoteFull || this.isRollbackWithinWindow()) return true;
    if (this.isAborted()) return false;
    if (!this.blueGreen.postPromotionAnalysis || fastRollback) return true;
    return this.analysisRun(this.status.blueGreen?.postPromotionAnalysisRunStatus)?.status?.phase === 'Successful';
  }

  private pauseStatus(): Partial<RolloutStatus> {
    const at = new Date(this.now).toISOString();
    // What is stable and failed its analysis is told to be aborted in the end, though nothing is done about it.
    if (this.isAborted() || this.addAbort !== undefined) return { abort: true, abortedAt: this.status.abortedAt ?? at };
    if (this.clearPauses) return {};
    const old = this.status.pauseConditions ?? [];
    const kept = old.filter((condition) => !this.removePauses.includes(condition.reason));
    const added = this.addPauses
      .filter((reason) => !old.some((c) => c.reason === reason))
      .map((reason) => ({ reason, startTime: at }));
    const pauseConditions = [...kept, ...added];
    if (pauseConditions.length === 0) return {};
    return { pauseConditions, ...(added.length > 0 || this.status.controllerPause ? { controllerPause: true } : {}) };
  }

  private phase(next: RolloutStatus): { phase: string; message?: string } {
    if (this.isAborted()) {
      const why = this.addAbort ?? (this.status.abort ? this.status.message?.split(': ').slice(2).join(': ') : '');
      return {
        phase: 'Degraded',
        message: `RolloutAborted: Rollout aborted update to revision ${revisionOf(this.set(this.newHash))}${why ? `: ${why}` : ''}`,
      };
    }
    if (saysOverdue(this.progress))
      return { phase: 'Degraded', message: `${this.progress?.reason}: ${this.progress?.message}` };
    if (this.rollout.spec.paused) return { phase: 'Paused', message: 'manually paused' };
    if (next.pauseConditions?.length) return { phase: 'Paused', message: next.pauseConditions[0]?.reason ?? '' };
    const { updatedReplicas = 0, availableReplicas = 0 } = next;
    if (updatedReplicas < this.replicas) return { phase: 'Progressing', message: 'more replicas need to be updated' };
    if (availableReplicas < updatedReplicas)
      return { phase: 'Progressing', message: 'updated replicas are still becoming available' };
    if (!next.blueGreen?.activeSelector || next.blueGreen.activeSelector !== next.currentPodHash)
      return { phase: 'Progressing', message: 'active service cutover pending' };
    if (next.stableRS !== next.currentPodHash)
      return { phase: 'Progressing', message: 'waiting for analysis to complete' };
    return { phase: 'Healthy' };
  }

  private write(next: RolloutStatus): void {
    this.written = patchStatus(this.api, this.rollout, next) ?? this.written;
  }

  private analysisRun(reference: AnalysisRunReference | undefined): AnalysisRun | undefined {
    return reference && this.api.get<AnalysisRun>('analysisruns', reference.name);
  }

  private scale(set: ReplicaSet, replicas: number): void {
    this.api.update<ReplicaSet>('replicasets', set.metadata.name, (s) => ({
      ...s,
      metadata: {
        ...s.metadata,
        annotations: this.annotationsAt(s, replicas),
      },
      spec: { ...s.spec, replicas },
    }));
  }

  private annotationsAt(set: ReplicaSet, replicas: number): Record<string, string> {
    const { [SCALE_DOWN_DEADLINE]: deadline, ...rest } = set.metadata.annotations ?? {};
    const isOver = replicas === 0 && !this.delaysScaleDown();
    return {
      ...rest,
      ...(deadline && !isOver ? { [SCALE_DOWN_DEADLINE]: deadline } : {}),
      [DESIRED_REPLICAS]: String(this.replicas),
    };
  }

  private putDeadline(set: ReplicaSet, seconds: number): void {
    this.lookAgainAt(putDeadline(this.api, set, this.now, seconds));
  }

  private lookAgainAt(at: number): void {
    this.wakeAt = Math.min(this.wakeAt ?? Number.POSITIVE_INFINITY, at);
  }
}

function compact<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}
