import { POD_HASH, type Pod, type ReplicaSet } from '../cluster/objects.ts';
import { ClusterError } from '../cluster/port.ts';
import { containersOf } from '../plan/plan.ts';
import type { ApiServer } from './api-server.ts';

/** The pods of every ReplicaSet: the simulation only counts them, so they are named when somebody looks. */
export function podsIn(api: ApiServer): Pod[] {
  return api.list<ReplicaSet>('replicasets').flatMap((set) =>
    Array.from({ length: set.status?.replicas ?? 0 }, (_, i): Pod => {
      const ready = i < (set.status?.availableReplicas ?? 0);
      const name = `${set.metadata.name}-${i}`;
      return {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          uid: `${set.metadata.uid}-pod-${i}`,
          labels: { [POD_HASH]: set.metadata.labels?.[POD_HASH] ?? '' },
          ownerReferences: [{ kind: 'ReplicaSet', name: set.metadata.name, uid: set.metadata.uid ?? '' }],
        },
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
          containerStatuses: containersOf(set.spec.template ?? {}).map((container) => ({
            name: container.name,
            ready,
            restartCount: 0,
          })),
        },
      };
    }),
  );
}

/** What one of these pods has written. Throws `not-found`, as for a pod that is gone or never restarted. */
export function logOf(api: ApiServer, pod: string, container: string, previous: boolean): string {
  const set = api.list<ReplicaSet>('replicasets').find(({ metadata }) => pod.startsWith(`${metadata.name}-`));
  const { image } = containersOf(set?.spec.template ?? {}).find(({ name }) => name === container) ?? {};
  if (!set || previous || !podsIn(api).some(({ metadata }) => metadata.name === pod))
    throw new ClusterError('not-found', `no log of ${pod} ${container}`);
  const at = set.metadata.creationTimestamp ?? '';
  const ready = podsIn(api).some(
    ({ metadata, status }) => metadata.name === pod && status?.conditions?.[0]?.status === 'True',
  );
  return `${at} starting ${image}\n${at} ${ready ? 'ready for requests' : 'waiting for what it needs'}\n`;
}
