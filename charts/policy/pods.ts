import type { Finding, Rule } from './policy.ts';
import { containersOf, type Manifest, portsOf } from './rendered.ts';

/** What runs is decided by a digest where the overlay pins by digest, and never by a tag that is meant to move. */
const noMutableTags: Rule = ({ pods }, { imagePins }) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap(({ image, name }): Finding[] => {
      const found = (problem: string, fix: string) => [
        { object: pod.owner, message: `container ${name}: image ${image} ${problem}; ${fix}` },
      ];
      if (imagePins === 'digest' && !/@sha256:[0-9a-f]{64}$/.test(image)) {
        return found('has no digest', 'add it to the pins or to the overlay');
      }
      const tag = /:([^/@]+)$/.exec(image.split('@')[0])?.[1];
      if (!image.includes('@') && (!tag || tag === 'latest')) return found('moves', 'name a version');
      return [];
    }),
  );

/** A container without requests is the first to be evicted, and one without a memory limit takes others with it. */
const resourcesPresent: Rule = ({ pods }) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap(({ name, resources = {} }): Finding[] => {
      const { limits = {}, requests = {} } = resources;
      const missing = [
        ...['cpu', 'memory', 'ephemeral-storage'].filter((each) => !requests[each]).map((each) => `requests.${each}`),
        ...['memory', 'ephemeral-storage'].filter((each) => !limits[each]).map((each) => `limits.${each}`),
      ];
      return missing.map((each) => ({
        object: pod.owner,
        message: `container ${name}: resources.${each} is missing; make it with container()`,
      }));
    }),
  );

/** Started, ready and alive are three questions; a Service's pod answers each of them. */
const probesPresent: Rule = ({ pods }) =>
  pods
    .filter(({ kind }) => kind === 'service')
    .flatMap((pod) =>
      pod.spec.containers.flatMap((container: Manifest): Finding[] => {
        const found = (message: string) => [{ object: pod.owner, message: `container ${container.name}: ${message}` }];
        // A sidecar has only to be alive: whether it is ready says nothing about the pod.
        const isFirst = container === pod.spec.containers[0];
        const probes = isFirst ? ['startupProbe', 'readinessProbe', 'livenessProbe'] : ['livenessProbe'];
        return probes.flatMap((probe) => {
          if (!container[probe]) return found(`${probe} is missing; add it`);
          const port = (container[probe].httpGet ?? container[probe].tcpSocket)?.port;
          if (port === undefined) return [];
          const known = portsOf({ ...pod, spec: { containers: [container] } });
          return known.some(({ name, number }) => name === port || number === port)
            ? []
            : found(`${probe} asks port ${port}, which the container does not have; ask one of its ports`);
        });
      }),
    );

/** A pod that is killed before its address has left every Service drops requests. */
const drainBeforeDeath: Rule = (rendered) =>
  rendered.ofKind('Rollout', 'Deployment').flatMap((object): Finding[] => {
    const { spec } = object.manifest.spec.template;
    return spec.containers.flatMap(({ lifecycle, name }: Manifest): Finding[] => {
      const seconds = lifecycle?.preStop?.sleep?.seconds;
      if (!(seconds > 0)) return [{ object, message: `container ${name} does not drain; give it preStop.sleep` }];
      if (spec.terminationGracePeriodSeconds > seconds) return [];
      const message = `is killed after ${spec.terminationGracePeriodSeconds} s, within the drain of ${name} (${seconds} s); make terminationGracePeriodSeconds longer`;
      return [{ object, message }];
    });
  });

/** What Pod Security "restricted" admits, and less: no service links, and a token for nobody but who has rights here. */
const restricted: Rule = (rendered) => {
  const entitled = rendered.ofKind('RoleBinding').flatMap(({ manifest }) => manifest.subjects ?? []);
  return rendered.pods.flatMap((pod) => {
    const { spec } = pod;
    const found = (holds: boolean, message: string): Finding[] => (holds ? [] : [{ object: pod.owner, message }]);
    return [
      ...found(
        spec.automountServiceAccountToken === entitled.some(({ name }: Manifest) => name === spec.serviceAccountName),
        'mounts a token that is good for nothing, or has none where it has rights; set hasToken for who is in a RoleBinding',
      ),
      ...found(spec.enableServiceLinks === false, 'has service links, which overwrite settings; use closed()'),
      ...found(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC, 'shares namespaces of its host; remove that'),
      ...found(spec.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile; use closed()'),
      ...found(spec.securityContext?.runAsNonRoot === true, 'may run as root; use restrictedPod()'),
      ...containersOf(pod).flatMap(({ name, securityContext: context = {} }) => [
        ...found(context.allowPrivilegeEscalation === false, `container ${name} may gain privileges; use container()`),
        ...found(context.readOnlyRootFilesystem === true, `container ${name} can write to its image; use container()`),
        ...found(
          context.capabilities?.drop?.includes('ALL') ?? false,
          `container ${name} keeps capabilities; use container()`,
        ),
      ]),
    ];
  });
};

/** What serves or works may write temporary files, though its root is read-only. */
const temporaryFilesHaveAPlace: Rule = ({ pods }) =>
  pods.flatMap(({ owner, spec }): Finding[] => {
    // Those after it are sidecars, and those before it look at values: they write nothing.
    const [main] = spec.containers;
    const isMounted = main?.volumeMounts?.some(({ mountPath }: Manifest) => mountPath === '/tmp');
    return main?.securityContext?.readOnlyRootFilesystem && !isMounted
      ? [{ object: owner, message: `container ${main.name}: cannot write to /tmp; mount a volume` }]
      : [];
  });

export const podRules: readonly Rule[] = [
  temporaryFilesHaveAPlace,
  noMutableTags,
  resourcesPresent,
  probesPresent,
  drainBeforeDeath,
  restricted,
];
