import type { ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import {
  RolloutSpecStrategyCanaryStepsPauseDuration as PauseDuration,
  type RolloutSpecStrategy,
  type RolloutSpecStrategyCanarySteps,
  type RolloutSpecStrategyCanaryTrafficRouting,
} from '../../imports/argoproj.io.ts';
import * as kplus from '../kplus.ts';
import { type Analysis, analysisReference } from './analysis.ts';
import { type MemberRolloutProps, memberRollout } from './member-rollout.ts';
import { pinSelector } from './pinned-selector.ts';
import { Service, servicePorts } from './service.ts';

/** A share of the traffic for the new revision, and what must hold before the next one. */
export interface CanaryStep {
  /** Percent of the traffic. Without a router it is that of the pods, rounded to whole ones. */
  readonly weight: number;
  /** How long it stays so before it is judged. @default - no time */
  readonly pause?: Duration;
  /** Judges the new revision at this weight. @default - nothing does */
  readonly analysis?: Analysis;
}

/** What divides the traffic of a canary by the weights that the controller gives it. */
export type Router =
  /** The AWS Load Balancer Controller, by annotations of an Ingress whose rules lead to `activeService`, port `use-annotation`. */
  | { readonly kind: 'alb'; readonly ingress: string }
  /** Traefik, by a TraefikService of the two Services that an IngressRoute leads to. */
  | { readonly kind: 'traefik'; readonly traefikService: string };

export interface CanaryRolloutProps extends MemberRolloutProps {
  /**
   * What divides requests between `activeService` and `previewService`.
   * @default - the Service leads to the pods of both revisions, so that their number divides the traffic
   */
  readonly router?: Router;
  /** What follows the promotion, by rising weight; at the last one the new revision is held. */
  readonly steps: readonly CanaryStep[];
  /** How long the old pods stay after the new revision has settled; only a router lets them. @default - they go at once */
  readonly scaleDownDelay?: Duration;
  /** How long rejected pods stay after an abort; only a router lets them. @default - they go at once */
  readonly abortScaleDownDelay?: Duration;
}

/**
 * A Rollout whose new revision gets more and more of the traffic. It keeps the contract of a member of a release as
 * `BlueGreenRollout` does: judged before anything waits, promoted by nobody but the promoter, and until the last
 * analysis is ended the old revision is there and an abort brings it back.
 *
 * Without a router there is no new pod without its share of the traffic, so the first weight has it before the promotion.
 */
export class CanaryRollout extends kplus.Workload {
  /** Leads to the stable revision with a router, and to the pods of both without one. */
  readonly activeService: Service;
  /** Leads to the newest revision. */
  readonly previewService: Service;
  readonly resourceType = 'rollouts';
  readonly apiObject: ApiObject;
  readonly #props: CanaryRolloutProps;

  constructor(scope: Construct, id: string, props: CanaryRolloutProps) {
    super(scope, id, { ...props, select: false });
    this.#props = props;
    this.#refuse();
    const name = props.labels['app.kubernetes.io/name'];
    this.apiObject = memberRollout(this, props, () => this.#strategy());
    pinSelector(this, props.labels);
    // A Service of one revision has no selector but the hash that the controller gives it, as in `BlueGreenRollout`.
    const ports = servicePorts(this);
    const selector = props.router ? {} : { selector: this };
    this.activeService = new Service(this, 'Active', { metadata: { name }, ports, ...selector });
    this.previewService = new Service(this, 'Preview', { metadata: { name: `${name}-preview` }, ports });
    this.apiObject.addDependency(this.activeService, this.previewService);
  }

  #refuse(): void {
    const { router, steps } = this.#props;
    const at = this.node.path;
    const weights = steps.map(({ weight }) => weight);
    const wrong = weights.find(
      (weight, i) => !Number.isInteger(weight) || weight < 1 || weight <= (weights[i - 1] ?? 0),
    );
    if (wrong !== undefined || weights.length === 0) {
      throw new Error(
        `${at}: steps have the weights [${weights.join(', ')}]; give whole percents that rise, e.g. 10, 50`,
      );
    }
    const last = weights.at(-1) ?? 0;
    if (last > (router ? 100 : 99)) {
      throw new Error(
        router
          ? `${at}: the last weight is ${last}; there are 100 percent`
          : `${at}: the last weight is ${last}: without a router no old pod would be left to go back to; end below 100`,
      );
    }
    for (const field of ['scaleDownDelay', 'abortScaleDownDelay'] as const) {
      const delay = this.#props[field];
      if (delay === undefined) continue;
      if (!router)
        throw new Error(`${at}: ${field} needs a router: without one pods go as the traffic does; remove it`);
      if (delay.toSeconds() < 1) throw new Error(`${at}: ${field} 0 keeps pods for ever; give at least 1 second`);
    }
  }

  #strategy(): RolloutSpecStrategy {
    const { router, scaleDownDelay, abortScaleDownDelay } = this.#props;
    return {
      canary: {
        canaryService: this.previewService.name,
        ...(router ? { stableService: this.activeService.name, trafficRouting: this.#trafficRouting(router) } : {}),
        ...(scaleDownDelay ? { scaleDownDelaySeconds: scaleDownDelay.toSeconds() } : {}),
        ...(abortScaleDownDelay ? { abortScaleDownDelaySeconds: abortScaleDownDelay.toSeconds() } : {}),
        steps: this.#steps(),
      },
    };
  }

  #trafficRouting(router: Router): RolloutSpecStrategyCanaryTrafficRouting {
    return router.kind === 'alb'
      ? { alb: { ingress: router.ingress, servicePort: this.activeService.port } }
      : { traefik: { weightedTraefikServiceName: router.traefikService } };
  }

  #steps(): RolloutSpecStrategyCanarySteps[] {
    const { router, steps, prePromotion, postPromotion } = this.#props;
    // The first weight is set apart from what follows it, since without a router the wait comes in between.
    const [first = {}, ...later] = steps.flatMap(({ weight, pause, analysis }): RolloutSpecStrategyCanarySteps[] => [
      { setWeight: weight },
      ...(pause ? [{ pause: { duration: PauseDuration.fromString(`${pause.toSeconds()}s`) } }] : []),
      ...(analysis ? [{ analysis: analysisReference(analysis) }] : []),
    ]);
    const prepared = [{ analysis: analysisReference(prePromotion) }, { pause: {} }];
    return [
      // With a router the new pods come up without traffic, as many as the first weight needs.
      ...(router ? [{ setCanaryScale: { weight: first.setWeight ?? 0 } }, { setWeight: 0 }] : [first]),
      ...prepared,
      ...(router ? [{ setCanaryScale: { matchTrafficWeight: true } }, first] : []),
      ...later,
      { analysis: analysisReference(postPromotion) },
    ];
  }
}
