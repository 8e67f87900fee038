import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import { sample, sampleWithBucket } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind, podTemplates } from './objects.ts';

const secrets = {
  kind: 'external-secrets',
  store: { name: 'aws-secrets-manager', kind: 'ClusterSecretStore' },
  prefix: 'moneywise/production/',
  refreshMinutes: 60,
} as const;
const objects = objectsOf({ ...loadOverlay('production'), secrets });

/** Every key of a Secret that a pod refers to, and the Secrets that images are pulled with. */
function used(all: KubeObject[]): string[] {
  const fromPods = podTemplates(all).flatMap(([, { spec }]) => [
    ...[...(spec.initContainers ?? []), ...spec.containers]
      .flatMap((container: KubeObject) => container.env ?? [])
      .flatMap(({ valueFrom }: KubeObject) => (valueFrom?.secretKeyRef ? [valueFrom.secretKeyRef] : []))
      .map(({ name, key }: KubeObject) => `${name}/${key}`),
    ...(spec.volumes ?? []).flatMap(({ secret }: KubeObject) =>
      (secret?.items ?? []).map(({ key }: KubeObject) => `${secret.secretName}/${key}`),
    ),
  ]);
  const pulls = ofKind(all, 'ServiceAccount').flatMap(({ imagePullSecrets = [] }) =>
    imagePullSecrets.map(({ name }: KubeObject) => `${name}/.dockerconfigjson`),
  );
  return [...new Set([...fromPods, ...pulls])].sort();
}

describe('Secrets from a store', () => {
  it.each([
    ['with managed data stores', objects],
    ['with dumps in a bucket', objectsOf({ ...sampleWithBucket(), secrets })],
  ])('are all that are used, with every key, and no more: %s', (_, all) => {
    const made = ofKind(all, 'ExternalSecret').flatMap(({ spec }) =>
      spec.data.map(({ secretKey }: KubeObject) => `${spec.target.name}/${secretKey}`),
    );
    expect(made.sort()).toEqual(used(all));
  });

  it('come from the entry of their name, and stay when the store is gone', () => {
    expect(find(objects, 'ExternalSecret', 'moneywise-cache').spec).toEqual({
      refreshInterval: '60m',
      secretStoreRef: { name: 'aws-secrets-manager', kind: 'ClusterSecretStore' },
      target: { name: 'moneywise-cache', creationPolicy: 'Owner', deletionPolicy: 'Retain' },
      data: ['REDIS_PASSWORD', 'REDIS_URL'].map((key) => ({
        secretKey: key,
        remoteRef: { key: 'moneywise/production/moneywise-cache', property: key },
      })),
    });
  });

  it('log in to the registry with a Secret of the right type, which every account that pulls has', () => {
    const { spec } = find(objects, 'ExternalSecret', 'moneywise-registry');
    expect(spec.target.template).toEqual({ type: 'kubernetes.io/dockerconfigjson' });
    for (const name of ['backend', 'web', 'migration']) {
      const account = find(objects, 'ServiceAccount', name);
      expect(account.imagePullSecrets).toEqual([{ name: 'moneywise-registry' }]);
      expect(account.automountServiceAccountToken).toBe(false);
    }
  });
});

it('renders none where you make them', () => {
  expect(ofKind(objectsOf(sample()), 'ExternalSecret')).toEqual([]);
});
