import { adviceOn } from '../cluster/advice.ts';
import { type Cluster, ClusterError, CONFIG_MAPS, CONFIG_USERS } from '../cluster/port.ts';
import { type ConfigWrite, configWrites } from '../core/unneeded.ts';
import type { Plan } from '../plan/plan.ts';
import type { Say } from './say.ts';
import { describe } from './words.ts';

/** How long a run that is over goes on with it, in milliseconds; the next run does the rest. */
const LIMIT = 10_000;

export interface TidyOptions {
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly say: Say;
  /** Only tells. */
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Deletes the hashed ConfigMaps of a release that nothing needs any more, after it has settled. Never throws: what fails is one
 * warning. Needs no lock and no number of a run: each write has the state it was decided on as its precondition, and
 * `configWrites` says why nothing else has to hold.
 */
export async function tidy({ plan, cluster, say, isDryRun, signal }: TidyOptions): Promise<void> {
  if (plan.configs.length === 0) return;
  const over = new AbortController();
  const stop = () => over.abort();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const late = cluster.sleep(LIMIT, over.signal).then(() => {
      if (!over.signal.aborted) throw new ClusterError('unreachable', `it took longer than ${LIMIT / 1000} s`);
    });
    await Promise.race([write(), late]);
  } catch (error) {
    const { message } = error as Error;
    const advice = error instanceof ClusterError && error.code === 'forbidden' ? `; ${adviceOn(error)}` : '';
    const words = `old hashed ConfigMaps stay until the next release: ${message}${advice}`;
    say('TIDY_FAILED', words, { data: { error: message } });
  } finally {
    stop();
    signal?.removeEventListener('abort', stop);
  }

  async function write(): Promise<void> {
    const configMaps = await cluster.listMetadata(CONFIG_MAPS);
    const users = await Promise.all(CONFIG_USERS.map(async (resource) => (await cluster.list(resource)).items));
    for (const due of configWrites(plan, configMaps, users.flat(), cluster.now().getTime())) {
      if (over.signal.aborted) return;
      const isDone = isDryRun || (await send(due, cluster));
      if (isDone && !over.signal.aborted)
        say(isDryRun ? 'WOULD' : 'ACT', `${isDryRun ? 'would ' : ''}${describe(due)}`, { data: due });
    }
  }
}

/** Whether the write was accepted; somebody who applied the ConfigMap meanwhile needs it, which is no failure. */
async function send({ act, name, uid, resourceVersion, labels }: ConfigWrite, cluster: Cluster): Promise<boolean> {
  try {
    if (act === 'delete-config') await cluster.remove(CONFIG_MAPS, name, { uid, resourceVersion });
    else
      await cluster.patch(CONFIG_MAPS, name, [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'add', path: '/metadata/labels', value: labels },
      ]);
    return true;
  } catch (error) {
    if (error instanceof ClusterError && ['precondition', 'not-found'].includes(error.code)) return false;
    throw error;
  }
}
