import { type Cluster, ClusterError } from '../cluster/port.ts';

/** How long a run tries to begin before it says that the cluster cannot be reached, in milliseconds. */
const PATIENCE = 10_000;
const PAUSES = [100, 200, 400, 800, 1600];

/** Does something that a run cannot go on without, again and again while the cluster does not answer. Throws the last error. */
export async function persist<T>(cluster: Cluster, perform: () => Promise<T>): Promise<T> {
  const startedAt = cluster.now().getTime();
  for (let tries = 0; ; tries += 1) {
    try {
      return await perform();
    } catch (error) {
      const isHopeless = !(error instanceof ClusterError && error.code === 'unreachable');
      if (isHopeless || cluster.now().getTime() - startedAt >= PATIENCE) throw error;
      await cluster.sleep(PAUSES[Math.min(tries, PAUSES.length - 1)] as number);
    }
  }
}
