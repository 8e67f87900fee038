import { type Cluster, ClusterError, CONFIG_MAPS, SECRETS } from '../cluster/port.ts';
import type { Verdict } from '../core/observation.ts';
import type { Reference } from '../plan/references.ts';

/** How often a cluster that does not answer is asked, and what is waited in between, in milliseconds. */
const TRIES = 5;
const PAUSE = 1000;

/** Whether everything is still there that a member's old pods need to start; nothing but names is asked for. */
export async function askWayBack(
  needed: readonly Reference[],
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Verdict> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found = await Promise.all(
        needed.map(({ kind, name }) => cluster.exists(kind === 'Secret' ? SECRETS : CONFIG_MAPS, name)),
      );
      const missing = needed.filter((_, i) => !found[i]).map(({ kind, name }) => `${kind} ${name}`);
      return missing.length > 0
        ? {
            verdict: 'fail',
            final: true,
            reason: `its old revision could not come back: ${missing.join(', ')} missing`,
          }
        : {
            verdict: 'pass',
            final: true,
            reason: `${needed.length} Secrets and ConfigMaps of its old revision are there`,
          };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      const reason = `it is not known whether its old revision could come back: ${error.message}`;
      if (attempt >= TRIES || signal.aborted || error.code !== 'unreachable')
        return { verdict: 'unknown', final: true, reason };
      await cluster.sleep(PAUSE, signal);
    }
  }
}
