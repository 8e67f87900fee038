import type { Manifest, RenderedObject } from './rendered.ts';

/** A field that is in the cluster and not in the manifest. */
export interface OwnedField {
  readonly manifest: Manifest;
  /** JSON pointer. */
  readonly pointer: string;
}

/**
 * What is left out of manifests because somebody else fills it in, of all that Argo CD would take for a difference: the
 * selector of a Rollout's Services, by its controller; the replicas of what is autoscaled; the type of a claim template, by
 * the API server, which cdk8s-plus cannot say.
 */
export function ownedByOthers(objects: readonly RenderedObject[]): OwnedField[] {
  return objects.flatMap(({ manifest }) => missingIn(manifest).map((pointer) => ({ manifest, pointer })));
}

function missingIn({ kind, spec }: Manifest): string[] {
  switch (kind) {
    case 'Service':
      return spec.selector ? [] : ['/spec/selector'];
    case 'Rollout':
    case 'Deployment':
      return spec.replicas === undefined ? ['/spec/replicas'] : [];
    case 'StatefulSet':
      return (spec.volumeClaimTemplates ?? []).flatMap((claim: Manifest, at: number) =>
        ['apiVersion', 'kind']
          .filter((field) => claim[field] === undefined)
          .map((field) => `/spec/volumeClaimTemplates/${at}/${field}`),
      );
    default:
      return [];
  }
}
