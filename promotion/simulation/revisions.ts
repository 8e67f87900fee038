import {
  type AnalysisRun,
  type AnalysisRunReference,
  DESIRED_REPLICAS,
  POD_HASH,
  REVISION,
  type ReplicaSet,
  type Rollout,
  type RolloutAnalysis,
  SCALE_DOWN_DEADLINE,
  type Service,
} from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';
import type { AnalysisTemplate } from './validation.ts';

// What Argo Rollouts does with the objects of a Rollout in the same way for blue-green and canary.

export const OVER = ['Successful', 'Failed', 'Error', 'Inconclusive'];
const MANAGED_BY = 'argo-rollouts.argoproj.io/managed-by-rollouts';

export function setsOf(api: ApiServer, rollout: Rollout): ReplicaSet[] {
  return api
    .list<ReplicaSet>('replicasets')
    .filter((set) => set.metadata.ownerReferences?.[0]?.uid === rollout.metadata.uid);
}

export function setOf(api: ApiServer, rollout: Rollout, hash: string | undefined): ReplicaSet | undefined {
  return hash ? setsOf(api, rollout).find((set) => set.metadata.labels?.[POD_HASH] === hash) : undefined;
}

export function revisionOf(set: ReplicaSet | undefined): number {
  return Number(set?.metadata.annotations?.[REVISION] ?? 0);
}

/** Makes the ReplicaSet of the current template where there is none, and numbers it, and the Rollout, as the newest. */
export function syncRevision(api: ApiServer, rollout: Rollout, hash: string): 'created' | 'found' {
  const others = setsOf(api, rollout).filter((set) => set.metadata.labels?.[POD_HASH] !== hash);
  const revision = 1 + Math.max(0, ...others.map(revisionOf));
  const existing = setOf(api, rollout, hash);
  if (!existing) create(api, rollout, hash, revision);
  else if (revisionOf(existing) < revision) annotate(api, existing, { [REVISION]: String(revision) });
  const current = String(revisionOf(setOf(api, rollout, hash)));
  if (rollout.metadata.annotations?.[REVISION] !== current) {
    api.update<Rollout>('rollouts', rollout.metadata.name, (live) => ({
      ...live,
      metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, [REVISION]: current } },
    }));
  }
  return existing ? 'found' : 'created';
}

function create(api: ApiServer, rollout: Rollout, hash: string, revision: number): void {
  const { name, uid = '', namespace } = rollout.metadata;
  const { template = {}, replicas = 1 } = rollout.spec;
  const labels = { ...template.metadata?.labels, [POD_HASH]: hash };
  api.create<ReplicaSet>('replicasets', {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace ? { namespace } : {}),
      labels,
      annotations: { [REVISION]: String(revision), [DESIRED_REPLICAS]: String(replicas) },
      ownerReferences: [{ kind: 'Rollout', name, uid }],
    },
    spec: { replicas: 0, template: { ...template, metadata: { ...template.metadata, labels } } },
  });
}

/** Whether the wanted number of pods is another than the one by which the new or the stable ReplicaSet was last scaled. */
export function isScalingEvent(sets: readonly (ReplicaSet | undefined)[], replicas: number): boolean {
  return sets.some(
    (set) =>
      set &&
      (set.spec.replicas ?? 0) > 0 &&
      Number(set.metadata.annotations?.[DESIRED_REPLICAS] ?? replicas) !== replicas,
  );
}

/** Sets annotations of a ReplicaSet; takes those away that are undefined. */
export function annotate(api: ApiServer, set: ReplicaSet, annotations: Record<string, string | undefined>): void {
  api.update<ReplicaSet>('replicasets', set.metadata.name, (live) => {
    const merged = Object.entries({ ...live.metadata.annotations, ...annotations }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return { ...live, metadata: { ...live.metadata, annotations: Object.fromEntries(merged) } };
  });
}

export function hasDeadline(set: ReplicaSet | undefined): boolean {
  return set?.metadata.annotations?.[SCALE_DOWN_DEADLINE] !== undefined;
}

/** Has a ReplicaSet go down so many seconds after `now`; when that is, in milliseconds since 1970. */
export function putDeadline(api: ApiServer, set: ReplicaSet, now: number, seconds: number): number {
  // The controller's own precision is a second, rounded down.
  const at = Math.floor((now + seconds * 1000) / 1000) * 1000;
  annotate(api, set, { [SCALE_DOWN_DEADLINE]: new Date(at).toISOString() });
  return at;
}

/** Points a Service at a revision. */
export function select(api: ApiServer, service: string, rollout: Rollout, hash: string): void {
  api.update<Service>('services', service, (live) => ({
    ...live,
    metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, [MANAGED_BY]: rollout.metadata.name } },
    spec: { ...live.spec, selector: { ...live.spec.selector, [POD_HASH]: hash } },
  }));
}

/** Whether a Rollout has had a Service in its hands before. */
export function isManaged(service: Service): boolean {
  return service.metadata.annotations?.[MANAGED_BY] !== undefined;
}

/** Makes an AnalysisRun of a revision; `infix` is what its name says it is for. */
export function createRun(
  api: ApiServer,
  rollout: Rollout,
  hash: string,
  analysis: RolloutAnalysis,
  infix: string,
  labels: Readonly<Record<string, string>>,
): AnalysisRun {
  const { name, namespace, uid = '' } = rollout.metadata;
  const revision = String(revisionOf(setOf(api, rollout, hash)));
  const metrics = (analysis.templates ?? []).flatMap(
    ({ templateName, clusterScope }) =>
      api.get<AnalysisTemplate>(`${clusterScope ? 'cluster' : ''}analysistemplates`, templateName)?.spec?.metrics ?? [],
  );
  const base = `${name}-${hash}-${revision}-${infix}`;
  let free = base;
  for (let i = 1; api.get('analysisruns', free) !== undefined; i += 1) free = `${base}.${i}`;
  return api.create<AnalysisRun>('analysisruns', {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisRun',
    metadata: {
      name: free,
      ...(namespace ? { namespace } : {}),
      labels: { [POD_HASH]: hash, ...labels },
      annotations: { [REVISION]: revision },
      ownerReferences: [{ kind: 'Rollout', name, uid }],
    },
    spec: { metrics },
  });
}

/** Ends every run of a Rollout but these. */
export function terminateOthers(
  api: ApiServer,
  rollout: Rollout,
  but: readonly (AnalysisRun | undefined)[] = [],
): void {
  const kept = but.map((run) => run?.metadata.name);
  for (const run of api.list<AnalysisRun>('analysisruns')) {
    const isOwn = run.metadata.ownerReferences?.[0]?.uid === rollout.metadata.uid;
    if (isOwn && !kept.includes(run.metadata.name)) terminate(api, run);
  }
}

export function terminate(api: ApiServer, run: AnalysisRun): void {
  if (OVER.includes(run.status?.phase ?? '') || run.spec.terminate) return;
  api.update<AnalysisRun>('analysisruns', run.metadata.name, (live) => ({
    ...live,
    spec: { ...live.spec, terminate: true },
  }));
}

export function referenceTo(run: AnalysisRun): AnalysisRunReference {
  return {
    name: run.metadata.name,
    ...(run.status?.phase ? { status: run.status.phase } : {}),
    ...(run.status?.message ? { message: run.status.message } : {}),
  };
}
