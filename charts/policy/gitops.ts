import { isDeepStrictEqual } from 'node:util';
import type { Overlay } from '../../overlays/overlay.ts';
import { rightsAreExact } from './application-rights.ts';
import { ownedByOthers } from './owned-by-others.ts';
import { type Finding, refuse } from './policy.ts';
import { releasePolicyOf } from './release.ts';
import { groupOf, type Manifest, Rendered, type RenderedObject } from './rendered.ts';
import { syncsInOrder } from './sync-order.ts';

/** An overlay that an Application of Argo CD applies. */
export type FollowedOverlay = Overlay & { readonly gitops: NonNullable<Overlay['gitops']> };

/** What an Application applies: an overlay, and everything that is rendered for it. */
export interface FollowedRelease {
  readonly overlay: FollowedOverlay;
  readonly objects: readonly RenderedObject[];
}

/** A property of Argo CD's objects beside the releases that those apply. */
export type GitopsRule = (rendered: Rendered, releases: readonly FollowedRelease[]) => Finding[];

/** @throws PolicyError with every finding, when there are any. */
export function enforceGitopsPolicy(objects: readonly RenderedObject[], releases: readonly FollowedRelease[]): void {
  const rendered = new Rendered(objects);
  refuse(rules.flatMap((rule) => rule(rendered, releases)));
}

const folderOf = ({ overlay }: FollowedRelease) => `dist/${overlay.name}`;

/** Each Application with the release whose folder it applies. */
function applied(rendered: Rendered, releases: readonly FollowedRelease[]) {
  return rendered.ofKind('Application').flatMap((application) => {
    const release = releases.find((each) => folderOf(each) === application.manifest.spec.source.path);
    return release ? [{ application, release }] : [];
  });
}

/** Every overlay has one Application, and no Application applies anything else. */
const foldersAreRendered: GitopsRule = (rendered, releases) => {
  const found = applied(rendered, releases);
  const strays = rendered
    .ofKind('Application')
    .filter((each) => !found.some(({ application }) => application === each));
  return [
    ...strays.map((object): Finding => {
      const { path } = object.manifest.spec.source;
      return { object, message: `applies ${path}, which is no overlay's that Argo CD applies; correct source.path` };
    }),
    ...releases.flatMap((each): Finding[] => {
      const count = found.filter(({ release }) => release === each).length;
      const [object] = each.objects;
      if (count === 1 || !object) return [];
      return [{ object, message: `is in ${folderOf(each)}, which ${count} Applications apply; make it one` }];
    }),
  ];
};

/** Field → what the overlay says. */
const settingsOf = ({ gitops, namespace }: FollowedOverlay) => ({
  'metadata.namespace': gitops.namespace,
  // With one, who deletes an Application deletes an environment.
  'metadata.finalizers': undefined,
  'spec.source.repoURL': gitops.repository,
  'spec.source.targetRevision': gitops.revision,
  'spec.destination.server': gitops.server,
  'spec.destination.namespace': namespace,
  'spec.syncPolicy.automated': gitops.automated ? { prune: true, selfHeal: gitops.selfHeal } : undefined,
});

const applicationsAreTheOverlays: GitopsRule = (rendered, releases) =>
  applied(rendered, releases).flatMap(({ application: object, release: { overlay } }) =>
    Object.entries(settingsOf(overlay)).flatMap(([path, wanted]): Finding[] => {
      const value = path.split('.').reduce((at, key) => at?.[key], object.manifest);
      if (isDeepStrictEqual(value, wanted)) return [];
      const [is, should] = [value, wanted].map((each) => JSON.stringify(each) ?? 'nothing');
      return [{ object, message: `has ${path} ${is}, and overlay ${overlay.name} means ${should}; correct it` }];
    }),
  );

/** What each way of syncing is for. */
const syncOptions = {
  'ServerSideApply=true': 'a ConfigMap that is too big for an annotation cannot be applied',
  'RespectIgnoreDifferences=true': 'what others own is overwritten at every sync',
  'PruneLast=true': 'the configuration of the old pods goes before the new ones are up',
  'FailOnSharedResource=true': 'an object of two Applications goes back and forth between them',
};

const syncsHaveTheirOptions: GitopsRule = (rendered) =>
  rendered.ofKind('Application').flatMap((object) => {
    const given: string[] = object.manifest.spec.syncPolicy?.syncOptions ?? [];
    return Object.entries(syncOptions)
      .filter(([option]) => !given.includes(option))
      .map(
        ([option, otherwise]): Finding => ({
          object,
          message: `lacks the sync option ${option}, without which ${otherwise}; add it`,
        }),
      );
  });

