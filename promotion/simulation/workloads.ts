import {
  type EndpointSlice,
  type Job,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  SERVICE_NAME,
  type Service,
} from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';
import type { Scheduler } from './scheduler.ts';

/** How the pods of a ReplicaSet come up. */
export interface PodBehaviour {
  /** From start to ready, in milliseconds; undefined is never. */
  readonly readyAfter?: number | undefined;
}

/** ReplicaSet, endpoint and Job controllers, as far as a release sees them. */
export function startWorkloads(
  api: ApiServer,
  scheduler: Scheduler,
  behaviourOf: (set: ReplicaSet) => PodBehaviour,
): void {
  api.listen((plural, event) => {
    if (plural === 'replicasets') onReplicaSet(event.object as ReplicaSet);
    if (plural === 'replicasets' || plural === 'services') scheduler.after(scheduler.between(10, 60), syncEndpoints);
    if (plural === 'jobs' && event.type === 'ADDED') {
      scheduler.after(scheduler.between(1000, 4000), () => completeJob(event.object.metadata.name));
    }
  });

  function onReplicaSet(set: ReplicaSet): void {
    const wanted = set.spec.replicas ?? 0;
    const have = set.status?.replicas ?? 0;
    if (wanted > have) {
      setStatus(set, wanted, set.status?.availableReplicas ?? 0);
      const { readyAfter } = behaviourOf(set);
      if (readyAfter === undefined) return;
      for (let pod = have; pod < wanted; pod += 1) {
        scheduler.after(readyAfter + scheduler.between(0, 500), () => podReady(set.metadata.name));
      }
    } else if (wanted < have) {
      setStatus(set, wanted, Math.min(wanted, set.status?.availableReplicas ?? 0));
    }
  }

  function podReady(name: string): void {
    const set = api.get<ReplicaSet>('replicasets', name);
    if (!set) return;
    const replicas = set.status?.replicas ?? 0;
    setStatus(set, replicas, Math.min(replicas, (set.status?.availableReplicas ?? 0) + 1));
  }

  function setStatus(set: ReplicaSet, replicas: number, available: number): void {
    api.update<ReplicaSet>('replicasets', set.metadata.name, (s) => ({
      ...s,
      status: { replicas, readyReplicas: available, availableReplicas: available },
    }));
  }

  /** One slice a Service, with an endpoint for each available pod of every ReplicaSet it selects. */
  function syncEndpoints(): void {
    for (const service of api.list<Service>('services')) {
      const { selector } = service.spec;
      const endpoints = (
        selector ? api.list<ReplicaSet>('replicasets').filter((set) => isSelected(set, selector)) : []
      ).flatMap((set) =>
        Array.from({ length: set.status?.availableReplicas ?? 0 }, (_, i) => ({
          addresses: ['10.0.0.1'],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', name: `${set.metadata.name}-${i}` },
        })),
      );
      const name = `${service.metadata.name}-slice`;
      if (!api.get('endpointslices', name)) {
        api.create<EndpointSlice>('endpointslices', {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { name, labels: { [SERVICE_NAME]: service.metadata.name } },
          endpoints,
        });
      } else {
        api.update<EndpointSlice>('endpointslices', name, (slice) => ({ ...slice, endpoints }));
      }
    }
  }

  function isSelected(set: ReplicaSet, selector: Readonly<Record<string, string>>): boolean {
    const labels: Record<string, string | undefined> = {
      ...set.spec.template?.metadata?.labels,
      [POD_HASH]: set.metadata.labels?.[POD_HASH],
    };
    return Object.entries(selector).every(([key, value]) => labels[key] === value);
  }

  function completeJob(name: string): void {
    api.update<Job & KubeObject>('jobs', name, (job) => ({
      ...job,
      status: { conditions: [{ type: 'Complete', status: 'True' }] },
    }));
  }
}
