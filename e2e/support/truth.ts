import {
  type EndpointSlice,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
} from '../../promotion/cluster/objects.ts';
import { images } from '../../testbed/images.ts';
import { kubectl, read } from './kubectl.ts';

/** Where a member's traffic really goes, read from the API server. */
export interface Truth {
  /** Tag of the image behind the active Service's selector, e.g. `v1`. */
  readonly live: string | undefined;
  /** Tag of the image of the stable revision. */
  readonly stable: string | undefined;
  /** Ready endpoints of the active Service, as the tags of their pods' images. */
  readonly endpoints: readonly (string | undefined)[];
}

/** The truth of one member, whose active Service has its name. */
export async function truthOf(namespace: string, member: string): Promise<Truth> {
  const [service, rollout, sets, slices] = await Promise.all([
    read<Service>(namespace, 'service', member),
    read<Rollout>(namespace, 'rollout', member),
    list<ReplicaSet>(namespace, 'replicasets'),
    list<EndpointSlice>(namespace, 'endpointslices', `kubernetes.io/service-name=${member}`),
  ]);
  const tags = new Map(Object.entries(await images()).map(([name, reference]) => [reference, name.split(':').at(-1)]));
  const tagOf = (hash: string | undefined) => {
    const set = sets.find((s) => hash !== undefined && s.metadata.name === `${member}-${hash}`);
    return tags.get(set?.spec.template?.spec?.containers?.[0]?.image ?? '');
  };
  const ready = slices.flatMap((slice) => slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready);
  return {
    live: tagOf(service.spec.selector?.[POD_HASH]),
    stable: tagOf(rollout.status?.stableRS),
    endpoints: [...new Set(ready.map((endpoint) => tagOf(endpoint.targetRef?.name?.split('-').at(-2))))],
  };
}

/** A member that is wholly on that image: selector, stable revision and endpoints. */
export function allOn(tag: string): Truth {
  return { live: tag, stable: tag, endpoints: [tag] };
}

async function list<T extends KubeObject>(namespace: string, kind: string, selector = ''): Promise<T[]> {
  return (JSON.parse(await kubectl(['-n', namespace, 'get', kind, '-l', selector, '-o', 'json'])) as { items: T[] })
    .items;
}
