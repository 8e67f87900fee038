import { type ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Autoscaling, BlueGreen, Canary, Overlay } from '../overlays/overlay.ts';
import { routedAbortSeconds } from '../overlays/timing.ts';
import type { Analysis } from './constructs/analysis.ts';
import { Autoscaler } from './constructs/autoscaler.ts';
import { BlueGreenRollout } from './constructs/blue-green-rollout.ts';
import { CanaryRollout } from './constructs/canary-rollout.ts';
import { DisruptionBudget } from './constructs/disruption-budget.ts';
import { restrictedPod } from './constructs/restricted.ts';
import { RollingDeployment } from './constructs/rolling-deployment.ts';
import type { Service } from './constructs/service.ts';
import { serviceAccount } from './constructs/service-account.ts';
import * as kplus from './kplus.ts';
import type { Labels } from './labels.ts';
import { holdName, nodeUid, publicName } from './names.ts';

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
  /** Gives the new revision its traffic in shares. @default - all at once, by blue-green */
  readonly canary?: Canary | undefined;
  /** Judges it under load as well, before the switch alone; by the same arguments. */
  readonly load: Pick<Analysis, 'templates'>;
}

/** The Services of a workload: the one that is live and, with blue-green, the one that leads to the new revision. */
export interface Served {
  readonly active: Service;
  readonly preview?: Service;
  /** Whether the load balancer divides its requests between the two. */
  readonly isDivided?: boolean;
}

/** How long open requests may take after the drain, in seconds, before the process is killed. */
const lastRequestsSeconds = 20;

/** Runs a part of the application in the way that the overlay asks for. */
export function deploy(scope: Construct, overlay: Overlay, props: ServedProps): Served {
  const { drainSeconds, images, strategy } = overlay;
  const { autoscaling, replicas } = props.scale;
  const name = props.labels['app.kubernetes.io/name'];
  // While a pod drains it gets no new connections. Those that it has must be gone before it is: images/node ends them at this age.
  const oldest = { MAX_CONNECTION_AGE_SECONDS: kplus.EnvValue.fromValue(String(drainSeconds / 2)) };
  const container = { ...props.container, envVariables: { ...props.container.envVariables, ...oldest } };
  const common = {
    labels: props.labels,
    ...(autoscaling ? {} : { replicas }),
    containers: [container],
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

  const judged = props.analysis(`${name}-preview`);
  const member = {
    ...common,
    promotionOrder: props.promotionOrder,
    prePromotion: { ...judged, templates: [...judged.templates, ...props.load.templates] },
    progressDeadline: Duration.seconds(strategy.progressDeadlineSeconds),
    revisionHistoryLimit: strategy.revisionHistoryLimit,
  };
  const { canary } = props;
  const isDivided = canary?.by === 'alb';
  // The live Service of a canary leads to both revisions, or to the old one alone: the new one is judged by its own pods.
  const rollout = canary
    ? new CanaryRollout(scope, 'rollout', {
        ...member,
        ...(isDivided
          ? {
              router: { kind: 'alb', ingress: publicName },
              scaleDownDelay: Duration.seconds(strategy.scaleDownDelaySeconds),
              abortScaleDownDelay: Duration.seconds(routedAbortSeconds(strategy)),
            }
          : {}),
        postPromotion: held(judged, strategy),
        steps: canary.steps.map(({ judged: isJudged, pauseSeconds, weight }) => ({
          weight,
          ...(pauseSeconds ? { pause: Duration.seconds(pauseSeconds) } : {}),
          ...(isJudged ? { analysis: judged } : {}),
        })),
      })
    : new BlueGreenRollout(scope, 'rollout', {
        ...member,
        postPromotion: held(props.analysis(name), strategy),
        scaleDownDelay: Duration.seconds(strategy.scaleDownDelaySeconds),
        abortScaleDownDelay: Duration.seconds(strategy.abortScaleDownDelaySeconds),
      });
  scaled(rollout.apiObject);
  return { active: rollout.activeService, preview: rollout.previewService, isDivided };
}

function held(analysis: Analysis, { hold }: BlueGreen): Analysis {
  return hold.kind === 'none' ? analysis : { ...analysis, templates: [...analysis.templates, holdName] };
}
