import { POD_HASH, type ReplicaSet, SCALE_DOWN_DEADLINE, type Service } from '../cluster/objects.ts';
import { fenceposts } from './canary-counts.ts';
import {
  isAborted,
  isDelayed,
  lead,
  newSet,
  type Pass,
  podsOf,
  scaleTo,
  stableSet,
  stepIndex,
  weight,
  weightAt,
} from './canary-pass.ts';
import { annotate, hasDeadline, putDeadline, revisionOf, setsOf } from './revisions.ts';

// What Argo Rollouts v1.9.1 does in another way where a router divides the traffic of a canary between two Services
// (rollout/trafficrouting.go; rollout/canary.go; utils/replicaset/canary.go, CalculateReplicaCountsForTrafficRoutedCanary).
// `dynamicStableScale` is not modelled, nor what a router says of its weights.

/** After so long, in seconds, the controller looks at every Rollout; a longer deadline of rejected pods it takes for passed. */
const RESYNC = 900;

/** Sets the weight that this pass has decided on, if the stable revision has the pods for the rest. */
export function syncRouter(pass: Pass): void {
  const { canary, hash, replicas, status } = pass;
  if (!canary.trafficRouting) return;
  const stable = stableSet(pass);
  // It never leads to the new revision while that is rejected: the pass before may have, with a weight of 0 by then.
  if (isAborted(pass) && status.stableRS !== status.currentPodHash) lead(pass, canary.canaryService, stable, false);
  const desired = desiredWeight(pass);
  if (!stable || podsOf(stable).available < Math.floor(((100 - desired) * replicas) / 100)) return;
  const to = (weight: number, podTemplateHash: string, serviceName: string | undefined) => ({
    weight,
    podTemplateHash,
    ...(serviceName ? { serviceName } : {}),
  });
  pass.weights = {
    canary: to(desired, hash, canary.canaryService),
    stable: to(100 - desired, status.stableRS ?? '', canary.stableService),
  };
}

function desiredWeight(pass: Pass): number {
  const { status, steps } = pass;
  const index = stepIndex(pass);
  if (status.stableRS === status.currentPodHash || isAborted(pass)) return 0;
  if (podsOf(newSet(pass)).available === 0) return 0;
  if (status.promoteFull) return status.canary?.weights?.canary.weight ?? 0;
  // The weight before, until the pods for this one are there.
  if (!hasItsPods(pass)) return index === 0 ? 0 : weightAt(steps, index - 1);
  return index < steps.length ? weightAt(steps, index) : 100;
}

/** Whether new and stable revision have the pods that the step wants. */
export function hasItsPods(pass: Pass): boolean {
  const { replicas } = pass;
  const [up, down] = [podsOf(newSet(pass)), podsOf(stableSet(pass))];
  const wanted = newPods(pass);
  return up.wanted === wanted && up.available === wanted && down.wanted === replicas && down.created === replicas;
}

/** How many pods the new revision gets. The stable one has all of its pods throughout. */
function newPods(pass: Pass): number {
  const { replicas, status } = pass;
  const isWhole = status.promoteFull || !status.stableRS || status.currentPodHash === status.stableRS;
  const scale = isWhole ? undefined : scaleOfStep(pass);
  if (scale?.replicas !== undefined) return scale.replicas;
  return Math.ceil(((scale?.weight ?? weight(pass)) * replicas) / 100);
}

/** What the last `setCanaryScale` up to this step says; undefined where the weight does, or the abort. */
function scaleOfStep(pass: Pass) {
  const { canary, status, steps } = pass;
  const index = stepIndex(pass);
  if (index >= steps.length || (status.abort && canary.abortScaleDownDelaySeconds !== 0)) return undefined;
  const scale = steps.slice(0, index + 1).findLast(({ setCanaryScale }) => setCanaryScale)?.setCanaryScale;
  return scale?.matchTrafficWeight ? undefined : scale;
}

/**
 * Scales the stable ReplicaSet, or else the new one, or else old ones; whether it did. `refused`: a ReplicaSet that was just
 * relieved of its deadline is of another size than wanted, and the controller updates the copy that it read before.
 */
