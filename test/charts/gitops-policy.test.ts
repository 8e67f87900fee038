import { describe, expect, it } from 'vitest';
import { isFollowed, renderGitopsObjects } from '../../charts/gitops.ts';
import { enforceGitopsPolicy, type FollowedRelease } from '../../charts/policy/gitops.ts';
import { PolicyError } from '../../charts/policy/policy.ts';
import { renderObjects } from '../../charts/render.ts';
import type { OverlayInput } from '../../overlays/overlay.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, ofKind } from './objects.ts';
import { gitopsReferences } from './references.ts';

const gitops = { repository: 'https://git.example.net/moneywise-deploy.git', changes: 'push', selfHeal: true } as const;

function releaseOf(change: Partial<OverlayInput> = {}): FollowedRelease {
  const overlay = sample({ gitops, ...change });
  if (!isFollowed(overlay)) throw new Error('no Application applies this sample');
  return { overlay, objects: [...renderObjects(overlay).files.values()].flat() };
}

const staging = releaseOf();
const second = releaseOf({
  name: 'second',
  namespace: 'moneywise-second',
  secrets: { kind: 'external-secrets', store: { name: 'vault', kind: 'SecretStore' } },
});

/** What the policy says after something of Argo CD's, or of the first of the releases, was broken. */
function findings(
  spoil: (objects: KubeObject[], released: KubeObject[]) => unknown,
  releases: readonly FollowedRelease[] = [staging, second],
): string[] {
  const [first, ...others] = structuredClone(releases);
  const rendered = structuredClone([...renderGitopsObjects(releases).values()].flat());
  const objects = rendered.map(({ manifest }) => manifest);
  spoil(
    objects,
    (first?.objects ?? []).map(({ manifest }) => manifest),
  );
  // What was taken out is taken out, and what was added has no construct of its own.
  const spoiled = objects.map((manifest) => ({
    path: rendered.find((each) => each.manifest === manifest)?.path ?? 'added',
    manifest,
  }));
  try {
    enforceGitopsPolicy(spoiled, first ? [first, ...others] : []);
  } catch (error) {
    if (error instanceof PolicyError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const application = (objects: KubeObject[]) => find(objects, 'Application', 'moneywise-staging').spec;
const project = (objects: KubeObject[]) => find(objects, 'AppProject', 'moneywise').spec;
const role = (objects: KubeObject[]) => find(objects, 'Role', 'moneywise-staging-promoter');
const binding = (objects: KubeObject[]) => find(objects, 'RoleBinding', 'moneywise-staging-promoter');
const take = (objects: KubeObject[], object: KubeObject) => objects.splice(objects.indexOf(object), 1);
const wave = (object: KubeObject, value: number) => {
  object.metadata.annotations = { ...object.metadata.annotations, 'argocd.argoproj.io/sync-wave': String(value) };
};
const job = (objects: KubeObject[]) => ofKind(objects, 'Job').find(({ metadata }) => /^migrate-/.test(metadata.name));

describe('the policy of Argo CD’s objects', () => {
  it('lets pass what is rendered', () => {
    expect(findings(() => {})).toEqual([]);
  });

  it.each([
    ['Deployments', { strategy: { kind: 'deployment' }, hosts: { web: 'a.example.net', api: 'b.example.net' } }],
    ['releases that do not go back in Git', { gitops: { repository: gitops.repository } }],
    ['syncs by hand', { gitops: { repository: gitops.repository, automated: false } }],
    ['an Argo CD for each', { gitops: { ...gitops, namespace: 'argocd-2' } }],
  ] satisfies [string, Partial<OverlayInput>][])('lets pass %s', (_, change) => {
    expect(findings(() => {}, [second, releaseOf(change)])).toEqual([]);
  });

  it('lets pass that no overlay has any', () => {
    expect(findings(() => {}, [])).toEqual([]);
  });

  it('names construct path, object and fix', () => {
    expect(
      findings((objects) => {
        application(objects).source.path = 'dist/stage';
      }),
    ).toContain(
      "10-staging/application (Application argocd/moneywise-staging): applies dist/stage, which is no overlay's that Argo CD applies; correct source.path",
    );
  });
});

describe('a synth is refused', () => {
  it.each<[string, (objects: KubeObject[], released: KubeObject[]) => unknown, RegExp]>([
    [
      'with an overlay that no Application applies',
      (o) => take(o, find(o, 'Application', 'moneywise-staging')),
      /^00-namespace\S* \(Namespace moneywise-staging\): is in dist\/staging, which 0 Applications apply; make it one/m,
    ],
    [
      'with an overlay that two Applications apply',
      (o) => o.push({ ...find(o, 'Application', 'moneywise-staging') }),
      /is in dist\/staging, which 2 Applications apply; make it one/,
    ],
    [
      'with an Application of another namespace',
      (o) => {
        application(o).destination.namespace = 'moneywise-second';
      },
      /Application argocd\/moneywise-staging\): has spec.destination.namespace "moneywise-second", and overlay staging means "moneywise-staging"; correct it/,
    ],
    [
      'with an Application of another branch',
      (o) => {
        application(o).source.targetRevision = 'next';
      },
      /moneywise-staging\): has spec.source.targetRevision "next", and overlay staging means "main"/,
    ],
    [
      'with a self-heal that the overlay does not say',
      (o) => {
        application(o).syncPolicy.automated.selfHeal = false;
      },
      /has spec.syncPolicy.automated {"prune":true,"selfHeal":false}, and overlay staging means {"prune":true,"selfHeal":true}/,
    ],
    [
      'with an Application that deletes an environment with itself',
      (o) => {
        find(o, 'Application', 'moneywise-staging').metadata.finalizers = ['resources-finalizer.argocd.argoproj.io'];
      },
      /has metadata.finalizers \["resources-finalizer.argocd.argoproj.io"\], and overlay staging means nothing; correct it/,
    ],
    [
      'without a sync option',
      (o) => application(o).syncPolicy.syncOptions.splice(1, 1),
      /lacks the sync option RespectIgnoreDifferences=true, without which what others own is overwritten at every sync; add it/,
    ],
    [
      'with a project that is not there',
      (o) => {
        application(o).project = 'default';
      },
      /moneywise-staging\): is of AppProject argocd\/default, which is not there; correct spec.project/,
    ],
    [
      'with a project of another namespace',
      (o) => {
        find(o, 'AppProject', 'moneywise').metadata.namespace = 'argo';
      },
      /is of AppProject argocd\/moneywise, which is not there/,
    ],
    [
      'with a project for any repository',
      (o) => project(o).sourceRepos.push('*'),
      /^00-project\/argocd \(AppProject argocd\/moneywise\): allows repository \*, which none of its Applications needs; leave it out/m,
    ],
    [
      'with a project that lacks a namespace',
      (o) => project(o).destinations.shift(),
      /AppProject .*does not allow namespace moneywise-staging of https:\/\/kubernetes.default.svc, which its Applications need; add it/,
    ],
    [
      'with a project for a kind that is not rendered',
      (o) => project(o).namespaceResourceWhitelist.push({ group: '', kind: 'Secret' }),
      /AppProject .*allows kind Secret, which none of its Applications needs; leave it out/,
    ],
    [
      'with a project that lacks a kind',
      (o) => project(o).namespaceResourceWhitelist.shift(),
      /AppProject .*does not allow kind \S+, which its Applications need; add it/,
    ],
    [
      'with a project for a kind of the whole cluster',
      (o) => project(o).clusterResourceWhitelist.push({ group: 'rbac.authorization.k8s.io', kind: 'ClusterRole' }),
      /AppProject .*allows cluster-wide kind rbac.authorization.k8s.io\/ClusterRole, which none/,
    ],
    [
      'with a selector that Argo CD would take from the controller',
      (o) => application(o).ignoreDifferences.splice(2, 1),
      /Application .*compares \/spec\/selector of kind Service \S+, which another fills in; ignore it/,
    ],
    [
      'with a selector that is rendered and not compared',
      (o) =>
        application(o).ignoreDifferences.push({ kind: 'Service', name: 'redis', jsonPointers: ['/spec/selector'] }),
      /Application .*ignores \/spec\/selector of kind Service redis, which is nobody else's to change; compare it/,
    ],
    [
      'with replicas that Argo CD would take from the autoscaler',
      (o) => application(o).ignoreDifferences.pop(),
      /compares \/spec\/replicas of kind argoproj.io\/Rollout web, which another fills in; ignore it/,
    ],
    [
      'with whole managers that are ignored',
      (o) =>
        application(o).ignoreDifferences.push({ kind: 'Service', name: 'web', managedFieldsManagers: ['kubectl'] }),
      /Application .*ignores kubectl of kind Service web, which is nobody else's to change; compare it/,
    ],
    [
      'with a release policy that follows another Application',
      (_, released) => {
        const { data } = find(released, 'ConfigMap', 'release-policy');
        data['policy.yaml'] = data['policy.yaml'].replace('name: moneywise-staging', 'name: moneywise-second');
      },
      /ConfigMap moneywise-staging\/release-policy\): follows Application argocd\/moneywise-second, which is not the one of dist\/staging; correct it/,
    ],
    [
      'with a release policy that goes back on another branch',
      (_, released) => {
        const { data } = find(released, 'ConfigMap', 'release-policy');
        data['policy.yaml'] = data['policy.yaml'].replace('branch: main', 'branch: next');
      },
      /release-policy\): goes back in \S+ at next, and its Application applies \S+ at main; make them one/,
    ],
    [
      'with a promoter that may do less than it must',
      (o) => role(o).rules[0].verbs.pop(),
      /release-policy\): needs that ServiceAccount moneywise-staging\/promoter may patch applications.argoproj.io argocd\/moneywise-staging, which no Role here allows; add it/,
    ],
    [
      'with a promoter that may do more than it must',
      (o) => role(o).rules[0].verbs.push('delete'),
      /^20-staging-promoter\/binding \(RoleBinding argocd\/moneywise-staging-promoter\): has it that ServiceAccount moneywise-staging\/promoter may delete applications.argoproj.io argocd\/moneywise-staging, which no release needs; leave it out/m,
    ],
    [
      'with a promoter that may do it with every Application',
      (o) => delete role(o).rules[0].resourceNames,
      /RoleBinding .*may patch applications.argoproj.io argocd\/\*, which no release needs/,
    ],
    [
      'with another who may do what the promoter may',
      (o) => binding(o).subjects.push({ kind: 'User', name: 'somebody' }),
      /RoleBinding .*has it that User somebody may get/,
    ],
    [
      'with rights in the whole cluster',
      (o) => {
        const metadata = { name: 'promoters' };
        const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'promoters' };
        const rules = [{ apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['patch'] }];
        o.push({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules });
        o.push({ ...binding(o), kind: 'ClusterRoleBinding', metadata, roleRef });
      },
      /ClusterRoleBinding promoters\): has it that ServiceAccount moneywise-staging\/promoter may patch applications.argoproj.io \*\/\*, which no release needs/,
    ],
    [
      'with a binding of no role',
      (o) => take(o, role(o)),
      /RoleBinding argocd\/moneywise-staging-promoter\): gives nobody a right: its Role is not there or empty, or it has no subject; correct it/,
    ],
    [
      'with pods that Argo CD starts before their schema',
      (_, released) => wave(find(released, 'Rollout', 'backend'), -10),
      /Rollout moneywise-staging\/backend\): is in sync wave -10, and Job migrate-\w+, whose work it needs, in -10; put it into a later one/,
    ],
    [
      'with a wave that is no number',
      (_, released) => wave(find(released, 'Rollout', 'backend'), Number.NaN),
      /Rollout .*backend\): is in sync wave NaN, and Job/,
    ],
    [
      'with a migration that Argo CD starts before its database',
      (_, released) => wave(find(released, 'StatefulSet', 'postgres'), -10),
      /StatefulSet .*postgres\): is in sync wave -10, and Job migrate-\w+, which needs it, in -10; put it into an earlier one/,
    ],
    [
      'with a migration that Argo CD starts before its configuration',
      (_, released) => wave(job(released), -35),
      /ConfigMap .*backend-config-\w+\): is in sync wave -30, and Job migrate-\w+, which needs it, in -35; put it into the same one, or an earlier one/,
    ],
    [
      'with a migration that Argo CD starts before it may reach anybody',
      (_, released) => wave(find(released, 'NetworkPolicy', 'migration'), 0),
      /NetworkPolicy .*migration\): is in sync wave 0, and Job/,
    ],
  ])('%s', (_, spoil, message) => {
    expect(findings(spoil).join('\n')).toMatch(message);
  });

  it('with Secrets that Argo CD makes after the migration needs them', () => {
    const late = (_: KubeObject[], released: KubeObject[]) => {
      for (const secret of ofKind(released, 'ExternalSecret')) wave(secret, 0);
    };
    expect(findings(late, [second]).join('\n')).toMatch(/ExternalSecret .*: is in sync wave 0, and Job migrate-\w+/);
  });
});

