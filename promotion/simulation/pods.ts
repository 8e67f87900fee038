import type { Pod, ReplicaSet } from '../cluster/objects.ts';
import { ClusterError } from '../cluster/port.ts';
import { containersOf } from '../plan/plan.ts';
import type { ApiServer } from './api-server.ts';

/** What one of these pods has written. Throws `not-found`, as for a pod that is gone or never restarted. */
export function logOf(api: ApiServer, pod: string, container: string, previous: boolean): string {
  const set = api.list<ReplicaSet>('replicasets').find(({ metadata }) => pod.startsWith(`${metadata.name}-`));
  const { image } = containersOf(set?.spec.template ?? {}).find(({ name }) => name === container) ?? {};
  const state = api.get<Pod>('pods', pod)?.status;
  if (!set || previous || !state) throw new ClusterError('not-found', `no log of ${pod} ${container}`);
  const at = set.metadata.creationTimestamp ?? '';
  const ready = state.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return `${at} starting ${image}\n${at} ${ready ? 'ready for requests' : 'waiting for what it needs'}\n`;
}
