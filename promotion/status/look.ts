import { type Cluster, RESOURCES } from '../cluster/port.ts';
import { openView } from '../cluster/view.ts';
import type { Plan } from '../plan/plan.ts';
import { type Status, statusOf } from './status.ts';

export interface LookOptions {
  readonly plan: Plan;
  readonly cluster: Cluster;
  /** Gets the status each time, and since when the cluster has not answered, in milliseconds since 1970. */
  readonly show: (status: Status, now: number, blindSince: number | undefined) => void;
  /** Looks on, at every change and each second, until this is aborted; without it once. */
  readonly until?: AbortSignal;
}

/** How often a status is shown while nothing changes, so that countdowns move, in milliseconds. */
const TICK = 1000;

/** Shows the status of a release, and returns the last one. Throws `ClusterError` when the first look fails. */
export async function look({ plan, cluster, show, until }: LookOptions): Promise<Status> {
  const view = await openView(cluster, RESOURCES);
  try {
    for (;;) {
      const changed = view.changed();
      const now = cluster.now().getTime();
      const observation = { ...view.objects, checks: new Map(), listedAt: view.listedAt() };
      const status = statusOf(plan, cluster.namespace, observation, now);
      show(status, now, view.blindSince());
      if (!until || until.aborted) return status;
      const over = new AbortController();
      const stop = () => over.abort();
      until.addEventListener('abort', stop, { once: true });
      await Promise.race([changed, cluster.sleep(TICK, over.signal)]);
      until.removeEventListener('abort', stop);
      over.abort();
    }
  } finally {
    view.close();
  }
}