/** An Application's project is there, and lets its Applications do what they must, and no more. */
const projectsAllowExactly: GitopsRule = (rendered, releases) => {
  const all = applied(rendered, releases);
  const isIn = (project: RenderedObject, { manifest }: RenderedObject) =>
    manifest.spec.project === project.manifest.metadata.name &&
    manifest.metadata.namespace === project.manifest.metadata.namespace;
  const projects = rendered.ofKind('AppProject');
  return [
    ...rendered
      .ofKind('Application')
      .filter((application) => !projects.some((project) => isIn(project, application)))
      .map((object): Finding => {
        const { metadata, spec } = object.manifest;
        const message = `is of AppProject ${metadata.namespace}/${spec.project}, which is not there; correct spec.project`;
        return { object, message };
      }),
    ...projects.flatMap((object) => {
      const here = all.filter(({ application }) => isIn(object, application));
      const needed = here.flatMap(({ application, release }) => neededBy(application, release));
      const allowed = allowedBy(object.manifest.spec);
      return exactly(allowed, needed, {
        extra: (what) => ({ object, message: `allows ${what}, which none of its Applications needs; leave it out` }),
        lacking: (what) => ({ object, message: `does not allow ${what}, which its Applications need; add it` }),
      });
    }),
  ];
};

const destination = ({ namespace, server }: Manifest) => `namespace ${namespace} of ${server}`;
const kindOf = ({ group, kind }: Manifest) => `kind ${group ? `${group}/` : ''}${kind}`;

function neededBy({ manifest }: RenderedObject, { objects }: FollowedRelease): string[] {
  const kinds = objects.map(({ manifest: { apiVersion, kind, metadata } }) => {
    const words = kindOf({ group: groupOf(apiVersion), kind });
    return metadata.namespace === undefined ? `cluster-wide ${words}` : words;
  });
  return [`repository ${manifest.spec.source.repoURL}`, destination(manifest.spec.destination), ...kinds];
}

function allowedBy(spec: Manifest): string[] {
  return [
    ...(spec.sourceRepos ?? []).map((repository: string) => `repository ${repository}`),
    ...(spec.destinations ?? []).map(destination),
    ...(spec.clusterResourceWhitelist ?? []).map((each: Manifest) => `cluster-wide ${kindOf(each)}`),
    ...(spec.namespaceResourceWhitelist ?? []).map(kindOf),
  ];
}

/** What others fill in is ignored, or Argo CD would fight them for it; what is rendered is compared. */
const othersKeepWhatTheyOwn: GitopsRule = (rendered, releases) =>
  applied(rendered, releases).flatMap(({ application: object, release }) => {
    const ignored = (object.manifest.spec.ignoreDifferences ?? []).flatMap(
      ({ group = '', jqPathExpressions = [], jsonPointers = [], kind, managedFieldsManagers = [], name }: Manifest) =>
        [...jsonPointers, ...jqPathExpressions, ...managedFieldsManagers].map(
          (what: string) => `${what} of ${kindOf({ group, kind })} ${name}`,
        ),
    );
    const owned = ownedByOthers(release.objects).map(
      ({ manifest: { apiVersion, kind, metadata }, pointer }) =>
        `${pointer} of ${kindOf({ group: groupOf(apiVersion), kind })} ${metadata.name}`,
    );
    return exactly(ignored, owned, {
      extra: (what) => ({ object, message: `ignores ${what}, which is nobody else's to change; compare it` }),
      lacking: (what) => ({ object, message: `compares ${what}, which another fills in; ignore it` }),
    });
  });

/** The release policy follows the Application that applies it, from the branch that this one applies. */
const policiesNameTheirApplication: GitopsRule = (rendered, releases) =>
  releases.flatMap((release) => {
    const { object, policy } = releasePolicyOf(new Rendered(release.objects)) ?? {};
    const git = policy?.git;
    if (!object || !git?.application) return [];
    const found = (message: string): Finding[] => [{ object, message }];
    const { name, namespace } = git.application;
    const own = applied(rendered, releases).find((each) => each.release === release)?.application.manifest;
    if (own?.metadata.name !== name || own.metadata.namespace !== namespace)
      return found(
        `follows Application ${namespace}/${name}, which is not the one of ${folderOf(release)}; correct it`,
      );
    const { repoURL, targetRevision } = own.spec.source;
    if (repoURL === git.repository && targetRevision === git.branch) return [];
    return found(
      `goes back in ${git.repository} at ${git.branch}, and its Application applies ${repoURL} at ${targetRevision}; make them one`,
    );
  });

/** What one of two lists has and the other has not, each said once. */
function exactly(
  is: readonly string[],
  should: readonly string[],
  say: { extra: (what: string) => Finding; lacking: (what: string) => Finding },
): Finding[] {
  const without = (these: readonly string[], those: readonly string[]) => [
    ...new Set(these.filter((each) => !those.includes(each))),
  ];
  return [...without(is, should).map(say.extra), ...without(should, is).map(say.lacking)];
}

const rules: readonly GitopsRule[] = [
  foldersAreRendered,
  applicationsAreTheOverlays,
  syncsHaveTheirOptions,
  projectsAllowExactly,
  othersKeepWhatTheyOwn,
  policiesNameTheirApplication,
  rightsAreExact,
  syncsInOrder,
];
