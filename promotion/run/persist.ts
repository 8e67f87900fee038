import { type Cluster, ClusterError } from '../cluster/port.ts';

/** How long a run goes on with something before it says that the cluster cannot be reached, in milliseconds. */
const PATIENCE = 10_000;
/** The same for its first contact with a server that refuses the connection: nothing is under way yet, so nothing is lost. */
export const FIRST_CONTACT = 2_000;
const PAUSES = [100, 200, 400, 800, 1600];

/**
 * Does something that a run cannot go on without, again and again while the cluster does not answer. Throws the last error.
 * @param ifRefused how long while connections are refused, in milliseconds: a server that restarts refuses them, too
 */
export async function persist<T>(cluster: Cluster, perform: () => Promise<T>, ifRefused = PATIENCE): Promise<T> {
  const startedAt = cluster.now().getTime();
  for (let tries = 0; ; tries += 1) {
    try {
      return await perform();
    } catch (error) {
      const isHopeless = !(error instanceof ClusterError && error.code === 'unreachable');
      const pause = PAUSES[Math.min(tries, PAUSES.length - 1)] as number;
      const patience = !isHopeless && error.isRefused ? ifRefused : PATIENCE;
      if (isHopeless || cluster.now().getTime() + pause - startedAt > patience) throw error;
      await cluster.sleep(pause);
    }
  }
}
