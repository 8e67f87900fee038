import { type ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Autoscaling, Overlay } from '../overlays/overlay.ts';
import type { Analysis } from './constructs/analysis.ts';
import { Autoscaler } from './constructs/autoscaler.ts';
import { BlueGreenRollout } from './constructs/blue-green-rollout.ts';
import { DisruptionBudget } from './constructs/disruption-budget.ts';
import { restrictedPod } from './constructs/restricted.ts';
import { RollingDeployment } from './constructs/rolling-deployment.ts';
import type { Service } from './constructs/service.ts';
import { serviceAccount } from './constructs/service-account.ts';
import type * as kplus from './kplus.ts';
import type { Labels } from './labels.ts';
import { holdName, nodeUid } from './names.ts';

/** A part of the application that answers HTTP requests. */
export interface ServedProps {
  readonly labels: Labels;
  /** How many pods, and whether load may add to them. */
  readonly scale: { readonly replicas: number; readonly autoscaling?: Autoscaling | undefined };
  readonly container: kplus.ContainerProps;
  /** Runs to its end before the container starts. @default - nothing does */
  readonly before?: kplus.ContainerProps | undefined;
  /** Annotations of the pods. @default - none */
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Place in the order in which the members of a release are switched, low first. */
  readonly promotionOrder: number;
  /** Judges a revision through the Service of this name. */
  readonly analysis: (service: string) => Analysis;
}

/** The Services of a workload: the one that is live and, with blue-green, the one that leads to the new revision. */
export interface Served {
  readonly active: Service;
  readonly preview?: Service;
}

/** How long open requests may take after the drain, in seconds, before the process is killed. */
const lastRequestsSeconds = 20;

/** Runs a part of the application in the way that the overlay asks for. */
export function deploy(scope: Construct, overlay: Overlay, props: ServedProps): Served {
  const { drainSeconds, images, strategy } = overlay;
  const { autoscaling, replicas } = props.scale;
  const name = props.labels['app.kubernetes.io/name'];
  const common = {
    labels: props.labels,
    ...(autoscaling ? {} : { replicas }),
    containers: [props.container],
    ...(props.before ? { initContainers: [props.before] } : {}),
    podMetadata: { annotations: { ...props.podAnnotations } },
    securityContext: restrictedPod(nodeUid),
    serviceAccount: serviceAccount(scope, name, images),
    drain: Duration.seconds(drainSeconds),
    terminationGracePeriod: Duration.seconds(drainSeconds + lastRequestsSeconds),
  };
  const scaled = (target: ApiObject) => {
    if (autoscaling) new Autoscaler(scope, 'autoscaler', { ...autoscaling, target, minReplicas: replicas });
  };
  // A budget for a single pod would keep its node from ever being drained.
  if (replicas > 1) new DisruptionBudget(scope, 'disruption-budget', { labels: props.labels });

  if (strategy.kind === 'deployment') {
    const deployment = new RollingDeployment(scope, 'deployment', common);
    scaled(deployment.apiObject);
    return { active: deployment.service };
  }

  const after = props.analysis(name);
  const rollout = new BlueGreenRollout(scope, 'rollout', {
    ...common,
    promotionOrder: props.promotionOrder,
    prePromotion: props.analysis(`${name}-preview`),
    postPromotion: strategy.hold.kind === 'none' ? after : { ...after, templates: [...after.templates, holdName] },
    scaleDownDelay: Duration.seconds(strategy.scaleDownDelaySeconds),
    abortScaleDownDelay: Duration.seconds(strategy.abortScaleDownDelaySeconds),
    progressDeadline: Duration.seconds(strategy.progressDeadlineSeconds),
    revisionHistoryLimit: strategy.revisionHistoryLimit,
  });
  scaled(rollout.apiObject);
  return { active: rollout.activeService, preview: rollout.previewService };
}