export function scaleRouted(pass: Pass): boolean | 'refused' {
  const { api, replicas, status } = pass;
  const isRelieved = new Set<string>();
  for (const set of [isDelayed(pass) ? undefined : newSet(pass), stableSet(pass)]) {
    if (!set || !hasDeadline(set)) continue;
    annotate(api, set, { [SCALE_DOWN_DEADLINE]: undefined });
    isRelieved.add(set.metadata.name);
  }
  const scaled = (set: ReplicaSet | undefined, wanted: number): boolean | 'refused' => {
    if (!set) return false;
    if (isRelieved.has(set.metadata.name) && set.spec.replicas !== wanted) return 'refused';
    return scaleTo(pass, set, wanted);
  };
  const stable = stableSet(pass);
  const first = status.stableRS === pass.hash ? false : scaled(stable, replicas);
  if (first) return first;
  const second = isDelayed(pass) ? downAfterDelay(pass) : scaled(newSet(pass), newPods(pass));
  return second || scaleOthers(pass);
}

/** The rejected ReplicaSet goes when its time is over, which begins once the stable revision has all of its pods. */
function downAfterDelay(pass: Pass): boolean {
  const { abortScaleDownDelaySeconds = 30 } = pass.canary;
  const set = newSet(pass);
  if (!set) return false;
  const deadline = set.metadata.annotations?.[SCALE_DOWN_DEADLINE];
  if (!deadline) {
    if (podsOf(stableSet(pass)).available !== pass.replicas) return false;
    lookAgainAt(pass, putDeadline(pass.api, set, pass.now, abortScaleDownDelaySeconds));
    return false;
  }
  const remaining = Date.parse(deadline) - pass.now;
  if (remaining > 0 && remaining < RESYNC * 1000) {
    lookAgainAt(pass, Date.parse(deadline));
    return false;
  }
  return scaleTo(pass, set, 0);
}

/** Old revisions go when their time is over; one that was never stable goes at once. Never one that something leads to. */
function scaleOthers(pass: Pass): boolean {
  const { api, canary, replicas, rollout, status } = pass;
  const all = setsOf(api, rollout);
  const others = all.filter(
    (set) => ![pass.hash, status.stableRS].includes(set.metadata.labels?.[POD_HASH]) && podsOf(set).wanted > 0,
  );
  const unwell = others.filter((set) => podsOf(set).wanted !== podsOf(set).available);
  let hasScaled = unwell.map((set) => scaleTo(pass, set, podsOf(set).available)).includes(true);
  const { unavailable } = fenceposts({
    replicas,
    weight: 0,
    maxSurge: canary.maxSurge,
    maxUnavailable: canary.maxUnavailable,
  });
  let spare = all.reduce((sum, set) => sum + podsOf(set).available, 0) - (replicas - unavailable);
  for (const set of others.toSorted((a, b) => revisionOf(b) - revisionOf(a))) {
    if (spare <= 0) break;
    const live = api.get<ReplicaSet>('replicasets', set.metadata.name) ?? set;
    const { wanted } = podsOf(live);
    if (wanted === 0 || isReferenced(pass, live)) continue;
    const isKept = status.stableRS === status.currentPodHash || hasDeadline(live) ? isInTime(pass, live) : false;
    if (isKept) continue;
    hasScaled = scaleTo(pass, live, 0) || hasScaled;
    spare -= wanted;
  }
  return hasScaled;
}

/** Whether an old revision may stay up for now; gives it its time where it has none. */
function isInTime(pass: Pass, set: ReplicaSet): boolean {
  const deadline = set.metadata.annotations?.[SCALE_DOWN_DEADLINE];
  const until = deadline
    ? Date.parse(deadline)
    : putDeadline(pass.api, set, pass.now, pass.canary.scaleDownDelaySeconds ?? 30);
  if (until <= pass.now) return false;
  lookAgainAt(pass, until);
  return true;
}

/** Whether the status or one of the two Services still names the revision. */
function isReferenced({ api, canary, status }: Pass, set: ReplicaSet): boolean {
  const { canary: given, stable } = status.canary?.weights ?? {};
  const selected = [canary.canaryService, canary.stableService].map(
    (name) => api.get<Service>('services', name ?? '')?.spec.selector?.[POD_HASH],
  );
  return [
    status.stableRS,
    status.currentPodHash,
    given?.podTemplateHash,
    stable?.podTemplateHash,
    ...selected,
  ].includes(set.metadata.labels?.[POD_HASH]);
}

function lookAgainAt(pass: Pass, at: number): void {
  pass.wakeAt = Math.min(pass.wakeAt ?? Number.POSITIVE_INFINITY, at);
}
