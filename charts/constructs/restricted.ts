import * as kplus from '../kplus.ts';

// What the Pod Security Standard "restricted" asks for, and two things of our own: no token, no service links.

/** Pod settings for a process that runs as one unprivileged user, who owns what it writes. */
export function restrictedPod(uid: number): kplus.PodSecurityContextProps {
  return {
    ensureNonRoot: true,
    user: uid,
    group: uid,
    fsGroup: uid,
    fsGroupChangePolicy: kplus.FsGroupChangePolicy.ON_ROOT_MISMATCH,
  };
}

/** Container settings: nothing to gain, nothing to write outside mounted volumes. */
export const restrictedContainer: kplus.ContainerSecurityContextProps = {
  ensureNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: [kplus.Capability.ALL] },
  seccompProfile: { type: kplus.SeccompProfileType.RUNTIME_DEFAULT },
};

/**
 * Adds to a pod what this line of cdk8s-plus has no property for. Service links are off because a Service called
 * `redis` would inject `REDIS_PORT=tcp://…`, which the backend takes for its own setting and exits.
 */
export function closed({ hostNetwork, ...spec }: kplus.k8s.PodSpec): kplus.k8s.PodSpec {
  return {
    ...spec,
    // False is dropped by whoever writes the object back, and then Argo CD finds a difference for ever.
    ...(hostNetwork ? { hostNetwork } : {}),
    enableServiceLinks: false,
    securityContext: { ...spec.securityContext, seccompProfile: { type: 'RuntimeDefault' } },
  };
}
