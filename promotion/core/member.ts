import {
  type AnalysisRun,
  DESIRED_REPLICAS,
  POD_HASH,
  type PodTemplate,
  type ReplicaSet,
  type Rollout,
} from '../cluster/objects.ts';
import { containersOf, type Member } from '../plan/plan.ts';
import { analysisOf, judgeAnalysis, stepAnalysisOf } from './analysis.ts';
import { liveRevision, stageOfCanary } from './canary.ts';
import type { MemberJournal } from './journal.ts';
import { type Observation, ownedBy } from './observation.ts';
import { servingProblem } from './serving.ts';
import { difference } from './template.ts';

/**
 * Where a member stands on its way from its old revision to its new one. Each name is a state of ARCHITECTURE.md's
 * diagram of a member.
 */
export type Stage =
  /** No such Rollout in the cluster. */
  | 'absent'
  /** Its live template is not (yet) the plan's. */
  | 'outdated'
  /** The controller has not taken up the plan's template yet. */
  | 'unobserved'
  /** The controller refuses the Rollout's spec. */
  | 'invalid'
  /** The new revision's pods or its analysis are under way. */
  | 'preparing'
  /** The new revision is up, analysed and paused before the switch. */
  | 'prepared'
  /** A gate before the switch failed, or its evidence is final and not enough. */
  | 'rejected'
  /** Its active Service selects no single revision: a switch would be ungated. */
  | 'unguarded'
  /** Promoted, and the active Service has not followed yet. */
  | 'switching'
  /** Live on the new revision, while the old one is still stable: an abort brings it back. */
  | 'held'
  /** The new revision is live and stable. */
  | 'settled'
  /** The new revision is stable for the controller, but not everything that shows it agrees yet. */
  | 'settling'
  /** An abort was asked for or is done. */
  | 'aborted'
  /** Another revision than the one that was judged is in the Rollout, or another Rollout of that name. */
  | 'superseded'
  /** The old template was put back while this run was under way. */
  | 'withdrawn';

/** One member at one moment. */
export interface MemberView {
  readonly member: Member;
  readonly stage: Stage;
  /** Why it is there or what it waits for, for people. */
  readonly reason: string;
  readonly rollout?: Rollout;
  /**
   * Pod-template hashes: of the current template, of the stable revision, and of what is live: in the active Service's
   * selector, or of a canary the revision that the traffic is being given to.
   */
  readonly current?: string;
  readonly stable?: string;
  readonly active?: string;
}

/** Judges where `member` stands. `journal` is what this release already knows of it: its Rollout's uid and its hashes. */
export function viewOf(member: Member, o: Observation, journal: MemberJournal | undefined): MemberView {
  const rollout = o.rollouts.get(member.name);
  if (!rollout) {
    return {
      member,
      stage: journal?.to ? 'superseded' : 'absent',
      reason: journal?.to ? 'its Rollout was deleted' : `no Rollout ${member.name} in the cluster`,
    };
  }
  const current = rollout.status?.currentPodHash;
  const stable = rollout.status?.stableRS;
  const active = member.canary
    ? liveRevision(member.canary, rollout)
    : o.services.get(member.activeService)?.spec.selector?.[POD_HASH];
  const [stage, reason] = stageOf(member, rollout, o, journal, active);
  return {
    member,
    stage,
    reason,
    rollout,
    ...(current ? { current } : {}),
    ...(stable ? { stable } : {}),
    ...(active ? { active } : {}),
  };
}

