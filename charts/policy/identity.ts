import type { Finding, Rule } from './policy.ts';
import { groupOf, type Manifest } from './rendered.ts';

/** Labels that stay the same through all releases of a workload. */
const stableLabels = ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'cdk8s.io/metadata.addr'];

/** Of two objects with one kind, namespace and name the second would silently replace the first. */
const noDuplicates: Rule = ({ objects }) => {
  const seen = new Map<string, string>();
  return objects.flatMap((object): Finding[] => {
    const { apiVersion, kind, metadata } = object.manifest;
    const id = [groupOf(apiVersion), kind, metadata.namespace, metadata.name].join(' ');
    const first = seen.get(id);
    seen.set(id, object.path);
    return first ? [{ object, message: `is also rendered by ${first}; give one of the two another name` }] : [];
  });
};

/** A selector is immutable, and one that names a version would leave the old revision's pods without an owner. */
const selectorsNeverMove: Rule = (rendered) =>
  rendered.ofKind('Rollout', 'Deployment', 'StatefulSet').flatMap((object): Finding[] => {
    const { selector, template } = object.manifest.spec;
    const labels: Record<string, string> = selector?.matchLabels ?? {};
    const moving = Object.keys(labels).filter((label) => !stableLabels.includes(label));
    const missing = Object.entries(labels).filter(([label, value]) => template.metadata.labels?.[label] !== value);
    return [
      ...moving.map((label) => ({
        object,
        message: `selects by ${label}, which may change; select by ${stableLabels.join(', ')}`,
      })),
      ...missing.map(([label]) => ({
        object,
        message: `selects by ${label}, which its pods do not have; add the label to the pod template`,
      })),
      ...(Object.keys(labels).length === 0 ? [{ object, message: 'selects no pods; call pinSelector' }] : []),
      ...(selector?.matchExpressions
        ? [{ object, message: 'has matchExpressions in its selector; use labels alone' }]
        : []),
    ];
  });

/** Two workloads that select the same pods fight over them. */
const podsHaveOneOwner: Rule = (rendered) =>
  rendered.ofKind('Rollout', 'Deployment', 'StatefulSet').flatMap((object): Finding[] => {
    const pods = rendered.podsWith(object.manifest.spec.selector?.matchLabels ?? {});
    const others = pods.filter(({ owner }) => owner !== object);
    return others.map(({ owner }) => ({
      object,
      message: `also selects the pods of ${owner.manifest.kind} ${owner.manifest.metadata.name}; give each a name label of its own`,
    }));
  });

/** Names are contracts: of claims, of host names, of what people type. A workload has the name of its label. */
const workloadsHaveTheirNames: Rule = (rendered) =>
  rendered.ofKind('Rollout', 'Deployment', 'StatefulSet').flatMap((object): Finding[] => {
    const { metadata, spec } = object.manifest;
    const label = spec.template.metadata.labels?.['app.kubernetes.io/name'];
    return metadata.name === label ? [] : [{ object, message: `is not called ${label} as its pods are; rename it` }];
  });

/** Pods are spread among those of their own workload. */
const spreadsAmongItsOwn: Rule = ({ pods }) =>
  pods.flatMap((pod) =>
    (pod.spec.topologySpreadConstraints ?? [])
      .filter(({ labelSelector }: Manifest) =>
        Object.entries(labelSelector.matchLabels).some(([label, value]) => pod.labels[label] !== value),
      )
      .map(
        ({ topologyKey }: Manifest): Finding => ({
          object: pod.owner,
          message: `is spread over ${topologyKey} among pods that are not its own; use selectedLabels()`,
        }),
      ),
  );

export const identityRules: readonly Rule[] = [
  workloadsHaveTheirNames,
  spreadsAmongItsOwn,
  noDuplicates,
  selectorsNeverMove,
  podsHaveOneOwner,
];
