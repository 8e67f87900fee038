import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import * as kplus from './kplus.ts';

/** The Namespace, which admits only pods that meet the Pod Security Standard "restricted". */
export class NamespaceChart extends Chart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file);
    new kplus.Namespace(this, 'namespace', {
      metadata: {
        name: overlay.namespace,
        labels: {
          'app.kubernetes.io/instance': overlay.name,
          'app.kubernetes.io/part-of': 'moneywise',
          'app.kubernetes.io/managed-by': 'cdk8s',
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    });
  }
}
