import type { Rollout } from '../cluster/objects.ts';
import type { Canary } from '../plan/canary.ts';
import type { Member } from '../plan/plan.ts';
import { judgeAnalysis, stepAnalysisOf } from './analysis.ts';
import { pausedByHand, replicaSetOf, type Stage } from './member.ts';
import type { Observation } from './observation.ts';
import { previewProblem, servingProblem, shareOf, sharingProblem } from './serving.ts';

/**
 * The revision to which a canary gives the traffic: the new one from its promotion on, whatever its share is by then, until an
 * abort takes it back; the stable one before and after.
 */
export function liveRevision({ promotion }: Canary, { status = {} }: Rollout): string | undefined {
  return !status.abort && (status.currentStepIndex ?? 0) > promotion ? status.currentPodHash : status.stableRS;
}

/** Where a canary stands whose new revision is neither stable nor aborted. */
export function stageOfCanary(member: Member, canary: Canary, rollout: Rollout, o: Observation): [Stage, string] {
  const { currentStepIndex: step = 0 } = rollout.status ?? {};
  return step > canary.promotion
    ? afterThePromotion(member, canary, rollout, o)
    : beforeThePromotion(member, canary, rollout, o);
}

function beforeThePromotion(member: Member, canary: Canary, rollout: Rollout, o: Observation): [Stage, string] {
  const status = rollout.status ?? {};
  const { currentPodHash: current = '', currentStepIndex: step = 0 } = status;
  const pauses = (status.pauseConditions ?? []).map(({ reason }) => reason);
  if (pauses.includes('InconclusiveAnalysisRun')) return ['rejected', 'its analysis was inconclusive'];
  const byHand = pausedByHand(rollout);
  const missing = missingPods(rollout, o, current);
  for (const index of canary.analyses.filter((analysis) => analysis < canary.promotion && analysis <= step)) {
    const { final, reason, verdict } = judgeAnalysis(stepAnalysisOf(o, rollout, index, current));
    if (verdict === 'fail' || (verdict === 'unknown' && final)) return ['rejected', reason];
    if (verdict === 'unknown') return ['preparing', byHand ?? missing ?? reason];
  }
  if (byHand) return ['preparing', byHand];
  if (status.promoteFull) return ['preparing', 'a full promotion was asked for, which skips every gate'];
  if (step < canary.promotion) return ['preparing', missing ?? at(step, rollout)];
  if (pauses.length === 0 && status.controllerPause) return ['switching', 'promoted, the controller has not acted yet'];
  if (pauses.length === 0) return ['preparing', 'the controller has not paused it before its promotion yet'];
  const otherPause = pauses.find((reason) => reason !== 'CanaryPauseStep');
  if (otherPause !== undefined) return ['preparing', `paused for ${otherPause}, not for the promotion`];
  if (missing) return ['preparing', missing];
  if (canary.routed !== undefined) {
    if (shareOf(rollout) > 0) return ['preparing', `has ${shareOf(rollout)} % of the traffic before its promotion`];
    const elsewhere = previewProblem(o, member, current);
    if (elsewhere) return ['preparing', elsewhere];
  }
  const noWayBack = missingPods(rollout, o, status.stableRS ?? '');
  if (noWayBack) return ['preparing', `could not take its traffic back: ${noWayBack}`];
  const share = canary.routed === undefined ? 'at its first weight' : 'without traffic';
  return ['prepared', `revision ${current} is up ${share}, analysed and paused before its promotion`];
}

function afterThePromotion(member: Member, canary: Canary, rollout: Rollout, o: Observation): [Stage, string] {
  const { currentPodHash: current = '', currentStepIndex: step = 0, stableRS } = rollout.status ?? {};
  if (step > canary.hold) return ['settling', 'its hold is over, the rest of its pods come up'];
  if (step < canary.hold) return ['switching', at(step, rollout)];
  if (!stepAnalysisOf(o, rollout, canary.hold, current)) return ['switching', 'its hold has not begun yet'];
  const problem =
    canary.routed === undefined
      ? sharingProblem(o, member, current)
      : routingProblem(o, member, rollout, canary.routed);
  return problem ? ['switching', problem] : ['held', `live on ${current} at its last weight, ${stableRS} still stable`];
}

/** Why a router does not give the new revision its last share yet, and the old one the rest; undefined when it does. */
function routingProblem(o: Observation, member: Member, rollout: Rollout, weight: number): string | undefined {
  const { currentPodHash = '', stableRS = '' } = rollout.status ?? {};
  if (shareOf(rollout) !== weight) return `the router gives it ${shareOf(rollout)} % of the traffic, not ${weight} %`;
  return previewProblem(o, member, currentPodHash) ?? servingProblem(o, member, stableRS);
}

/** How many pods a revision lacks of what the controller wants of it now, in words; undefined when it has some, and all. */
function missingPods(rollout: Rollout, o: Observation, hash: string): string | undefined {
  const set = replicaSetOf(o, rollout, hash);
  const [wanted, available] = [set?.spec.replicas ?? 0, set?.status?.availableReplicas ?? 0];
  return wanted > 0 && available >= wanted ? undefined : `revision ${hash}: ${available} of ${wanted} pods available`;
}

function at(step: number, rollout: Rollout): string {
  return `step ${step + 1} of ${rollout.spec.strategy?.canary?.steps?.length ?? '?'}`;
}
