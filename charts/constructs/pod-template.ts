import type { Duration } from 'cdk8s';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { selectedLabels } from './pinned-selector.ts';
import { canonicalQuantity } from './quantity.ts';
import { closed } from './restricted.ts';

/** What every long-running workload of the application has. */
export interface ServedWorkloadProps extends kplus.WorkloadProps {
  /** Labels of the workload's pods. */
  readonly labels: Labels;
  /** Pods to run. @default - what an autoscaler decides; nothing is rendered that would undo it */
  readonly replicas?: number;
  /** How long a pod keeps serving after it was told to stop, so that its address has left every Service. */
  readonly drain: Duration;
  /** Old revisions kept for a way back. @default 5 */
  readonly revisionHistoryLimit?: number;
}

/**
 * A workload's pod template as the API takes it. The sleep before SIGTERM is the kubelet's own (Kubernetes 1.30 and
 * later): it needs no shell in the image and no memory in the container. This line of cdk8s-plus knows no such field
 * and would drop it, so it is added to the rendered template.
 *
 * @param hashLabel the label that tells the pods of one revision from those of another: each is spread by itself
 */
export function servedPodTemplate(workload: kplus.Workload, props: ServedWorkloadProps, hashLabel: string): object {
  const { drain, labels } = props;
  const grace = workload.terminationGracePeriod;
  if (grace && grace.toSeconds() <= drain.toSeconds()) {
    throw new Error(
      `${workload.node.path}: terminationGracePeriod (${grace.toSeconds()} s) ends before the drain (${drain.toSeconds()} s); make it longer`,
    );
  }
  const preStop = { sleep: { seconds: drain.toSeconds() } };
  const { containers = [], ...spec } = kplus.k8s.toJson_PodSpec(closed(workload._toPodSpec())) ?? {};
  return {
    metadata: workload.podMetadata.toJson(),
    spec: {
      ...spec,
      containers: containers.map(({ resources, ports, ...container }: kplus.k8s.Container) => ({
        ...container,
        // What the definition of Rollouts would fill in: Argo CD takes that for a difference, for ever.
        ...(ports ? { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) } : {}),
        ...(resources ? { resources: canonical(resources as QuantitiesByKind) } : {}),
        lifecycle: { preStop },
      })),
      topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        // Spread as far as there is room: a rule would leave the second colour of a release without a place.
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectedLabels(labels) },
        matchLabelKeys: [hashLabel],
      })),
    },
  };
}

/** `requests` and `limits` → resource → Quantity. */
type QuantitiesByKind = Readonly<Record<string, Readonly<Record<string, string>>>>;

function canonical(resources: QuantitiesByKind): QuantitiesByKind {
  const each = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U) =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
  return each(resources, (amounts) => each(amounts, canonicalQuantity));
}
