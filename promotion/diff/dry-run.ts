import type { RealCluster } from '../cluster/kubernetes.ts';
import type { KubeObject } from '../cluster/objects.ts';
import { ClusterError, undefinedIfNotFound } from '../cluster/port.ts';
import type { Compared, Conflict } from './diff.ts';

/** Field managers that apply a folder: `kubectl apply --server-side`, and Argo CD. */
const APPLIERS = ['kubectl', 'argocd-controller'] as const;

/** How the API serves a kind. */
interface Served {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Has the API server say what it would make of each object, and writes nothing. */
export async function compareAll(objects: readonly KubeObject[], cluster: RealCluster): Promise<Compared[]> {
  const served = discovery(cluster);
  const paths = await Promise.all(objects.map(async (object) => pathOf(object, await served(object), cluster)));
  const live = await Promise.all(paths.map((path) => (path === undefined ? undefined : get(path, cluster))));
  const isNew = (kind: string, name: string | undefined) =>
    objects.some((object, i) => object.kind === kind && object.metadata.name === name && !live[i]);
  return Promise.all(
    objects.map((object, i): Promise<Compared> | Compared => {
      const path = paths[i];
      if (path === undefined)
        return { object, is: 'refused', reason: `this cluster has no ${object.apiVersion} ${object.kind}` };
      // In a namespace that is not there yet the API server takes nothing, not even to try.
      if (!live[i] && isNew('Namespace', object.metadata.namespace)) return { object, is: 'new' };
      return compare(object, live[i], path, cluster);
    }),
  );
}

async function compare(
  object: KubeObject,
  live: KubeObject | undefined,
  path: string,
  cluster: RealCluster,
): Promise<Compared> {
  const manager = applierOf(live);
  const dryRun = (force: boolean) =>
    cluster.ask<KubeObject>(
      'PATCH',
      `${path}?dryRun=All&fieldManager=${manager}&force=${force}&fieldValidation=Strict`,
      {
        body: object,
        contentType: 'application/apply-patch+yaml',
      },
    );
  try {
    const { merged, conflicts } = await dryRun(false).then(
      (merged) => ({ merged, conflicts: [] as Conflict[] }),
      async (error) => ({ conflicts: conflictsIn(error), merged: await dryRun(true) }),
    );
    return live ? { object, is: 'live', live, merged, conflicts } : { object, is: 'new' };
  } catch (error) {
    const isRefusal = error instanceof ClusterError && ['precondition', 'rejected', 'not-found'].includes(error.code);
    if (!isRefusal) throw error;
    return { object, is: 'refused', reason: error.message.replace(/^PATCH \S+: /, '') };
  }
}

/** Who applied an object; whoever does so next is the same, or has the right to say otherwise. */
function applierOf(live: KubeObject | undefined): string {
  const applied = (live?.metadata.managedFields ?? []).filter(({ operation }) => operation === 'Apply');
  return APPLIERS.find((name) => applied.some(({ manager }) => manager === name)) ?? APPLIERS[0];
}

/** Throws on what is no conflict of field managers. */
function conflictsIn(error: unknown): Conflict[] {
  const causes = error instanceof ClusterError ? error.causes : [];
  if (causes.length === 0 || causes.some(({ reason }) => reason !== 'FieldManagerConflict')) throw error;
  return causes.map(({ field = '', message = '' }) => ({
    path: field,
    manager: /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message,
  }));
}

/** Live objects of the folder's kinds in its namespace that carry every label that all of its objects have. */
export async function othersLike(objects: readonly KubeObject[], cluster: RealCluster): Promise<KubeObject[]> {
  const served = discovery(cluster);
  const labels = commonLabels(objects);
  if (labels.length === 0) return [];
  const kinds = [...new Map(objects.map((object) => [`${object.apiVersion} ${object.kind}`, object])).values()];
  const selector = encodeURIComponent(labels.map(([key, value]) => `${key}=${value}`).join(','));
  const lists = await Promise.all(
    kinds.map(async (object) => {
      const kind = await served(object);
      if (!kind?.namespaced) return [];
      const path = collectionOf(object.apiVersion, kind, cluster.namespace);
      const list = await cluster.ask<{ items: KubeObject[] }>('GET', `${path}?labelSelector=${selector}`);
      // Items of a list come without their kind.
      return list.items.map((item) => ({ ...item, apiVersion: object.apiVersion, kind: object.kind }));
    }),
  );
  return lists.flat();
}

/** Labels that every object has with the same value: what makes them one project's. */
export function commonLabels(objects: readonly KubeObject[]): [label: string, value: string][] {
  const [first, ...others] = objects;
  return Object.entries(first?.metadata.labels ?? {}).filter(([label, value]) =>
    others.every(({ metadata }) => metadata.labels?.[label] === value),
  );
}

/** Where a kind is; undefined where the cluster does not have it. Each group is asked once. */
function discovery({ ask }: RealCluster): (object: KubeObject) => Promise<Served | undefined> {
  type Resources = { resources: (Served & { readonly kind: string; readonly name: string })[] } | undefined;
  const asked = new Map<string, Promise<Resources>>();
  return async ({ apiVersion, kind }) => {
    const resources = asked.get(apiVersion) ?? ask<Resources>('GET', rootOf(apiVersion)).catch(undefinedIfNotFound);
    asked.set(apiVersion, resources);
    const found = (await resources)?.resources.find((each) => each.kind === kind && !each.name.includes('/'));
    return found && { plural: found.name, namespaced: found.namespaced };
  };
}

const rootOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

function collectionOf(apiVersion: string, { plural, namespaced }: Served, namespace: string): string {
  const place = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${rootOf(apiVersion)}${place}/${plural}`;
}

function pathOf({ apiVersion, metadata }: KubeObject, served: Served | undefined, cluster: RealCluster) {
  if (!served) return undefined;
  const collection = collectionOf(apiVersion, served, metadata.namespace ?? cluster.namespace);
  return `${collection}/${encodeURIComponent(metadata.name)}`;
}

function get(path: string, cluster: RealCluster): Promise<KubeObject | undefined> {
  return cluster.ask<KubeObject>('GET', path).catch(undefinedIfNotFound);
}
