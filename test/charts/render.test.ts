import { describe, expect, it } from 'vitest';
import { render } from '../../charts/render.ts';
import { loadOverlay, overlayNames } from '../../overlays/load.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind, podTemplates } from './objects.ts';

const overlays = [
  ...overlayNames.map((name) => ({ name, overlay: loadOverlay(name) })),
  { name: 'a test', overlay: sample() },
];

describe.each(overlays)('the manifests of $name', ({ overlay }) => {
  const objects = objectsOf(overlay);
  const templates = podTemplates(objects);

  it('are the same bytes each time', () => {
    expect(render(overlay)).toEqual(render(overlay));
  });

  it('have the Namespace in the first file, with Pod Security restricted enforced', () => {
    const [first] = objects;
    expect(Object.keys(render(overlay))).toEqual(Object.keys(render(overlay)).sort());
    expect(first).toMatchObject({
      kind: 'Namespace',
      metadata: { name: overlay.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
  });

  it('have no object twice, and all of them in one namespace with the recommended labels', () => {
    const ids = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { kind, metadata } of objects.slice(1)) {
      expect(metadata.namespace, `${kind} ${metadata.name}`).toBe(overlay.namespace);
      expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
        'app.kubernetes.io/name': expect.any(String),
        'app.kubernetes.io/instance': overlay.name,
        'app.kubernetes.io/component': expect.any(String),
        'app.kubernetes.io/part-of': 'moneywise',
        'app.kubernetes.io/managed-by': 'cdk8s',
      });
    }
  });

  it.each(templates)('meet Pod Security restricted in %s', (_, { spec }) => {
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: expect.any(Number),
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(spec.hostNetwork ?? false).toBe(false);
    expect(spec.containers[0].volumeMounts).toContainEqual({ mountPath: '/tmp', name: 'tmp' });
    for (const container of spec.containers) {
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources).toMatchObject({ requests: { cpu: expect.any(String), memory: expect.any(String) } });
      const { cpu, ...limited } = container.resources.requests;
      expect(container.resources.limits).toEqual(limited);
      expect(Object.keys(limited).sort()).toEqual(['ephemeral-storage', 'memory']);
    }
  });

  it('refer only to ServiceAccounts and ConfigMaps that are there', () => {
    for (const [owner, { spec }] of templates) {
      expect(() => find(objects, 'ServiceAccount', spec.serviceAccountName), owner).not.toThrow();
      for (const { configMapRef } of spec.containers.flatMap((container: KubeObject) => container.envFrom ?? [])) {
        expect(find(objects, 'ConfigMap', configMapRef.name).immutable, owner).toBe(true);
      }
    }
  });

  it('select pods by labels that a release never moves, and that the pods have', () => {
    for (const { kind, metadata, spec } of objects.filter(({ spec }) => spec?.selector?.matchLabels && spec.template)) {
      const { matchLabels } = spec.selector;
      expect(Object.keys(matchLabels).sort(), `${kind} ${metadata.name}`).toEqual([
        'app.kubernetes.io/instance',
        'app.kubernetes.io/name',
        'cdk8s.io/metadata.addr',
      ]);
      expect(spec.template.metadata.labels).toMatchObject(matchLabels);
      expect(matchLabels['cdk8s.io/metadata.addr']).toBe(metadata.name);
    }
  });

  it('name ports, and refer to them by name', () => {
    for (const { metadata, spec } of ofKind(objects, 'Service')) {
      for (const port of spec.ports) expect(port.targetPort, metadata.name).toBe(port.name);
    }
    for (const { spec } of ofKind(objects, 'Ingress')) {
      for (const { service } of spec.rules.flatMap(({ http }: KubeObject) =>
        http.paths.map((p: KubeObject) => p.backend),
      )) {
        const names = find(objects, 'Service', service.name).spec.ports.map(({ name }: KubeObject) => name);
        expect(names).toContain(service.port.name);
      }
    }
  });

  it('never carry a secret: no Secret is rendered, and every credential is a reference', () => {
    expect(ofKind(objects, 'Secret')).toEqual([]);
    for (const [owner, { spec }] of templates) {
      for (const { name, value } of spec.containers.flatMap((container: KubeObject) => container.env ?? [])) {
        if (/PASSWORD$|SECRET|DSN|_URL$|AUTH$/.test(name) && name !== 'CHECK_URL')
          expect(value, `${owner} ${name}`).toBeUndefined();
      }
    }
  });
});

it('keeps selectors where they are when versions, images and replicas change', () => {
  const selectors = (overlay: Parameters<typeof objectsOf>[0]) =>
    objectsOf(overlay)
      .filter(({ spec }) => spec?.selector)
      .map(({ kind, metadata, spec }) => [kind, metadata.name, spec.selector]);
  const { backend } = sample();
  const later = sample(
    { backend: { ...backend, replicas: 9, autoscaling: undefined } },
    { backend: { version: 'v9.9.9', digest: `sha256:${'9'.repeat(64)}` } },
  );
  expect(selectors(later)).toEqual(selectors(sample()));
});
