import {
  type ContainerStatus,
  type EndpointSlice,
  type Job,
  type KubeObject,
  POD_HASH,
  type Pod,
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
  /** What befalls one of them, so many milliseconds after the first is ready, and for how long it is not ready then. */
  readonly trouble?: {
    readonly after: number;
    readonly for: number;
    /** `flap`: not ready, without a restart; else why its container was restarted. */
    readonly what: 'flap' | 'Error' | 'OOMKilled';
  };
}

/** ReplicaSet, endpoint and Job controllers, as far as a release sees them. */
export function startWorkloads(
  api: ApiServer,
  scheduler: Scheduler,
  behaviourOf: (set: ReplicaSet) => PodBehaviour,
): void {
  const troubled = new Set<string>();
  api.listen((plural, event) => {
    if (plural === 'replicasets') {
      onReplicaSet(event.object as ReplicaSet);
      syncPods(event.object.metadata.name);
    }
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
    const { trouble } = behaviourOf(set);
    if (!trouble || troubled.has(name)) return;
    troubled.add(name);
    scheduler.after(trouble.after, () => befall(name, trouble));
  }

  /** The last of the available pods is not ready for a while, after which one is again. */
  function befall(name: string, { for: time, what }: NonNullable<PodBehaviour['trouble']>): void {
    const set = api.get<ReplicaSet>('replicasets', name);
    const available = set?.status?.availableReplicas ?? 0;
    if (!set || available === 0) return;
    if (what !== 'flap') {
      api.update<Pod>('pods', `${name}-${available - 1}`, (pod) => ({
        ...pod,
        status: { ...pod.status, containerStatuses: [restarted(pod.status?.containerStatuses?.[0], what)] },
      }));
    }
    setStatus(set, set.status?.replicas ?? 0, available - 1);
    scheduler.after(time, () => podReady(name));
  }

  function restarted(container: ContainerStatus | undefined, reason: string): ContainerStatus {
    const lastState = { terminated: { reason, exitCode: reason === 'OOMKilled' ? 137 : 1 } };
    return { name: 'main', ready: false, restartCount: (container?.restartCount ?? 0) + 1, lastState };
  }

  /** A pod for each replica of a ReplicaSet, of which the first are the available ones. */
  function syncPods(name: string): void {
    const set = api.get<ReplicaSet>('replicasets', name);
    const { availableReplicas = 0, replicas = 0 } = set?.status ?? {};
    for (let i = 0; set && i < replicas; i += 1) {
      const pod = api.get<Pod>('pods', `${name}-${i}`);
      const status = i < availableReplicas ? 'True' : 'False';
      const condition = pod?.status?.conditions?.[0];
      if (condition?.status === status) continue;
      const container = pod?.status?.containerStatuses?.[0] ?? { name: 'main', restartCount: 0 };
      const now = {
        phase: 'Running',
        conditions: [{ type: 'Ready', status, lastTransitionTime: new Date(scheduler.now()).toISOString() }],
        containerStatuses: [{ ...container, ready: status === 'True' }],
      };
      if (pod) api.update<Pod>('pods', `${name}-${i}`, (old) => ({ ...old, status: now }));
      else api.create<Pod>('pods', podOf(set, i, now));
    }
    for (let i = replicas; api.get('pods', `${name}-${i}`); i += 1) api.remove('pods', `${name}-${i}`);
  }

  function podOf(set: ReplicaSet, i: number, status: NonNullable<Pod['status']>): Pod {
    const { name, uid = '' } = set.metadata;
    const ownerReferences = [{ kind: 'ReplicaSet', name, uid }];
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${name}-${i}`, ownerReferences }, status };
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
