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
      'Application argocd/moneywise-production',
    ]);
    expect(find(objects, 'Application', 'moneywise-production').spec).toMatchObject({
      project: 'moneywise',
      source: { repoURL: expect.stringMatching(/\.git$/), targetRevision: 'main', path: 'dist/production' },
      destination: { server: 'https://kubernetes.default.svc', namespace: 'moneywise-production' },
    });
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
