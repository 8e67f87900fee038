import type { Entry } from './chain.ts';

// The four figures of DORA, of one record of releases. docs/git.md says what each of them counts.

/** A figure, or why there is too little in the record to give it. */
export type Figure =
  | { readonly value: number; readonly unit: Unit; readonly samples: number }
  | { readonly unknown: string; readonly samples: number };

export type Unit = 'a day' | 'seconds' | 'percent';

/** How an environment is delivered to. Durations are medians. */
export interface Delivery {
  /** What is looked at, RFC 3339. */
  readonly from: string;
  readonly until: string;
  /** Releases that went live and settled. */
  readonly deploymentFrequency: Figure;
  /** From the pin of its images to a release that is live. */
  readonly leadTime: Figure;
  /** Of the releases that reached the public, those that had to be taken back. */
  readonly changeFailureRate: Figure;
  /** From a failure to an environment that is well again. */
  readonly timeToRestore: Figure;
  /** Failures that the record sees no end of. */
  readonly unrestored: number;
}

/** Fewer are an anecdote. */
const LEAST_SAMPLES = 3;
const DAY = 86_400_000;

/** Outcomes after which every member is on one revision that is known to work. */
const WELL = ['promoted', 'unchanged', 'restored', 'refused', 'rolled-back'];

/** One release that reached the public. */
interface Deployment {
  readonly at: number;
  /** Milliseconds since the pin of its images; undefined when it did not settle, or the record has no pin that it is the first to use. */
  readonly leadTime: number | undefined;
  readonly hasSettled: boolean;
  /** Since when it is known to be bad, and when it was well again, where the record says so. */
  failure?: { readonly since?: number; restored?: number };
}

/** The figures of a record, of what went live between `since` (default: its first line) and `now`, in milliseconds since 1970. */
export function deliveryOf(entries: readonly Entry[], now: number, since = Number.NEGATIVE_INFINITY): Delivery {
  const [first] = entries;
  // Of the time before the first line nothing is known.
  const from = first ? Math.min(now, Math.max(since, timeOf(first))) : Math.min(now, Math.max(since, 0));
  const deployments = deploymentsIn(entries).filter(({ at }) => at >= from && at <= now);
  const settled = deployments.filter(({ hasSettled }) => hasSettled);
  const failures = deployments.flatMap(({ failure }) => failure ?? []);
  const restores = failures.flatMap(({ since, restored }) =>
    since === undefined || restored === undefined ? [] : [restored - since],
  );
  return {
    from: new Date(from).toISOString(),
    until: new Date(now).toISOString(),
    deploymentFrequency: frequencyOf(settled.length, first ? now - from : 0),
    leadTime: medianOf(
      settled.flatMap(({ leadTime }) => leadTime ?? []),
      'deployments with the pin of their images',
    ),
    changeFailureRate: enough(deployments.length, 'releases that reached the public') ?? {
      value: (100 * failures.length) / deployments.length,
      unit: 'percent',
      samples: deployments.length,
    },
    timeToRestore: medianOf(restores, 'failures with their beginning and end'),
    unrestored: deployments.filter(isUnrestored).length,
  };
}

/** Everything that reached the public, and what became of it, oldest first. */
function deploymentsIn(entries: readonly Entry[]): Deployment[] {
  const deployments: Deployment[] = [];
  /** Pins that no deployment has used yet, oldest first. */
  const pins: { at: number; images: Entry['images'] }[] = [];
  for (const entry of entries) {
    const { action, images, outcome } = entry;
    const at = timeOf(entry);
    const isRelease = action === 'promote' || action === 'settle';
    if (action === 'pin') pins.push({ at, images });
    const isOpen = deployments.some(isUnrestored);
    if (outcome === 'restored' || (isRelease && WELL.includes(outcome))) restore(deployments, at);
    if (isRelease && ['promoted', 'rolled-back', 'stuck'].includes(outcome)) {
      const hasSettled = outcome === 'promoted';
      const used = hasSettled ? pins.findLastIndex((pin) => at >= pin.at && runs(images, pin.images)) : -1;
      const pin = used < 0 ? undefined : pins.splice(used, 1)[0];
      deployments.push({
        at,
        leadTime: pin && at - pin.at,
        hasSettled,
        // When a run that went back had switched is not recorded, so how long it took is not either.
        ...(outcome === 'rolled-back' ? { failure: {} } : outcome === 'stuck' ? { failure: { since: at } } : {}),
      });
    }
    // One that ends a failure, or gets stuck in it, takes nothing else back.
    if (action === 'rollback' && !isOpen && (outcome === 'restored' || outcome === 'stuck')) {
      const taken = deployments.findLast(({ failure, hasSettled }) => hasSettled && !failure);
      if (taken && at >= taken.at)
        taken.failure = outcome === 'restored' ? { since: taken.at, restored: at } : { since: taken.at };
    }
  }
  return deployments;
}

/** Whether the record says when it began to be bad, and not that it is over. */
const isUnrestored = ({ failure }: Deployment): boolean =>
  failure?.since !== undefined && failure.restored === undefined;

/** Says of every failure that is not over that it is. */
function restore(deployments: readonly Deployment[], at: number): void {
  for (const { failure } of deployments.filter(isUnrestored)) {
    if (failure?.since !== undefined && at >= failure.since) failure.restored = at;
  }
}

/** Whether a release runs every image of a pin; it may run more, e.g. of an init container. */
function runs(images: Entry['images'], pinned: Entry['images']): boolean {
  const all = Object.entries(pinned);
  return all.length > 0 && all.every(([name, digest]) => images[name] === digest);
}

function frequencyOf(deployments: number, milliseconds: number): Figure {
  if (milliseconds < DAY) return { unknown: 'less than a day is recorded', samples: deployments };
  return { value: deployments / (milliseconds / DAY), unit: 'a day', samples: deployments };
}

function medianOf(milliseconds: readonly number[], what: string): Figure {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low = 0, high = 0] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return enough(sorted.length, what) ?? { value: (low + high) / 2 / 1000, unit: 'seconds', samples: sorted.length };
}

function enough(samples: number, what: string): Figure | undefined {
  if (samples >= LEAST_SAMPLES) return undefined;
  return { unknown: `needs ${LEAST_SAMPLES} ${what}, has ${samples}`, samples };
}

const timeOf = ({ time }: Entry): number => Date.parse(time);