it('every field by which Argo CD’s objects refer to each other and to a release is held, when it is made wrong', () => {
  const rendered = [...renderGitopsObjects([staging, second]).values()].flat().map(({ manifest }) => manifest);
  const wrong = rendered.flatMap((object, index) =>
    fieldsOf(object, []).flatMap((path): [string, (objects: KubeObject[]) => void][] => {
      const at = `${object.kind} ${object.metadata.name} ${path.join('.')}`;
      if (!gitopsReferences.some((reference) => reference.test(at))) return [];
      return [[at, (objects) => change(objects[index], path)]];
    }),
  );
  expect(wrong.length).toBeGreaterThanOrEqual(100);
  expect(wrong.filter(([, spoil]) => findings(spoil).length === 0).map(([at]) => at)).toEqual([]);
});

function fieldsOf(value: KubeObject, path: string[]): string[][] {
  if (value === null || typeof value !== 'object') return [path];
  return Object.keys(value).flatMap((key) => fieldsOf(value[key], [...path, key]));
}

function change(object: KubeObject, path: string[]): void {
  const parent = path.slice(0, -1).reduce((at, key) => at[key], object);
  const key = path.at(-1) ?? '';
  parent[key] = typeof parent[key] === 'boolean' ? !parent[key] : `${parent[key]}-wrong`;
}
