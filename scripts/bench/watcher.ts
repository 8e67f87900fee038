import { POD_HASH, type Rollout } from '../../promotion/cluster/objects.ts';
import { RESOURCES, type Watched } from '../../promotion/cluster/port.ts';
import type { View } from '../../promotion/cluster/view.ts';

/** What is watched beside a contender, whoever it is, so that all are measured by the same eyes. */
export const WATCHED = {
  rollouts: RESOURCES.rollouts,
  analysisRuns: RESOURCES.analysisRuns,
  replicaSets: RESOURCES.replicaSets,
  services: RESOURCES.services,
} satisfies Partial<Record<Watched, unknown>>;
export type Watching = View<keyof typeof WATCHED>;

/** When what was seen first, in milliseconds since 1970. */
export interface Seen {
  /** By member: its active Service selected another revision than before, and that one again. */
  readonly switched: ReadonlyMap<string, number>;
  readonly back: ReadonlyMap<string, number>;
  /** An analysis had failed. */
  readonly verdict: number | undefined;
}

/** The hash that a member's active Service selects. */
export const liveHash = (view: Watching, member: string): string | undefined =>
  view.objects.services.get(member)?.spec.selector?.[POD_HASH];

/** Whether a member's new revision is up and paused before its switch. */
export function isPrepared(view: Watching, member: string): boolean {
  const rollout = view.objects.rollouts.get(member);
  const hash = newHash(rollout);
  if (!hash || rollout?.status?.pauseConditions?.[0]?.reason !== 'BlueGreenPause') return false;
  const set = view.objects.replicaSets.get(`${member}-${hash}`);
  return (set?.status?.availableReplicas ?? 0) >= (rollout.spec.replicas ?? 1);
}

/** Whether nothing of another revision than the live one is left. */
export function isAtRest(view: Watching, member: string): boolean {
  const live = liveHash(view, member);
  if (!live || view.objects.rollouts.get(member)?.status?.stableRS !== live) return false;
  return extraSets(view, member).length === 0;
}

/** The ReplicaSets of a member with pods that are not live. */
export function extraSets(view: Watching, member: string): string[] {
  return [...view.objects.replicaSets.values()]
    .filter(({ metadata, spec }) => metadata.ownerReferences?.[0]?.name === member && (spec.replicas ?? 0) > 0)
    .filter(({ metadata }) => metadata.labels?.[POD_HASH] !== liveHash(view, member))
    .map(({ metadata }) => metadata.name);
}

/** The revision that a Rollout's template asks for, once the controller knows it and if it is not the stable one. */
export function newHash(rollout: Rollout | undefined): string | undefined {
  const { currentPodHash, stableRS, observedGeneration } = rollout?.status ?? {};
  return observedGeneration === String(rollout?.metadata.generation) && currentPodHash !== stableRS
    ? currentPodHash
    : undefined;
}

/** Follows the selectors and verdicts of these members from now on. */
export function watchMembers(view: Watching, members: readonly string[]) {
  const before = new Map(members.map((member) => [member, liveHash(view, member)]));
  const runs = new Set(view.objects.analysisRuns.keys());
  const [switched, back] = [new Map<string, number>(), new Map<string, number>()];
  let verdict: number | undefined;
  let isOver = false;

  function look(): void {
    const now = Date.now();
    for (const member of members) {
      const isNew = liveHash(view, member) !== before.get(member);
      if (isNew && !switched.has(member)) switched.set(member, now);
      if (!isNew && switched.has(member) && !back.has(member)) back.set(member, now);
    }
    verdict ??= [...view.objects.analysisRuns.values()].some(
      ({ metadata, status }) => !runs.has(metadata.name) && status?.phase === 'Failed',
    )
      ? now
      : undefined;
  }

  async function follow(): Promise<void> {
    while (!isOver) {
      look();
      await view.changed();
    }
  }
  void follow();
  return {
    seen: (): Seen => ({ switched, back, verdict }),
    isLive: (member: string) => liveHash(view, member) !== before.get(member),
    stop: () => {
      isOver = true;
    },
  };
}

/** Waits until that holds, looking at every change. Throws after `limit` milliseconds. */
export async function when(view: Watching, what: string, limit: number, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + limit;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited ${limit / 1000} s in vain for ${what}`);
    await changedWithin(view, deadline + 1 - Date.now());
  }
}

/**
 * Waits until that holds for each member. Whenever for `stall` milliseconds no further one is there, `again` is told of those
 * that are not: a controller that is busy makes progress, one that has missed something does not.
 */
export async function whenEach(
  view: Watching,
  what: string,
  limit: number,
  members: readonly string[],
  holds: (member: string) => boolean,
  { stall, again }: { readonly stall: number; readonly again: (missing: readonly string[]) => Promise<unknown> },
): Promise<void> {
  let [fewest, since] = [members.length + 1, Date.now()];
  const deadline = since + limit;
  for (;;) {
    const missing = members.filter((member) => !holds(member));
    if (missing.length === 0) return;
    const now = Date.now();
    if (now > deadline) throw new Error(`waited ${limit / 1000} s in vain for ${what}: ${missing.join(', ')}`);
    if (missing.length < fewest) [fewest, since] = [missing.length, now];
    else if (now >= since + stall) {
      await again(missing);
      since = Date.now();
    }
    await changedWithin(view, Math.min(since + stall, deadline + 1) - Date.now());
  }
}

async function changedWithin(view: Watching, milliseconds: number): Promise<boolean> {
  const timer = new AbortController();
  const changed = await Promise.race([
    view.changed().then(() => true),
    pause(milliseconds, timer.signal).then(() => false),
  ]);
  timer.abort();
  return changed;
}

/** Waits until nothing has changed for so many milliseconds. */
export async function quiet(view: Watching, milliseconds: number): Promise<void> {
  while (await changedWithin(view, milliseconds));
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, milliseconds));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