/** The order of the questions matters: each later one relies on the answers of those before it. */
function stageOf(
  member: Member,
  rollout: Rollout,
  o: Observation,
  journal: MemberJournal | undefined,
  active: string | undefined,
): [Stage, string] {
  const { status = {}, metadata } = rollout;
  const current = status.currentPodHash ?? '';
  const stable = status.stableRS ?? '';
  const observed = isObserved(rollout);
  const differs = difference(rollout.spec.template, member.template);

  if (journal?.to) {
    if (metadata.uid !== journal.uid) return ['superseded', 'another Rollout of that name was made'];
    if (observed && current !== journal.to) {
      return current === journal.from
        ? ['withdrawn', `the old template is back (revision ${current})`]
        : ['superseded', `revision ${current} came in the place of ${journal.to}`];
    }
    if (differs) return ['superseded', `its ${differs} is no longer that of the judged revision ${journal.to}`];
  }
  if (differs) return ['outdated', outdatedReason(rollout, member, differs)];
  if (!journal?.to && member.revision && current !== member.revision)
    return ['outdated', `the cluster runs revision ${current}; ${member.revision} is wanted`];
  if (!observed) return ['unobserved', 'the Rollouts controller has not seen this version yet (is it running?)'];
  const invalid = status.conditions?.find((c) => c.type === 'InvalidSpec' && c.status === 'True');
  if (invalid) return ['invalid', `the controller refuses it: ${invalid.message ?? invalid.reason}`];
  const newSet = replicaSetOf(o, rollout, current);
  // The whole template: a change of replicas in the same apply is taken up first, still under the old hash.
  if (!newSet || difference(newSet.spec.template, member.template)) {
    return ['unobserved', 'the Rollouts controller has not made the ReplicaSet of this version yet'];
  }

  if (stable === current) {
    if (active !== current)
      return ['settling', `active Service ${member.activeService} does not select ${current} yet`];
    const phase = phaseOf(rollout);
    if (phase.phase !== 'Healthy') return ['settling', `${phase.phase}: ${phase.message}`];
    const serving = servingProblem(o, member, current);
    return serving ? ['settling', serving] : ['settled', `live and stable on ${current}`];
  }
  if (status.abort) {
    return [
      'aborted',
      status.abortedAt ? `aborted: ${status.message || 'back on the stable revision'}` : 'abort asked for',
    ];
  }
  if (status.abortedAt) return ['preparing', 'another try was asked for, the controller has not acted yet'];
  if (member.canary) return stageOfCanary(member, member.canary, rollout, o);
  if (!active || (active !== stable && active !== current)) {
    return ['unguarded', unguardedReason(member, active, stable)];
  }
  if (active === current) {
    const serving = servingProblem(o, member, current);
    return serving ? ['switching', serving] : ['held', `live on ${current}, ${stable} still stable`];
  }
  return beforeTheSwitch(member, rollout, o, newSet);
}

function beforeTheSwitch(member: Member, rollout: Rollout, o: Observation, newSet: ReplicaSet): [Stage, string] {
  const status = rollout.status ?? {};
  const current = status.currentPodHash ?? '';
  const pauses = (status.pauseConditions ?? []).map((c) => c.reason);
  const byHand = pausedByHand(rollout);
  if (pauses.includes('InconclusiveAnalysisRun')) return ['rejected', 'its analysis was inconclusive'];
  if (member.analysedBefore) {
    const verdict = judgeAnalysis(analysisOf(o, rollout, 'PrePromotion', current));
    if (verdict.verdict === 'fail' || (verdict.verdict === 'unknown' && verdict.final))
      return ['rejected', verdict.reason];
    if (verdict.verdict === 'unknown') return ['preparing', byHand ?? waitingFor(rollout, newSet, verdict.reason)];
  }
  if (status.blueGreen?.activeSelector === current) {
    return [
      'switching',
      `the controller has moved Service ${member.activeService}, its endpoints have not followed yet`,
    ];
  }
  if (byHand) return ['preparing', byHand];
  if (status.promoteFull) return ['preparing', 'a full promotion was asked for, which skips every gate'];
  if (pauses.length === 0 && status.controllerPause) return ['switching', 'promoted, the controller has not acted yet'];
  if (pauses.length === 0)
    return ['preparing', waitingFor(rollout, newSet, 'the controller has not paused it before the switch yet')];
  const otherPause = pauses.find((reason) => reason !== 'BlueGreenPause');
  if (otherPause !== undefined) return ['preparing', `paused for ${otherPause}, not for the switch`];
  if (!isSaturated(rollout, newSet))
    return ['preparing', waitingFor(rollout, newSet, 'not all of its new pods are available')];
  const stableSet = replicaSetOf(o, rollout, status.stableRS ?? '');
  if ((stableSet?.status?.availableReplicas ?? 0) < replicasOf(rollout)) {
    return [
      'preparing',
      `the stable revision ${status.stableRS} could not take traffic back: ${podCount(rollout, stableSet)}`,
    ];
  }
  return ['prepared', `revision ${current} is up, analysed and paused before the switch`];
}

/** That somebody has paused it, in words: what its analysis still lacks does not matter until that is over. Undefined if nobody has. */
export function pausedByHand({ spec }: Rollout): string | undefined {
  return spec.paused ? 'paused by hand (spec.paused): `kubectl argo rollouts promote` or unset it' : undefined;
}

/** Whether the controller has taken up the newest spec. Its field is a string; a hash in it (v0.9) counts as seen. */
export function isObserved(rollout: Rollout): boolean {
  const seen = rollout.status?.observedGeneration;
  if (!seen) return false;
  const number = Number(seen);
  return Number.isNaN(number) || number >= (rollout.metadata.generation ?? 0);
}

