import type { KubeObject } from '../cluster/objects.ts';
import { type Cluster, ClusterError, LEASES, undefinedIfNotFound } from '../cluster/port.ts';
import { persist } from './persist.ts';

/** The right to act on a release, held through a Lease. */
export interface Lock {
  /** Rises with each holder: what every write of this run is fenced with. */
  readonly epoch: number;
  /** Whether the right is still this run's, as far as it knows: false once it could not be renewed in time. */
  readonly isHeld: () => boolean;
  /** For how long all in all it was not renewed in time, in milliseconds: known once it is held again. */
  readonly lapsed: () => number;
  /** Why it could not be renewed the last time, if it could not. */
  readonly problem: () => string | undefined;
  /** Who took it over, if somebody did. */
  readonly takenBy: () => string | undefined;
  readonly release: () => Promise<void>;
}

/** Somebody else acts on the release. */
export interface Holder {
  readonly holder: string;
  /** RFC 3339. */
  readonly since: string;
}

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** How long a Lease lasts without being renewed, and how often it is renewed, in milliseconds. */
const DURATION = 15_000;
const RENEW_EVERY = 5_000;
const LOOK_AGAIN = 1_000;

/** The Lease of a release. */
export function leaseName(release: string): string {
  return `release-${release}`;
}

export interface LockRequest {
  readonly release: string;
  readonly holder: string;
  /** The number of the last run that these objects remember; this one's will be above. */
  readonly above: number;
  /** How long to wait for a holder that is alive, in milliseconds; `none` takes the Lease from whoever holds it. */
  readonly patience: number | 'none';
  /** Aborted when waiting should end. */
  readonly signal?: AbortSignal | undefined;
  /** Hears for whom it waits, once for each holder. */
  readonly onWait: (holder: Holder) => void;
}

/**
 * Takes the Lease of a release, or says who holds it. A holder that does not renew is waited out (at most 15 s), because
 * it is dead; one that renews is reported at once, or waited for. Throws `ClusterError`.
 */
export async function acquire(
  cluster: Cluster,
  { release, holder, above, patience, signal, onWait }: LockRequest,
): Promise<Lock | Holder> {
  const name = leaseName(release);
  const startedAt = cluster.now().getTime();
  let firstRenewal: string | undefined;
  let unchangedSince = startedAt;
  let waitsFor: string | undefined;
  for (;;) {
    const now = cluster.now().getTime();
    const lease = await persist(cluster, () =>
      cluster.get(LEASES, name).then((object) => object as Lease, undefinedIfNotFound),
    );
    // The answer to our own taking it may have been lost on its way.
    if (lease?.spec?.holderIdentity === holder) return hold(cluster, name, holder, lease.spec.leaseTransitions ?? 0);
    const { holderIdentity, renewTime = '', acquireTime = '', leaseDurationSeconds = 15 } = lease?.spec ?? {};
    if (
      !lease ||
      !holderIdentity ||
      patience === 'none' ||
      Date.parse(renewTime) + leaseDurationSeconds * 1000 <= now ||
      now - unchangedSince >= DURATION
    ) {
      const taken = await persist(cluster, () => take(cluster, name, holder, above, lease));
      if (taken) return hold(cluster, name, holder, taken);
      continue;
    }
    firstRenewal ??= renewTime;
    const isAlive = renewTime !== firstRenewal;
    if (isAlive) unchangedSince = now;
    if (signal?.aborted || (isAlive && now - startedAt >= patience))
      return { holder: holderIdentity, since: acquireTime };
    if (patience > 0 && waitsFor !== holderIdentity) {
      waitsFor = holderIdentity;
      onWait({ holder: holderIdentity, since: acquireTime });
    }
    firstRenewal = isAlive && patience > 0 ? renewTime : firstRenewal;
    await cluster.sleep(LOOK_AGAIN, signal);
  }
}

/** Writes a new holder into the Lease; undefined when somebody else was faster. */
async function take(
  cluster: Cluster,
  name: string,
  holder: string,
  above: number,
  lease: Lease | undefined,
): Promise<number | undefined> {
  const now = microTime(cluster.now());
  const epoch = Math.max(lease?.spec?.leaseTransitions ?? 0, above) + 1;
  const spec = {
    holderIdentity: holder,
    leaseDurationSeconds: DURATION / 1000,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: epoch,
  };
  try {
    if (lease) {
      await cluster.patch(LEASES, name, [
        { op: 'test', path: '/metadata/resourceVersion', value: lease.metadata.resourceVersion },
        { op: 'add', path: '/spec', value: spec },
      ]);
    } else {
      const metadata = { name, namespace: cluster.namespace };
      await cluster.create(LEASES, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec,
      } as KubeObject);
    }
    return epoch;
  } catch (error) {
    if (error instanceof ClusterError && error.code === 'precondition') return undefined;
    throw error;
  }
}

/** Renews the Lease in the background until it is released or lost. */
function hold(cluster: Cluster, name: string, holder: string, epoch: number): Lock {
  const over = new AbortController();
  let renewedAt = cluster.now().getTime();
  let lapsed = 0;
  let takenBy: string | undefined;
  let problem: string | undefined;
  const mine = [
    { op: 'test', path: '/spec/leaseTransitions', value: epoch },
    { op: 'test', path: '/spec/holderIdentity', value: holder },
  ] as const;

  function renewed(at: number): void {
    if (at - renewedAt > DURATION) lapsed += at - renewedAt;
    renewedAt = at;
    problem = undefined;
  }
  async function renew(): Promise<void> {
    while (!over.signal.aborted) {
      await cluster.sleep(RENEW_EVERY, over.signal);
      if (over.signal.aborted) return;
      const now = cluster.now();
      try {
        await cluster.patch(LEASES, name, [...mine, { op: 'replace', path: '/spec/renewTime', value: microTime(now) }]);
        renewed(now.getTime());
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        problem = error.message;
        if (error.code !== 'precondition' && error.code !== 'not-found') continue;
        // Somebody deleted it. A later run's would be there, and then this one cannot be made.
        const isBack = error.code === 'not-found' && (await restored(now));
        if (isBack || isBack === undefined) continue;
        const lease = (await cluster.get(LEASES, name).catch(() => undefined)) as Lease | undefined;
        takenBy = lease?.spec?.holderIdentity || 'another run';
        return;
      }
    }
  }
  /** Makes a Lease that is gone anew; false when there is one, undefined when it cannot be made now. */
  async function restored(now: Date): Promise<boolean | undefined> {
    try {
      if (!(await take(cluster, name, holder, epoch - 1, undefined))) return false;
      renewed(now.getTime());
      return true;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      problem = error.message;
      return undefined;
    }
  }
  // A bug in here must end the process, not let it go on without its lock.
  renew().catch((error) => queueMicrotask(() => Promise.reject(error)));

  return {
    epoch,
    isHeld: () => takenBy === undefined && cluster.now().getTime() < renewedAt + DURATION,
    lapsed: () => lapsed,
    problem: () => problem,
    takenBy: () => takenBy,
    async release() {
      over.abort();
      if (takenBy !== undefined) return;
      // Left as it is when this fails: it runs out by itself.
      await cluster
        .patch(LEASES, name, [...mine, { op: 'replace', path: '/spec/holderIdentity', value: '' }])
        .catch(() => {});
    },
  };
}

/** Kubernetes' MicroTime: RFC 3339 with six decimals. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
