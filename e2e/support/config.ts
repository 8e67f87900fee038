import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';

/** A hashed ConfigMap as the charts render it, as far as the promoter looks at it; `labels` in the place of its own. */
export function hashedConfig(
  namespace: string,
  version: string,
  labels: Readonly<Record<string, string>> = { 'moneywise.app/hashed-config': 'settings' },
): KubeObject {
  const metadata = { name: `settings-${version}`, namespace, labels };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { VERSION: version }, immutable: true } as KubeObject;
}

/** The same release, whose pods take their configuration from a hashed ConfigMap of their version. */
export function withConfig(objects: readonly KubeObject[], namespace: string, version: string): KubeObject[] {
  const envFrom = [{ configMapRef: { name: `settings-${version}` } }];
  const configured = objects.map((object) => {
    if (object.kind !== 'Rollout') return object;
    const { spec, ...rollout } = object as Rollout;
    const containers = spec.template?.spec?.containers?.map((container) => ({ ...container, envFrom }));
    return { ...rollout, spec: { ...spec, template: { ...spec.template, spec: { containers } } } };
  });
  return [hashedConfig(namespace, version), ...configured];
}
