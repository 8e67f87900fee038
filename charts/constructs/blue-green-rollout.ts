import type { ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import type { RolloutSpecStrategy } from '../../imports/argoproj.io.ts';
import * as kplus from '../kplus.ts';
import { analysisReference } from './analysis.ts';
import { type MemberRolloutProps, memberRollout } from './member-rollout.ts';
import { pinSelector } from './pinned-selector.ts';
import { Service, servicePorts } from './service.ts';

export interface BlueGreenRolloutProps extends MemberRolloutProps {
  /** How long the old pods stay after the new revision has settled: the time for an instant way back. */
  readonly scaleDownDelay: Duration;
  /** How long rejected pods stay after an abort. */
  readonly abortScaleDownDelay: Duration;
}

/**
 * A Rollout whose new revision comes up beside the old one, is analysed, and then waits: nothing switches by itself.
 */
export class BlueGreenRollout extends kplus.Workload {
  /** Leads to the revision that is live. */
  readonly activeService: Service;
  /** Leads to the newest revision. */
  readonly previewService: Service;
  readonly resourceType = 'rollouts';
  readonly apiObject: ApiObject;
  readonly #props: BlueGreenRolloutProps;

  constructor(scope: Construct, id: string, props: BlueGreenRolloutProps) {
    super(scope, id, { ...props, select: false });
    this.#props = props;
    const name = props.labels['app.kubernetes.io/name'];
    if (props.scaleDownDelay.toSeconds() < 1) {
      throw new Error(`${this.node.path}: scaleDownDelay 0 keeps the old pods for ever; give at least 1 second`);
    }
    if (props.abortScaleDownDelay.toSeconds() < 1) {
      throw new Error(
        `${this.node.path}: abortScaleDownDelay 0 keeps rejected pods for ever and brings them back when they are retired; give at least 1 second`,
      );
    }
    this.apiObject = memberRollout(this, props, () => this.#strategy());
    pinSelector(this, props.labels);
    // Neither Service has a selector. The controller adds the hash of the revision that each is to lead to, and that
    // alone is unique. A rendered selector would be taken for the whole truth by a server-side apply, which then
    // removes the hash: the active Service would lead to old and unjudged new pods alike.
    const ports = servicePorts(this);
    this.activeService = new Service(this, 'Active', { metadata: { name }, ports });
    this.previewService = new Service(this, 'Preview', { metadata: { name: `${name}-preview` }, ports });
    // Order in the file only: a Rollout whose Services do not exist yet is invalid until the next reconciliation.
    this.apiObject.addDependency(this.activeService, this.previewService);
  }

  #strategy(): RolloutSpecStrategy {
    const props = this.#props;
    return {
      blueGreen: {
        activeService: this.activeService.name,
        previewService: this.previewService.name,
        autoPromotionEnabled: false,
        scaleDownDelaySeconds: props.scaleDownDelay.toSeconds(),
        abortScaleDownDelaySeconds: props.abortScaleDownDelay.toSeconds(),
        prePromotionAnalysis: analysisReference(props.prePromotion),
        postPromotionAnalysis: analysisReference(props.postPromotion),
      },
    };
  }
}
