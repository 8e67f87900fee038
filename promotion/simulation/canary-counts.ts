/** Pods of a ReplicaSet: asked for, there, and serving. */
export interface Pods {
  readonly wanted: number;
  readonly created: number;
  readonly available: number;
}

export interface CanaryScale {
  readonly replicas: number;
  /** Percent of the pods that are to be of the new revision. */
  readonly weight: number;
  readonly maxSurge?: number | string | undefined;
  readonly maxUnavailable?: number | string | undefined;
}

/**
 * How many pods each ReplicaSet of a canary without a traffic router gets in this pass (utils/replicaset/canary.go,
 * CalculateReplicaCountsForBasicCanary, and rollout/canary.go, scaleDownOldReplicaSetsForCanary). `stable` is undefined
 * where the new revision is the stable one, or there is none.
 */
export function podCounts(
  scale: CanaryScale,
  { canary, stable, others }: { canary: Pods; stable: Pods | undefined; others: readonly Pods[] },
): { canary: number; stable: number; others: readonly number[] } {
  const { replicas } = scale;
  const { surge, unavailable } = fenceposts(scale);
  const goal = stable ? shares(scale, surge) : { canary: replicas, stable: 0 };
  const least = replicas - unavailable;
  const old = oldCounts(others, [canary, ...(stable ? [stable] : []), ...others], least);
  let counts = { canary: canary.wanted, stable: stable?.wanted ?? 0, others: old };

  // Up first, the stable revision before the new one, as far as the surge allows.
  const sum = canary.wanted + (stable?.wanted ?? 0) + others.reduce((all, { wanted }) => all + wanted, 0);
  let room = replicas + surge - sum;
  if (stable && stable.wanted < goal.stable && room > 0) {
    counts = { ...counts, stable: Math.min(goal.stable, stable.wanted + room) };
    room -= counts.stable - stable.wanted;
  }
  if (canary.wanted < goal.canary && room > 0)
    counts = { ...counts, canary: Math.min(goal.canary, canary.wanted + room) };
  if (others.some(({ wanted }) => wanted > 0)) return counts;

  // Then down, never below what must be available.
  const isIncreasing = goal.canary >= canary.wanted;
  const spare = serving(canary, !isIncreasing) + (stable ? serving(stable, isIncreasing) : 0) - least;
  if (spare <= 0) return counts;
  if (!isIncreasing) {
    counts = { ...counts, canary: lowered(canary, goal.canary, spare, counts.canary) };
    const [down, up] = within(canary, stable, counts.canary, counts.stable, replicas + surge, least);
    return { canary: down, stable: up, others: old };
  }
  if (stable) {
    counts = { ...counts, stable: lowered(stable, goal.stable, spare, counts.stable) };
    const [down, up] = within(stable, canary, counts.stable, counts.canary, replicas + surge, least);
    return { stable: down, canary: up, others: old };
  }
  return counts;
}

/** Surge rounds up and unavailable down; both 0 would stand still. */
export function fenceposts({ replicas, maxSurge = '25%', maxUnavailable = '25%' }: CanaryScale) {
  const of = (value: number | string, round: (n: number) => number) =>
    typeof value === 'number' ? value : round((Number.parseInt(value, 10) * replicas) / 100);
  const surge = of(maxSurge, Math.ceil);
  const unavailable = of(maxUnavailable, Math.floor);
  return { surge, unavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable) };
}

/** The numbers of pods that come closest to the weight; with a weight between 1 and 99 neither is 0, where that can be. */
function shares({ replicas, weight }: CanaryScale, surge: number): { canary: number; stable: number } {
  if (replicas === 0) return { canary: 0, stable: 0 };
  const exact = (replicas * weight) / 100;
  const [ceil, floor] = [Math.ceil(exact), Math.floor(exact)];
  const isTied = (total: number) => ((total * weight) / 100) % 1 === 0.5;
  const zeroAllowed = weight === 100 || weight === 0 || (replicas === 1 && surge === 0);
  const options = [
    ...(ceil < replicas || zeroAllowed ? [{ canary: ceil, total: replicas }] : []),
    ...(!isTied(replicas) && (floor !== 0 || zeroAllowed) ? [{ canary: floor, total: replicas }] : []),
    ...(surge > 0 ? [{ canary: ceil, total: replicas + 1 }] : []),
    ...(surge > 0 && !isTied(replicas + 1) && (floor !== 0 || zeroAllowed)
      ? [{ canary: floor, total: replicas + 1 }]
      : []),
  ];
  const delta = ({ canary, total }: { canary: number; total: number }) => Math.abs((canary * 100) / total - weight);
  const best = options.reduce((a, b) => (delta(b) < delta(a) ? b : a), options[0] ?? { canary: 0, total: replicas });
  return { canary: best.canary, stable: best.total - best.canary };
}

function serving({ available, wanted }: Pods, ignoresAvailability: boolean): number {
  return ignoresAvailability || wanted < available ? wanted : available;
}

function lowered({ wanted }: Pods, goal: number, spare: number, otherwise: number): number {
  return wanted > goal ? Math.max(goal, wanted - spare) : otherwise;
}

/** Keeps both together at most so many, and at least so many of them available (adjustReplicaWithinLimits). */
function within(
  drained: Pods,
  other: Pods | undefined,
  down: number,
  up: number,
  most: number,
  least: number,
): [number, number] {
  if (!other) return [down, up];
  const over = (a: number, b: number) => Math.max(0, a + b - most);
  const cut = up - over(down, up);
  const available = Math.min(drained.available, down) + Math.min(other.available, cut);
  const lost = Math.max(0, other.available - cut);
  const kept = cut + Math.min(lost, Math.max(0, least - available));
  return [down - over(down, kept), kept];
}

/** What older revisions keep: pods that do not serve go at once, others as far as enough are left. */
function oldCounts(others: readonly Pods[], all: readonly Pods[], least: number): number[] {
  let spare = all.reduce((sum, { available }) => sum + available, 0) - least;
  return others.map(({ available, wanted }) => {
    const serving = Math.min(wanted, available);
    const down = Math.max(0, Math.min(serving, spare));
    spare -= down;
    return serving - down;
  });
}
