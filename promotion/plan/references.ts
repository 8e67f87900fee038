import type { KubeObject } from '../cluster/objects.ts';

/** A Secret or ConfigMap without which a pod cannot start. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  /** Keys that are named; none where it is taken whole. */
  readonly keys: readonly string[];
}

interface Named {
  readonly name?: string;
  readonly optional?: boolean;
  readonly items?: readonly { readonly key: string }[];
}

interface ContainerReferences {
  readonly env?: readonly {
    readonly valueFrom?: {
      readonly secretKeyRef?: Named & { readonly key: string };
      readonly configMapKeyRef?: Named & { readonly key: string };
    };
  }[];
  readonly envFrom?: readonly { readonly secretRef?: Named; readonly configMapRef?: Named }[];
}

/** A pod spec, as far as it names Secrets and ConfigMaps. */
interface PodSpec {
  readonly containers?: readonly ContainerReferences[];
  readonly initContainers?: readonly ContainerReferences[];
  readonly imagePullSecrets?: readonly Named[];
  readonly volumes?: readonly {
    readonly secret?: Named & { readonly secretName?: string };
    readonly configMap?: Named;
    readonly projected?: { readonly sources?: readonly { readonly secret?: Named; readonly configMap?: Named }[] };
  }[];
}

/** What the pods of an object cannot start without, each place that names it; what is marked optional is left out. */
export function referencesOf(object: KubeObject): Reference[] {
  return podSpecsOf(object).flatMap((spec) => [
    ...[...(spec.initContainers ?? []), ...(spec.containers ?? [])].flatMap(({ env = [], envFrom = [] }) => [
      ...env.flatMap(({ valueFrom: { secretKeyRef, configMapKeyRef } = {} }) => [
        ...to('Secret', secretKeyRef, secretKeyRef && [secretKeyRef.key]),
        ...to('ConfigMap', configMapKeyRef, configMapKeyRef && [configMapKeyRef.key]),
      ]),
      ...envFrom.flatMap(({ secretRef, configMapRef }) => [
        ...to('Secret', secretRef),
        ...to('ConfigMap', configMapRef),
      ]),
    ]),
    ...(spec.volumes ?? []).flatMap(({ secret, configMap, projected }) => [
      ...to('Secret', secret && { ...secret, ...(secret.secretName ? { name: secret.secretName } : {}) }),
      ...to('ConfigMap', configMap),
      ...(projected?.sources ?? []).flatMap((source) => [
        ...to('Secret', source.secret),
        ...to('ConfigMap', source.configMap),
      ]),
    ]),
    ...(spec.imagePullSecrets ?? []).flatMap((secret) => to('Secret', secret)),
  ]);
}

function to(
  kind: Reference['kind'],
  named: Named | undefined,
  keys = (named?.items ?? []).map(({ key }) => key),
): Reference[] {
  return named?.name && !named.optional ? [{ kind, name: named.name, keys }] : [];
}

/** Of a Rollout, ReplicaSet, Deployment, StatefulSet, DaemonSet, Job or CronJob. */
function podSpecsOf(object: KubeObject): PodSpec[] {
  type Templated = { readonly template?: { readonly spec?: PodSpec } };
  const { spec } = object as { spec?: Templated & { readonly jobTemplate?: { readonly spec?: Templated } } };
  return [spec?.template?.spec, spec?.jobTemplate?.spec?.template?.spec].filter((found) => found !== undefined);
}