/** A Rollout's phase as the plugin shows it: the status's own, unless that is known to be behind. */
export function phaseOf(rollout: Rollout): { phase: string; message: string } {
  if (!isObserved(rollout)) return { phase: 'Progressing', message: 'waiting for the spec to be observed' };
  const status = rollout.status ?? {};
  if (status.controllerPause && !status.pauseConditions?.length) {
    return { phase: 'Progressing', message: 'waiting for the rollout to unpause' };
  }
  return { phase: status.phase ?? '', message: status.message ?? '' };
}

/**
 * Whether the controller has something of this Rollout still to take up: a new spec, an end of the pause, an abort or its end. It
 * normally takes a fraction of a second. It can take for ever: a change that arrives while the controller is busy with
 * the Rollout is lost from its cache (v1.9.1, controller.go, writeBackToInformer) until the object changes again.
 */
export function owesAnswer(rollout: Rollout): boolean {
  const { abort, abortedAt, controllerPause, pauseConditions } = rollout.status ?? {};
  return (
    !isObserved(rollout) ||
    (controllerPause === true && !pauseConditions?.length) ||
    (abort === true) === (abortedAt === undefined)
  );
}

export function replicasOf(rollout: Rollout): number {
  return rollout.spec.replicas ?? 1;
}

/** The Rollout's own ReplicaSet of a pod-template hash. */
export function replicaSetOf(
  o: Pick<Observation, 'replicaSets'>,
  rollout: Rollout,
  hash: string,
): ReplicaSet | undefined {
  return [...o.replicaSets.values()].find(
    (set) => set.metadata.labels?.[POD_HASH] === hash && ownedBy(set, rollout.metadata.uid),
  );
}

/** What the controller itself demands before it moves a Service (blue-green reconcile, `isSaturated`). */
export function isSaturated(rollout: Rollout, set: ReplicaSet | undefined): boolean {
  const wanted = replicasOf(rollout);
  return (
    set?.spec.replicas === wanted &&
    Number(set.metadata.annotations?.[DESIRED_REPLICAS] ?? wanted) === wanted &&
    (set.status?.availableReplicas ?? 0) === wanted
  );
}

/** The analysis after the switch of the member's current revision; of a canary the one that holds it. */
export function postAnalysisOf({ member, rollout, current }: MemberView, o: Observation): AnalysisRun | undefined {
  if (!rollout || !current) return undefined;
  return member.canary
    ? stepAnalysisOf(o, rollout, member.canary.hold, current)
    : analysisOf(o, rollout, 'PostPromotion', current);
}

/** The analyses of a canary between its promotion and its hold. */
export function analysesOnTheWay({ member: { canary }, rollout, current }: MemberView, o: Observation) {
  if (!canary || !rollout || !current) return [];
  return canary.analyses
    .filter((step) => step > canary.promotion && step < canary.hold)
    .map((step) => stepAnalysisOf(o, rollout, step, current));
}

/** A template's images by container, in one line: equal lines, equal images. */
export function imageList(template: PodTemplate | undefined): string {
  if (!template) return 'nothing';
  return containersOf(template)
    .map((container) => `${container.name}=${container.image}`)
    .sort()
    .join(' ');
}

function outdatedReason(rollout: Rollout, member: Member, differs: string): string {
  const [live, wanted] = [imageList(rollout.spec.template), imageList(member.template)];
  return live === wanted
    ? `the cluster's ${differs} is not what these manifests say: apply them`
    : `the cluster runs ${live}; these manifests want ${wanted}: apply them`;
}

function unguardedReason(member: Member, active: string | undefined, stable: string): string {
  const fix = `kubectl patch service ${member.activeService} --type merge -p '{"spec":{"selector":{"${POD_HASH}":"${stable}"}}}'`;
  return active
    ? `active Service ${member.activeService} selects ${active}, neither the stable nor the new revision; put it back: ${fix}`
    : `active Service ${member.activeService} has lost the controller's hash, so the new revision would go live ungated; put it back: ${fix}`;
}

function podCount(rollout: Rollout, set: ReplicaSet | undefined): string {
  return `${set?.status?.availableReplicas ?? 0} of ${replicasOf(rollout)} pods available`;
}

function waitingFor(rollout: Rollout, newSet: ReplicaSet, otherwise: string): string {
  return isSaturated(rollout, newSet)
    ? otherwise
    : `revision ${rollout.status?.currentPodHash}: ${podCount(rollout, newSet)}`;
}
