import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { renderGitops } from '../../charts/gitops.ts';
import { loadOverlay, overlayNames } from '../../overlays/load.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const objects = Object.values(renderGitops(overlayNames.map(loadOverlay))).flatMap(
  (yaml) => loadAll(yaml) as KubeObject[],
);

describe('the objects of Argo CD', () => {
  it('are a project, and an Application for each overlay that says so, of its folder into its namespace', () => {
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
      'AppProject argocd/moneywise',
      'Application argocd/moneywise-staging',
      'Role argocd/moneywise-staging-promoter',
      'RoleBinding argocd/moneywise-staging-promoter',
      'Application argocd/moneywise-production',
      'Role argocd/moneywise-production-promoter',
      'RoleBinding argocd/moneywise-production-promoter',
    ]);
    expect(find(objects, 'Application', 'moneywise-production').spec).toMatchObject({
      project: 'moneywise',
      source: { repoURL: expect.stringMatching(/\.git$/), targetRevision: 'main', path: 'dist/production' },
      destination: { server: 'https://kubernetes.default.svc', namespace: 'moneywise-production' },
    });
  });

  it('let the promoter of an overlay at its own Application and at nothing else of Argo CD', () => {
    expect(find(objects, 'Role', 'moneywise-staging-promoter').rules).toEqual([
      {
        apiGroups: ['argoproj.io'],
        resources: ['applications'],
        resourceNames: ['moneywise-staging'],
        verbs: ['get', 'list', 'watch', 'patch'],
      },
    ]);
    expect(find(objects, 'RoleBinding', 'moneywise-staging-promoter').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'promoter', namespace: 'moneywise-staging' },
    ]);
  });

  it('undo changes by hand only where the overlay says so, and never delete an environment with its Application', () => {
    const automated = (name: string) => find(objects, 'Application', name).spec.syncPolicy.automated;
    expect(automated('moneywise-staging')).toEqual({ prune: true, selfHeal: true });
    expect(automated('moneywise-production')).toEqual({ prune: true, selfHeal: false });
    for (const { metadata } of objects) expect(metadata).not.toHaveProperty('finalizers');
  });

  it('leave alone exactly what controllers own, when comparing and when applying', () => {
    const { ignoreDifferences, syncPolicy } = find(objects, 'Application', 'moneywise-production').spec;
    const service = (name: string) => ({ kind: 'Service', name, jsonPointers: ['/spec/selector'] });
    const rollout = (name: string) => ({
      group: 'argoproj.io',
      kind: 'Rollout',
      name,
      jsonPointers: ['/spec/replicas'],
    });
    expect(ignoreDifferences).toEqual([
      ...['backend', 'backend-preview', 'web', 'web-preview'].map(service),
      ...['backend', 'web'].map(rollout),
    ]);
    expect(syncPolicy.syncOptions).toContain('RespectIgnoreDifferences=true');
  });

  it('ask for what API servers would fill in or drop as those have it, or Argo CD would sync it again and again', () => {
    for (const { kind, metadata, spec } of overlayNames.flatMap((name) => objectsOf(loadOverlay(name)))) {
      const place = `${kind} ${metadata.name}`;
      const template = spec?.template?.spec;
      if (kind !== 'Rollout' && kind !== 'StatefulSet') continue;
      expect([template.hostNetwork, spec.minReadySeconds], place).toEqual([undefined, undefined]);
      if (kind !== 'Rollout') continue;
      for (const port of template.containers.flatMap(({ ports = [] }: { ports?: object[] }) => ports))
        expect(port, place).toHaveProperty('protocol', 'TCP');
    }
  });

  it('may make every kind that is rendered, of the cluster-wide ones the Namespace alone', () => {
    const { clusterResourceWhitelist, destinations, namespaceResourceWhitelist } = find(
      objects,
      'AppProject',
      'moneywise',
    ).spec;
    expect(clusterResourceWhitelist).toEqual([{ group: '', kind: 'Namespace' }]);
    expect(destinations.map(({ namespace }: KubeObject) => namespace)).toEqual([
      'moneywise-staging',
      'moneywise-production',
    ]);
    const kinds = namespaceResourceWhitelist.map(({ kind }: KubeObject) => kind);
    for (const { kind } of objectsOf(loadOverlay('production')))
      if (kind !== 'Namespace') expect(kinds).toContain(kind);
    expect(kinds).not.toContain('Secret');
    expect(ofKind(objects, 'Secret')).toEqual([]);
  });
});

it('are not there when no overlay has any', () => {
  expect(renderGitops([loadOverlay('development')])).toEqual({});
});
