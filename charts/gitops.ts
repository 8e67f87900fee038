import { App, Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { Application, type ApplicationSpecIgnoreDifferences, AppProject } from '../imports/argoproj.io.ts';
import type { Overlay } from '../overlays/overlay.ts';
import { applicationPermissions } from '../promotion/cluster/permissions.ts';
import { policySchema } from '../promotion/plan/policy.ts';
import * as kplus from './kplus.ts';
import { applicationName, promoterName } from './names.ts';
import { enforceGitopsPolicy, type FollowedOverlay, type FollowedRelease } from './policy/gitops.ts';
import { groupOf, type Manifest, type RenderedObject, servicesOfRollout } from './policy/rendered.ts';
import { releasePolicy } from './release-policy.ts';
import { filesOf, type Manifests, manifestsOf, type Rendering, renderObjects } from './render.ts';

/** Beside the folders of overlays in dist/; applied to the cluster of Argo CD, once. */
export const gitopsFolder = 'gitops';

const projectName = 'moneywise';

/**
 * The project and the Applications of Argo CD, one for each overlay that it applies.
 * @throws PolicyError where they do not fit what is rendered
 */
export function renderGitops(overlays: readonly Overlay[]): Manifests {
  const releases = overlays.filter(isFollowed).map((overlay) => ({ overlay, objects: objectsOf(overlay) }));
  const files = renderGitopsObjects(releases);
  enforceGitopsPolicy([...files.values()].flat(), releases);
  return manifestsOf(files);
}

/** Whether Argo CD applies it. */
export const isFollowed = (overlay: Overlay): overlay is FollowedOverlay => overlay.gitops?.appliedBy === 'argo-cd';

/** File name without its end → its objects. */
export function renderGitopsObjects(releases: readonly FollowedRelease[]): Rendering['files'] {
  const app = new App();
  new ProjectChart(app, '00-project', releases);
  for (const { overlay, objects } of releases) {
    new ApplicationChart(app, `10-${overlay.name}`, overlay, manifestsIn(objects));
    new PromoterRightsChart(app, `20-${overlay.name}-promoter`, overlay);
  }
  return filesOf(app.charts.map((chart) => ({ chart, objects: chart.toJson() })));
}

const objectsOf = (overlay: Overlay): RenderedObject[] => [...renderObjects(overlay).files.values()].flat();
const manifestsIn = (objects: readonly RenderedObject[]): Manifest[] => objects.map(({ manifest }) => manifest);

/** What Applications may do: from these repositories, into these namespaces, with the kinds that are rendered. */
class ProjectChart extends Chart {
  constructor(scope: Construct, file: string, releases: readonly FollowedRelease[]) {
    super(scope, file);
    const isClusterWide = ({ kind }: { kind: string }) => kind === 'Namespace';
    for (const namespace of new Set(releases.map(({ overlay }) => overlay.gitops.namespace))) {
      const here = releases.filter(({ overlay }) => overlay.gitops.namespace === namespace);
      const overlays = here.map(({ overlay }) => overlay);
      const objects = manifestsIn(here.flatMap((release) => release.objects));
      const kinds = [...new Set(objects.map(({ apiVersion, kind }) => `${groupOf(apiVersion)}/${kind}`))].sort();
      const allowed = kinds.map((each) => ({ group: each.split('/')[0] ?? '', kind: each.split('/')[1] ?? '' }));
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
  constructor(scope: Construct, file: string, overlay: FollowedOverlay, objects: readonly Manifest[]) {
    super(scope, file);
    const { gitops, name, namespace } = overlay;
    new Application(this, 'application', {
      metadata: { name: applicationName(overlay), namespace: gitops.namespace, labels },
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

/** What the promoter of an overlay may do with its Application, and with no other. */
class PromoterRightsChart extends Chart {
  constructor(scope: Construct, file: string, overlay: FollowedOverlay) {
    super(scope, file);
    const permissions = applicationPermissions(policySchema.parse(releasePolicy(overlay)));
    if (overlay.strategy.kind !== 'blue-green' || permissions.length === 0) return;
    const metadata = { name: `${applicationName(overlay)}-promoter`, namespace: overlay.gitops.namespace, labels };
    new kplus.k8s.KubeRole(this, 'role', {
      metadata,
      rules: permissions.map(({ group, resource, names = [], verbs }) => ({
        apiGroups: [group],
        resources: [resource],
        resourceNames: [...names],
        verbs: [...verbs],
      })),
    });
    new kplus.k8s.KubeRoleBinding(this, 'binding', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: promoterName, namespace: overlay.namespace }],
    });
  }
}

const labels = { 'app.kubernetes.io/part-of': 'moneywise', 'app.kubernetes.io/managed-by': 'cdk8s' };

/** Fields that controllers own: the hash in the selectors of a Rollout's Services, and the replicas of what is autoscaled. */
function ownedByOthers(objects: readonly Manifest[]): ApplicationSpecIgnoreDifferences[] {
  const services = objects.filter(({ kind }) => kind === 'Rollout').flatMap(servicesOfRollout);
  const scaled = objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
    .map(({ spec }) => spec.scaleTargetRef);
  // What the API server adds to a claim template, which cdk8s-plus cannot say.
  const claims = ['apiVersion', 'kind'].map((field) => `/spec/volumeClaimTemplates/0/${field}`);
  const stores = objects.filter(({ kind, spec }) => kind === 'StatefulSet' && spec.volumeClaimTemplates);
  return [
    ...stores.map(({ kind, metadata: { name } }) => ({ group: 'apps', kind, name, jsonPointers: claims })),
    ...services.map((name: string) => ({ kind: 'Service', name, jsonPointers: ['/spec/selector'] })),
    ...scaled.map(({ apiVersion, kind, name }) => ({
      group: groupOf(apiVersion),
      kind,
      name,
      jsonPointers: ['/spec/replicas'],
    })),
  ];
}
