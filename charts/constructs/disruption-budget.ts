import { Construct } from 'constructs';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { selectedLabels } from './pinned-selector.ts';

export interface DisruptionBudgetProps {
  /** Labels of the workload's pods; the name label also names the budget. */
  readonly labels: Labels;
}

/**
 * Lets node drains take one pod at a time. It counts what may be missing and not what must be there: with two revisions
 * up it covers the pods of both, and a least number could be met by the new pods alone while all live ones are evicted.
 */
export class DisruptionBudget extends Construct {
  constructor(scope: Construct, id: string, { labels }: DisruptionBudgetProps) {
    super(scope, id);
    new kplus.k8s.KubePodDisruptionBudget(this, 'Resource', {
      metadata: { name: labels['app.kubernetes.io/name'] },
      spec: {
        maxUnavailable: kplus.k8s.IntOrString.fromNumber(1),
        selector: { matchLabels: selectedLabels(labels) },
        // Pods that are broken anyway must not keep a node from being drained.
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    });
  }
}
