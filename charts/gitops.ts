import { App, Chart, Yaml } from 'cdk8s';
import type { Construct } from 'constructs';
import { loadAll } from 'js-yaml';
import { Application, type ApplicationSpecIgnoreDifferences, AppProject } from '../imports/argoproj.io.ts';
import type { Overlay } from '../overlays/overlay.ts';
import type { Manifest } from './policy/rendered.ts';
import { type Manifests, render } from './render.ts';

/** Beside the folders of overlays in dist/; applied to the cluster of Argo CD, once. */
export const gitopsFolder = 'gitops';

type GitopsOverlay = Overlay & { readonly gitops: NonNullable<Overlay['gitops']> };

const projectName = 'moneywise';

/** The project and the Applications of Argo CD, one for each overlay that has any. */
export function renderGitops(overlays: readonly Overlay[]): Manifests {
  const followed = overlays.filter((overlay): overlay is GitopsOverlay => overlay.gitops !== undefined);
  if (followed.length === 0) return {};
  const app = new App();
  const objects = new Map(followed.map((overlay) => [overlay.name, objectsOf(overlay)]));
  new ProjectChart(app, '00-project', followed, [...objects.values()].flat());
  for (const overlay of followed) {
    new ApplicationChart(app, `10-${overlay.name}`, overlay, objects.get(overlay.name) ?? []);
  }
  return Object.fromEntries(app.charts.map((chart) => [`${chart.node.id}.yaml`, Yaml.stringify(...chart.toJson())]));
}

const objectsOf = (overlay: Overlay): Manifest[] =>
  Object.values(render(overlay)).flatMap((yaml) => loadAll(yaml) as Manifest[]);

/** What Applications may do: from these repositories, into these namespaces, with the kinds that are rendered. */
class ProjectChart extends Chart {
  constructor(scope: Construct, file: string, overlays: readonly GitopsOverlay[], objects: readonly Manifest[]) {
    super(scope, file);
    const kinds = [...new Set(objects.map(({ apiVersion, kind }) => `${groupOf(apiVersion)}/${kind}`))].sort();
    const allowed = kinds.map((each) => ({ group: each.split('/')[0] ?? '', kind: each.split('/')[1] ?? '' }));
    const isClusterWide = ({ kind }: { kind: string }) => kind === 'Namespace';
    for (const namespace of new Set(overlays.map(({ gitops }) => gitops.namespace))) {
      new AppProject(this, namespace, {
        metadata: { name: projectName, namespace, labels },
        spec: {
          description: 'MoneyWise: rendered manifests, and nothing that is not rendered',
          sourceRepos: [...new Set(overlays.map(({ gitops }) => gitops.repository))],
          destinations: overlays.map(({ gitops, namespace }) => ({ server: gitops.server, namespace })),
          clusterResourceWhitelist: allowed.filter(isClusterWide),
          namespaceResourceWhitelist: allowed.filter((each) => !isClusterWide(each)),
          orphanedResources: { warn: false },
        },
      });
    }
  }
}

/** One overlay's folder, kept in its namespace. Without a finalizer: who deletes an Application deletes no environment. */
class ApplicationChart extends Chart {
  constructor(scope: Construct, file: string, overlay: GitopsOverlay, objects: readonly Manifest[]) {
    super(scope, file);
    const { gitops, name, namespace } = overlay;
    new Application(this, 'application', {
      metadata: { name: `${projectName}-${name}`, namespace: gitops.namespace, labels },
      spec: {
        project: projectName,
        source: { repoUrl: gitops.repository, targetRevision: gitops.revision, path: `dist/${name}` },
        destination: { server: gitops.server, namespace },
        ignoreDifferences: ownedByOthers(objects),
        revisionHistoryLimit: 10,
        syncPolicy: {
          ...(gitops.automated ? { automated: { prune: true, selfHeal: gitops.selfHeal } } : {}),
          syncOptions: [
            'ServerSideApply=true',
            // Otherwise what is ignored when comparing would still be written when applying.
            'RespectIgnoreDifferences=true',
            'PruneLast=true',
            'FailOnSharedResource=true',
          ],
          retry: { limit: 3, backoff: { duration: '10s', factor: 2, maxDuration: '3m' } },
        },
      },
    });
  }
}

const labels = { 'app.kubernetes.io/part-of': 'moneywise', 'app.kubernetes.io/managed-by': 'cdk8s' };

/** Fields that controllers own: the hash in the selectors of a Rollout's Services, and the replicas of what is autoscaled. */
function ownedByOthers(objects: readonly Manifest[]): ApplicationSpecIgnoreDifferences[] {
  const services = objects
    .filter(({ kind }) => kind === 'Rollout')
    .flatMap(({ spec }) => [spec.strategy.blueGreen.activeService, spec.strategy.blueGreen.previewService]);
  const scaled = objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .map(({ spec }) => spec.scaleTargetRef);
  return [
    ...services.map((name: string) => ({ kind: 'Service', name, jsonPointers: ['/spec/selector'] })),
    ...scaled.map(({ apiVersion, kind, name }) => ({
      group: groupOf(apiVersion),
      kind,
      name,
      jsonPointers: ['/spec/replicas'],
    })),
  ];
}

/** The group in front of a version; empty for the core kinds. */
function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}
