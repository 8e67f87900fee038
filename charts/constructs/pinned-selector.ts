import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';

/**
 * Labels a workload's pods, and selects them by name and instance alone. Left to itself, cdk8s-plus selects by a hash
 * of the construct's path, so that moving a construct would change a selector, which the API server refuses; and the
 * version is no part of it, because a selector must not move with a release.
 *
 * To be called when the workload's API object exists, and before a Service selects the workload.
 */
export function pinSelector(workload: kplus.Workload, labels: Labels): void {
  const name = labels['app.kubernetes.io/name'];
  for (const [label, value] of Object.entries(labels)) workload.podMetadata.addLabel(label, value);
  workload.podMetadata.addLabel(kplus.Pod.ADDRESS_LABEL, name);
  workload.select(kplus.LabelSelector.of({ labels: selectedLabels(labels) }));
}

/** The labels by which a workload's pods are selected, in all its revisions. */
export function selectedLabels(labels: Labels): Record<string, string> {
  const name = labels['app.kubernetes.io/name'];
  return {
    [kplus.Pod.ADDRESS_LABEL]: name,
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/instance': labels['app.kubernetes.io/instance'],
  };
}
