import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { type ContainerSettings, container } from './container.ts';
import { closed, restrictedPod } from './restricted.ts';

export interface TaskPodProps {
  readonly container: ContainerSettings;
  /** Runs to its end first. Where it fails, the end of its output stands in the pod's status. @default - nothing does */
  readonly before?: ContainerSettings;
  readonly labels: Labels;
  /** Identity of the pod; it gets no token. */
  readonly serviceAccountName: string;
  /** User and group id of the process. */
  readonly uid: number;
  /** Volumes beside /tmp, with the place where the container has them. @default - none */
  readonly volumes?: readonly (kplus.k8s.Volume & { readonly mountPath: string })[];
}

/** The pod template of something that runs to its end and is not restarted in place, with a /tmp to write to. */
export function taskPod(props: TaskPodProps): object {
  const volumes = [{ name: 'tmp', mountPath: '/tmp', emptyDir: {} }, ...(props.volumes ?? [])];
  const mounts = volumes.map(({ name, mountPath }) => ({ name, mountPath }));
  const kube = (settings: ContainerSettings) => new kplus.Container(container(settings))._toKube();
  const before = props.before && {
    ...kube(props.before),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  const template = kplus.k8s.toJson_PodTemplateSpec({
    metadata: { labels: props.labels },
    spec: closed({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      serviceAccountName: props.serviceAccountName,
      securityContext: new kplus.PodSecurityContext(restrictedPod(props.uid))._toKube(),
      ...(before ? { initContainers: [before] } : {}),
      containers: [{ ...kube(props.container), volumeMounts: mounts }],
      volumes: volumes.map(({ mountPath: _, ...volume }) => volume),
    }),
  });
  return template ?? {};
}
