import { HASHED_CONFIG } from '../../promotion/plan/plan.ts';
import type { Finding, Rule } from './policy.ts';
import {
  analysesOf,
  containersOf,
  type Manifest,
  type Rendered,
  type RenderedObject,
  type RenderedPod,
} from './rendered.ts';

// What is rendered and used by nothing, is empty, or means two things: a wire that somebody forgot to connect, or connected wrong.

const unused = (objects: readonly RenderedObject[], isUsed: (name: string) => boolean, fix: string): Finding[] =>
  objects
    .filter(({ manifest }) => !isUsed(manifest.metadata.name))
    .map((object) => ({ object, message: `is used by nothing; ${fix}` }));

const templatesAreAnalysed: Rule = (rendered) => {
  const used = rendered
    .ofKind('Rollout')
    .flatMap(({ manifest }) => analysesOf(manifest))
    .flatMap(({ templates = [] }) => templates);
  const isUsed = (name: string) => used.some(({ templateName }: Manifest) => templateName === name);
  return unused(rendered.ofKind('AnalysisTemplate'), isUsed, 'name it in the analysis of a Rollout');
};

/** ConfigMaps without that label are read by others than pods of the namespace. */
const configurationIsRead: Rule = (rendered) => {
  const read = namesIn(rendered, (pod) => [
    ...(pod.spec.volumes ?? []).map(({ configMap }: Manifest) => configMap?.name),
    ...containersOf(pod).flatMap(({ env = [], envFrom = [] }) => [
      ...envFrom.map(({ configMapRef }: Manifest) => configMapRef?.name),
      ...env.map(({ valueFrom }: Manifest) => valueFrom?.configMapKeyRef?.name),
    ]),
  ]);
  const hashed = rendered.ofKind('ConfigMap').filter(({ manifest }) => manifest.metadata.labels?.[HASHED_CONFIG]);
  return unused(hashed, (name) => read.has(name), 'give it to the pods that it was made for');
};

const claimsAreMounted: Rule = (rendered) => {
  const mounted = namesIn(rendered, ({ spec }) =>
    (spec.volumes ?? []).map(({ persistentVolumeClaim }: Manifest) => persistentVolumeClaim?.claimName),
  );
  return unused(rendered.ofKind('PersistentVolumeClaim'), (name) => mounted.has(name), 'mount it');
};

const bindingsGiveToSomebody: Rule = (rendered) =>
  rendered
    .ofKind('RoleBinding')
    .filter(({ manifest }) => !manifest.subjects?.length)
    .map((object) => ({ object, message: 'gives its role to nobody; add the subject' }));

/** An analysis without a metric passes at once, and a pod without a container is none. */
const nothingIsEmpty: Rule = (rendered) => [
  ...rendered
    .ofKind('AnalysisTemplate')
    .filter(({ manifest }) => !manifest.spec.metrics?.length)
    .map((object) => ({ object, message: 'has no metric; add one' })),
  ...rendered.pods
    .filter(({ spec }) => !spec.containers?.length)
    .map(({ owner }) => ({ object: owner, message: 'has pods without a container; add one' })),
];

/** What takes a key of a Secret, by the name of the variable or file, for what. */
const meanings = [
  ['a URL', /_UR[IL]$/],
  ['a password', /pass|auth/i],
  ['the name of a key', /_KEY_ID$/],
  ['a secret key', /_SECRET_ACCESS_KEY$/],
] as const;

/** A key that is one thing here and another there, as a password and a URL, is the wrong one in one of the two places. */
const keysHaveOneMeaning: Rule = ({ pods }) => {
  const taken = pods.flatMap((pod) => [
    ...containersOf(pod).flatMap(({ env = [] }) =>
      env
        .filter(({ valueFrom }: Manifest) => valueFrom?.secretKeyRef)
        .map(({ name, valueFrom }: Manifest) => ({ pod, as: name, ...valueFrom.secretKeyRef })),
    ),
    ...(pod.spec.volumes ?? []).flatMap(({ secret }: Manifest) =>
      (secret?.items ?? []).map(({ key, path }: Manifest) => ({ pod, as: path, name: secret.secretName, key })),
    ),
  ]);
  const meant = taken.map((each) => ({ ...each, what: meanings.find(([, names]) => names.test(each.as))?.[0] }));
  return meant.flatMap(({ as, key, name, pod, what }): Finding[] => {
    const other = meant.find((each) => each.name === name && each.key === key && each.what && each.what !== what);
    if (!what || !other) return [];
    const message = `takes key ${key} of Secret ${name} for ${what} (${as}), and ${other.as} takes it for ${other.what}; correct one`;
    return [{ object: pod.owner, message }];
  });
};

/** Variables and options that name a file or folder of a volume. */
const paths = /^(PGDATA|BACKUP_DIR|\w+_FILE|--manifests|--evidence)$/;

/** A container finds the files that its variables and options name, on a volume of its own. */
const pathsAreMounted: Rule = (rendered) =>
  rendered.pods.flatMap((pod) =>
    containersOf(pod).flatMap(({ args = [], env = [], name: container, volumeMounts = [] }) => {
      const options = args.map((name: string, at: number) => ({ name, value: args[at + 1] }));
      return [...env, ...options]
        .filter(({ name, value }: Manifest) => paths.test(name) && value !== undefined)
        .filter(({ value }: Manifest) => !volumeMounts.some(({ mountPath }: Manifest) => isBelow(value, mountPath)))
        .map(
          ({ name, value }: Manifest): Finding => ({
            object: pod.owner,
            message: `container ${container}: ${name} is ${value}, which no volume holds; mount it`,
          }),
        );
    }),
  );

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** The names that pods refer to in some way. */
function namesIn(
  { pods }: Rendered,
  refer: (pod: RenderedPod) => (string | undefined)[],
): ReadonlySet<string | undefined> {
  return new Set(pods.flatMap(refer));
}

export const useRules: readonly Rule[] = [
  templatesAreAnalysed,
  configurationIsRead,
  claimsAreMounted,
  bindingsGiveToSomebody,
  pathsAreMounted,
  nothingIsEmpty,
  keysHaveOneMeaning,
];
