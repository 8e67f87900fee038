import { EPHEMERAL_METADATA, type PodMetadata, type ReplicaSet } from '../cluster/objects.ts';

/** The ReplicaSet with the metadata of a role in the place of the one it had (ephemeralmetadata.go); undefined has none. */
export function inRole(set: ReplicaSet, wanted: PodMetadata = {}): ReplicaSet {
  const { [EPHEMERAL_METADATA]: before, ...annotations } = set.metadata.annotations ?? {};
  const had = JSON.parse(before ?? '{}') as PodMetadata;
  const old = set.spec.template?.metadata;
  if (!before && !wanted.labels && !wanted.annotations) return set;
  return {
    ...set,
    metadata: {
      ...set.metadata,
      annotations:
        wanted.labels || wanted.annotations
          ? { ...annotations, [EPHEMERAL_METADATA]: JSON.stringify(wanted) }
          : annotations,
    },
    spec: {
      ...set.spec,
      template: {
        ...set.spec.template,
        metadata: {
          ...old,
          labels: { ...without(old?.labels, had.labels), ...wanted.labels },
          annotations: { ...without(old?.annotations, had.annotations), ...wanted.annotations },
        },
      },
    },
  };
}

function without(from: Readonly<Record<string, string>> = {}, what: Readonly<Record<string, string>> = {}) {
  return Object.fromEntries(Object.entries(from).filter(([key]) => !(key in what)));
}
