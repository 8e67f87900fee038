import { type ApiObject, Duration } from 'cdk8s';
import { Construct } from 'constructs';
import type { Autoscaling } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';

export interface AutoscalerProps extends Autoscaling {
  /** The Rollout or Deployment, which must render no replicas of its own; its name also names the autoscaler. */
  readonly target: ApiObject;
  /** The fewest pods. */
  readonly minReplicas: number;
  /** How long load must be low before pods are removed. @default Duration.minutes(5) */
  readonly scaleDownWindow?: Duration;
}

/** Adds pods under CPU load and removes them slowly. Of a Rollout it measures the live revision alone. */
export class Autoscaler extends Construct {
  constructor(scope: Construct, id: string, props: AutoscalerProps) {
    super(scope, id);
    const { cpuPercent, maxReplicas, minReplicas, scaleDownWindow = Duration.minutes(5), target } = props;
    if (maxReplicas <= minReplicas) {
      throw new Error(
        `${this.node.path}: maxReplicas ${maxReplicas} is not above minReplicas ${minReplicas}; give more`,
      );
    }
    new kplus.k8s.KubeHorizontalPodAutoscalerV2(this, 'Resource', {
      metadata: { name: target.name },
      spec: {
        scaleTargetRef: { apiVersion: target.apiVersion, kind: target.kind, name: target.name },
        minReplicas,
        maxReplicas,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuPercent } },
          },
        ],
        behavior: {
          scaleDown: {
            stabilizationWindowSeconds: scaleDownWindow.toSeconds(),
            policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
          },
        },
      },
    });
  }
}
