import type { ContainerStatus, Event, KubeObject, Pod } from '../cluster/objects.ts';
import { CLUSTER_EVENTS, type Cluster, ClusterError, RESOURCES } from '../cluster/port.ts';
import type { Plan } from '../plan/plan.ts';
import type { Log } from './bundle.ts';

/** How many of the last lines of a container are kept. */
const LINES = 200;
/** How many events are kept, and of how many pods of a ReplicaSet the logs: those in trouble first. */
const MOST_EVENTS = 500;
const MOST_PODS = 5;

export interface Listing {
  readonly pods: readonly Pod[];
  readonly events: readonly Event[];
}

/** The pods and the events of the release's members. Throws `ClusterError`. */
export async function listingOf(cluster: Cluster, plan: Plan): Promise<Listing> {
  const [pods, events] = await Promise.all([cluster.list(RESOURCES.pods), cluster.list(CLUSTER_EVENTS)]);
  const names = [...plan.members.map(({ name }) => name), ...plan.jobs];
  const isOurs = (name: string | undefined) => names.some((n) => name === n || name?.startsWith(`${n}-`));
  return {
    pods: (pods.items as Pod[]).filter(({ metadata }) => isOurs(metadata.name)).map(withoutSpec),
    events: (events.items as Event[])
      .filter(({ involvedObject }) => isOurs(involvedObject?.name))
      .sort((a, b) => timeOf(a).localeCompare(timeOf(b), 'en'))
      .slice(-MOST_EVENTS)
      .map(withoutManagedFields),
  };
}

/** When an event happened last, RFC 3339; empty when it does not say. */
export function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
}

/**
 * The last log lines of a ReplicaSet's pods, and of the tries before their restarts. A container that never ran has none,
 * which is no error. Throws `ClusterError` for any other reason, after all were tried.
 */
export async function logsOf(
  cluster: Cluster,
  pods: readonly Pod[],
  replicaSet: string,
  onLog: (log: Log) => void,
): Promise<void> {
  const chosen = pods
    .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === replicaSet))
    .sort((a, b) => trouble(b) - trouble(a))
    .slice(0, MOST_PODS);
  const wanted = chosen.flatMap((pod) =>
    containers(pod).flatMap(({ name, restartCount }) =>
      [false, ...(restartCount > 0 ? [true] : [])].map((previous) => ({
        pod: pod.metadata.name,
        container: name,
        previous,
      })),
    ),
  );
  const errors: unknown[] = [];
  await Promise.all(
    wanted.map(async ({ pod, container, previous }) => {
      try {
        onLog({ pod, container, previous, text: await cluster.logs(pod, container, { lines: LINES, previous }) });
      } catch (error) {
        const isNone = error instanceof ClusterError && ['not-found', 'rejected'].includes(error.code);
        if (!isNone) errors.push(error);
      }
    }),
  );
  if (errors.length > 0) throw errors[0];
}

/** Who set which field of it is of no use to anybody, and most of an event. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** A pod's state and place; its containers' configuration is in the plan. */
function withoutSpec({ apiVersion, kind, metadata, status, ...rest }: Pod): Pod {
  const { name, uid, creationTimestamp, deletionTimestamp, labels, ownerReferences } = metadata;
  const { nodeName } = (rest as { spec?: { nodeName?: string } }).spec ?? {};
  const kept = { name, uid, creationTimestamp, deletionTimestamp, labels, ownerReferences };
  return { apiVersion, kind, metadata: kept, ...(nodeName ? { spec: { nodeName } } : {}), status } as Pod;
}

export function containers({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function trouble(pod: Pod): number {
  const restarts = containers(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  return restarts + (ready ? 0 : 1);
}
