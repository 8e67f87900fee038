import { applicationPermissions } from '../../promotion/cluster/permissions.ts';
import { promoterName } from '../names.ts';
import type { FollowedRelease, GitopsRule } from './gitops.ts';
import { releasePolicyOf } from './release.ts';
import { groupOf, type Manifest, Rendered, type RenderedObject } from './rendered.ts';

/** Promoters may do with their own Application what they must, and nobody else may do anything. */
export const rightsAreExact: GitopsRule = (rendered, releases) => {
  const needed = releases.flatMap(rightsNeededBy);
  const bindings = rendered
    .ofKind('RoleBinding', 'ClusterRoleBinding')
    .map((object) => ({ object, given: rightsGivenBy(rendered, object) }));
  const given = bindings.flatMap((each) => each.given);
  return [
    ...bindings
      .filter(({ given }) => given.length === 0)
      .map(({ object }) => ({
        object,
        message: 'gives nobody a right: its Role is not there or empty, or it has no subject; correct it',
      })),
    ...bindings.flatMap(({ object, given }) =>
      given
        .filter((each) => !needed.some(({ what }) => what === each))
        .map((each) => ({ object, message: `has it that ${each}, which no release needs; leave it out` })),
    ),
    ...needed
      .filter(({ what }) => !given.includes(what))
      .map(({ object, what }) => ({ object, message: `needs that ${what}, which no Role here allows; add it` })),
  ];
};

/** Every single right that a release's promoter needs, and the object that asks for it. */
function rightsNeededBy({ objects, overlay }: FollowedRelease): { object: RenderedObject; what: string }[] {
  const rendered = new Rendered(objects);
  const { object, policy } = releasePolicyOf(rendered) ?? {};
  if (!object || !policy || rendered.ofKind('Rollout').length === 0) return [];
  const who = `ServiceAccount ${overlay.namespace}/${promoterName}`;
  return applicationPermissions(policy).flatMap(({ group, names = ['*'], namespace, resource, verbs }) =>
    names.flatMap((name) =>
      verbs.map((verb) => ({ object, what: right(who, verb, `${resource}.${group}`, `${namespace}/${name}`) })),
    ),
  );
}

const right = (who: string, verb: string, what: string, which: string) => `${who} may ${verb} ${what} ${which}`;

/** Every single right that a binding gives. */
function rightsGivenBy(
  rendered: Rendered,
  { manifest: { metadata, roleRef, subjects = [] } }: RenderedObject,
): string[] {
  const role = rendered.objects.find(
    ({ manifest: { apiVersion, kind, metadata: own } }) =>
      groupOf(apiVersion) === roleRef.apiGroup &&
      kind === roleRef.kind &&
      own.name === roleRef.name &&
      own.namespace === metadata.namespace,
  );
  const rules: Manifest[] = role?.manifest.rules ?? [];
  return subjects.flatMap(({ kind, name, namespace }: Manifest) =>
    rules.flatMap(({ apiGroups, resourceNames = ['*'], resources, verbs }) =>
      apiGroups.flatMap((group: string) =>
        resources.flatMap((resource: string) =>
          resourceNames.flatMap((which: string) =>
            verbs.map((verb: string) =>
              right(
                `${kind} ${namespace ? `${namespace}/` : ''}${name}`,
                verb,
                `${resource}.${group}`,
                `${metadata.namespace ?? '*'}/${which}`,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
