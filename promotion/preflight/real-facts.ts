import { METADATA_ONLY, type RealCluster } from '../cluster/kubernetes.ts';
import type { Application, Job, KubeObject, Pod, Rollout, Service } from '../cluster/objects.ts';
import { ClusterError } from '../cluster/port.ts';
import type { Facts, Quota, Seen } from './facts.ts';

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
  readonly status?: { readonly availableReplicas?: number };
}

/** The facts of a real cluster. */
export function factsOf({ namespace, ask }: RealCluster): Facts {
  const get = <T>(path: string, accept?: string) => seen(ask<T>('GET', path, accept ? { accept } : {}));
  const core = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  return {
    namespace,
    argoKinds: async () =>
      mapSeen(await get<{ resources: { name: string }[] }>('/apis/argoproj.io/v1alpha1'), ({ resources }) =>
        resources.map(({ name }) => name),
      ),
    controllers: async () =>
      mapSeen(
        await get<{ items: Deployment[] }>(
          '/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fname%3Dargo-rollouts',
        ),
        ({ items }) =>
          items.map(({ metadata, spec, status }) => {
            const version = /:(v?\d+\.\d+\.\d+[^@]*)/.exec(spec.template.spec.containers[0]?.image ?? '')?.[1];
            const { name, namespace = '' } = metadata;
            return { name, namespace, available: status?.availableReplicas ?? 0, ...(version ? { version } : {}) };
          }),
      ),
    async missingVerbs({ group, resource: path, verbs, names, namespace: place = namespace }) {
      const [resource, subresource] = path.split('/');
      const mayAll = async (verb: string) => {
        const answers = await Promise.all((names ?? [undefined]).map((name) => may(verb, name)));
        return answers.every(({ status }) => status.allowed);
      };
      const may = (verb: string, name: string | undefined) =>
        ask<{ status: { allowed: boolean } }>('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          body: {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: {
              resourceAttributes: {
                namespace: place,
                group,
                resource,
                verb,
                ...(subresource ? { subresource } : {}),
                ...(name === undefined ? {} : { name }),
              },
            },
          },
        });
      const allowed = await Promise.all(verbs.map(mayAll));
      return verbs.filter((_, i) => !allowed[i]);
    },
    async secretKeys(name) {
      const secret = await get<KubeObject>(`${core}/secrets/${encodeURIComponent(name)}`, METADATA_ONLY);
      if (secret === 'absent' || secret === 'hidden') return secret;
      const keys = keysSetIn(secret);
      return keys.length > 0 ? keys : 'hidden';
    },
    rollout: (name) =>
      get<Rollout>(
        `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(namespace)}/rollouts/${encodeURIComponent(name)}`,
      ),
    service: (name) => get<Service>(`${core}/services/${encodeURIComponent(name)}`),
    job: (name) =>
      get<Job>(`/apis/batch/v1/namespaces/${encodeURIComponent(namespace)}/jobs/${encodeURIComponent(name)}`),
    podsOfJob: async (name) =>
      mapSeen(
        await get<{ items: Pod[] }>(`${core}/pods?labelSelector=${encodeURIComponent(`job-name=${name}`)}`),
        ({ items }) => items,
      ),
    application: (place, name) =>
      get<Application>(
        `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(place)}/applications/${encodeURIComponent(name)}`,
      ),
    quotas: async () => mapSeen(await get<{ items: Quota[] }>(`${core}/resourcequotas`), ({ items }) => items),
  };
}

/** The keys under `data` that the API server has noted who set: the only place that names them without their values. */
function keysSetIn({ metadata }: KubeObject): string[] {
  const { managedFields = [] } = metadata as unknown as {
    managedFields?: { fieldsV1?: { 'f:data'?: object; 'f:stringData'?: object } }[];
  };
  const fields = managedFields.flatMap(({ fieldsV1 }) =>
    Object.keys({ ...fieldsV1?.['f:data'], ...fieldsV1?.['f:stringData'] }),
  );
  return [...new Set(fields.filter((field) => field.startsWith('f:')).map((field) => field.slice(2)))];
}

async function seen<T>(answer: Promise<T>): Promise<Seen<T>> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ClusterError && error.code === 'not-found') return 'absent';
    if (error instanceof ClusterError && error.code === 'forbidden') return 'hidden';
    throw error;
  }
}

function mapSeen<T, U>(value: Seen<T>, change: (value: T) => U): Seen<U> {
  if (value === 'absent' || value === 'hidden') return value as 'absent' | 'hidden';
  return change(value as T);
}
