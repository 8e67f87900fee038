import type { KubeObject } from '../cluster/objects.ts';

/** The pod specs of workloads, as far as they name Secrets. */
interface PodSpec {
  readonly containers?: readonly ContainerSecrets[];
  readonly initContainers?: readonly ContainerSecrets[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly volumes?: readonly {
    readonly secret?: {
      readonly secretName?: string;
      readonly items?: readonly { key: string }[];
      readonly optional?: boolean;
    };
    readonly projected?: {
      readonly sources?: readonly {
        readonly secret?: SecretReference & { readonly items?: readonly { key: string }[] };
      }[];
    };
  }[];
}

interface SecretReference {
  readonly name?: string;
  readonly optional?: boolean;
}

interface ContainerSecrets {
  readonly env?: readonly {
    readonly valueFrom?: { readonly secretKeyRef?: SecretReference & { readonly key: string } };
  }[];
  readonly envFrom?: readonly { readonly secretRef?: SecretReference }[];
}

/**
 * The Secrets that the pods of these objects cannot start without, by name, with the keys that they name; one that is
 * taken whole has none. What is marked optional is left out.
 */
export function secretsOf(objects: readonly KubeObject[]): ReadonlyMap<string, ReadonlySet<string>> {
  const secrets = new Map<string, Set<string>>();
  const need = (reference: SecretReference | undefined, keys: readonly string[] = []) => {
    if (!reference?.name || reference.optional) return;
    const known = secrets.get(reference.name) ?? new Set();
    secrets.set(reference.name, known);
    for (const key of keys) known.add(key);
  };
  for (const spec of objects.flatMap(podSpecsOf)) {
    for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
      for (const { valueFrom } of env)
        need(valueFrom?.secretKeyRef, valueFrom?.secretKeyRef ? [valueFrom.secretKeyRef.key] : []);
      for (const { secretRef } of envFrom) need(secretRef);
    }
    for (const { secret, projected } of spec.volumes ?? []) {
      if (secret)
        need(
          { ...secret, ...(secret.secretName ? { name: secret.secretName } : {}) },
          secret.items?.map(({ key }) => key),
        );
      for (const source of projected?.sources ?? [])
        need(
          source.secret,
          source.secret?.items?.map(({ key }) => key),
        );
    }
    for (const reference of spec.imagePullSecrets ?? []) need(reference);
  }
  return secrets;
}

/** Of a Rollout, Deployment, StatefulSet, DaemonSet, Job or CronJob. */
function podSpecsOf(object: KubeObject): PodSpec[] {
  type Templated = { readonly template?: { readonly spec?: PodSpec } };
  const { spec } = object as { spec?: Templated & { readonly jobTemplate?: { readonly spec?: Templated } } };
  return [spec?.template?.spec, spec?.jobTemplate?.spec?.template?.spec].filter((found) => found !== undefined);
}
