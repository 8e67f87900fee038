import type { Application } from '../cluster/objects.ts';
import { APPLICATIONS, type Cluster, ClusterError, type JsonPatch } from '../cluster/port.ts';
import { openView } from '../cluster/view.ts';
import { annotationPath } from '../run/writes.ts';

/** On an Application: makes Argo CD ask Git for the branch's newest commit and compare. It takes it away when that is done. */
export const REFRESH = 'argocd.argoproj.io/refresh';

/** One Application, followed by a watch. */
export interface Followed {
  readonly name: string;
  readonly namespace: string;
  /** As it was last seen; undefined while there is none. */
  readonly seen: () => Application | undefined;
  /**
   * Waits until it is so, for at most `milliseconds` and no longer than until `signal` is aborted.
   * @returns whether it became so
   */
  readonly until: (
    isSo: (application: Application) => boolean,
    milliseconds: number,
    signal?: AbortSignal,
  ) => Promise<boolean>;
  /** Patches it, if it is still the one that was last seen; what else must hold is in `patch`. Throws `ClusterError`. */
  readonly patch: (patch: JsonPatch) => Promise<Application>;
  readonly close: () => void;
}

/** Follows the Application of that name; `cluster` is for the objects of Argo CD's namespace. Throws `ClusterError`. */
export async function follow(cluster: Cluster, name: string): Promise<Followed> {
  const view = await openView(cluster, { applications: { ...APPLICATIONS, only: name } });
  const seen = () => view.objects.applications.get(name);
  return {
    name,
    namespace: cluster.namespace,
    seen,
    async until(isSo, milliseconds, signal) {
      const deadline = cluster.now().getTime() + milliseconds;
      for (;;) {
        const changed = view.changed();
        const application = seen();
        if (application && isSo(application)) return true;
        const left = deadline - cluster.now().getTime();
        if (left <= 0 || signal?.aborted) return false;
        const over = new AbortController();
        const stop = () => over.abort();
        signal?.addEventListener('abort', stop);
        await Promise.race([changed, cluster.sleep(left, over.signal)]);
        signal?.removeEventListener('abort', stop);
        stop();
      }
    },
    async patch(patch) {
      const uid = seen()?.metadata.uid;
      if (!uid) throw new ClusterError('not-found', `there is no Application ${name} in ${cluster.namespace}`);
      const isIt = { op: 'test', path: '/metadata/uid', value: uid } as const;
      const answer = await cluster.patch(APPLICATIONS, name, [isIt, ...patch]);
      view.put('applications', answer);
      return answer as Application;
    },
    close: () => view.close(),
  };
}

/** Whether Argo CD syncs it by itself. */
export function isAutomated({ spec }: Application): boolean {
  const automated = spec?.syncPolicy?.automated;
  return automated !== undefined && automated !== null && automated.enabled !== false;
}

/** Whether it is in the middle of something: a sync lasts until all that it applied is healthy, or it has no try left. */
export function isBusy({ operation }: Application): boolean {
  return operation !== undefined;
}

/** Whether it has compared with that commit and found the cluster to be what Git asks for, and is at nothing. */
export function isSyncedTo(application: Application, commit: string): boolean {
  const { sync } = application.status ?? {};
  return sync?.status === 'Synced' && sync.revision === commit && !isBusy(application) && !isRefreshing(application);
}

export function isRefreshing({ metadata }: Application): boolean {
  return metadata.annotations?.[REFRESH] !== undefined;
}

/** Sets annotations, of which an Application may have none yet. */
export function annotate({ metadata }: Application, values: Readonly<Record<string, string>>): JsonPatch {
  if (!metadata.annotations) return [{ op: 'add', path: '/metadata/annotations', value: values }];
  return Object.entries(values).map(([key, value]) => ({ op: 'add', path: annotationPath(key), value }) as const);
}

/** How it stands, for people. */
export function describeApplication({ metadata, status, operation }: Application): string {
  const { sync, operationState, conditions = [] } = status ?? {};
  const at = sync?.revision ? ` at ${sync.revision.slice(0, 10)}` : '';
  const doing = operation
    ? `; its sync of ${operation.sync?.revision?.slice(0, 10) ?? 'something'} is ${operationState?.phase ?? 'about to begin'}`
    : '';
  const said = operationState?.message && operationState.phase !== 'Succeeded' ? `: ${operationState.message}` : '';
  const errors = conditions
    .filter(({ type }) => type?.endsWith('Error'))
    .map(({ type, message }) => `; ${type}: ${message}`);
  return `Application ${metadata.name} is ${sync?.status ?? 'not compared yet'}${at}${doing}${said}${errors.join('')}`;
}
