import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { type ContainerSettings, container } from './container.ts';
import { closed, restrictedPod } from './restricted.ts';

export interface TaskPodProps {
  readonly container: ContainerSettings;
  /** Runs to its end first. Where it fails, the end of its output stands in the pod's status. @default - nothing does */
  readonly before?: ContainerSettings;
  readonly labels: Labels;
  /** Identity of the pod. */
  readonly serviceAccountName: string;
  /** Whether the pod gets a token of that identity, to talk to the API server. @default false */
  readonly hasToken?: boolean;
  /** Where what it leaves to read comes from when it fails and has written nothing. @default - nowhere */
  readonly terminationMessagePolicy?: 'FallbackToLogsOnError';
  /** How long the process may go on after it was told to stop, in seconds. @default 30 */
  readonly terminationGracePeriodSeconds?: number;
  /** User and group id of the process. */
  readonly uid: number;
  /** Volumes beside /tmp, with the place where both containers have them. @default - none */
  readonly volumes?: readonly (kplus.k8s.Volume & { readonly mountPath: string })[];
}

/** The pod template of something that runs to its end and is not restarted in place, with a /tmp to write to. */
export function taskPod(props: TaskPodProps): object {
  const shared = props.volumes ?? [];
  const volumes = [{ name: 'tmp', mountPath: '/tmp', emptyDir: {} }, ...shared];
  const mounts = (of: readonly { name: string; mountPath: string }[]) =>
    of.map(({ name, mountPath }) => ({ name, mountPath }));
  const kube = (settings: ContainerSettings) => new kplus.Container(container(settings))._toKube();
  const before = props.before && {
    ...kube(props.before),
    ...(shared.length > 0 ? { volumeMounts: mounts(shared) } : {}),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  const template = kplus.k8s.toJson_PodTemplateSpec({
    metadata: { labels: props.labels },
    spec: closed({
      restartPolicy: 'Never',
      automountServiceAccountToken: props.hasToken ?? false,
      serviceAccountName: props.serviceAccountName,
      ...(props.terminationGracePeriodSeconds === undefined
        ? {}
        : { terminationGracePeriodSeconds: props.terminationGracePeriodSeconds }),
      securityContext: new kplus.PodSecurityContext(restrictedPod(props.uid))._toKube(),
      ...(before ? { initContainers: [before] } : {}),
      containers: [
        {
          ...kube(props.container),
          volumeMounts: mounts(volumes),
          ...(props.terminationMessagePolicy ? { terminationMessagePolicy: props.terminationMessagePolicy } : {}),
        },
      ],
      volumes: volumes.map(({ mountPath: _, ...volume }) => volume),
    }),
  });
  return template ?? {};
}
