import { type ApiObject, type Duration, Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import { Rollout, type RolloutSpec } from '../../imports/argoproj.io.ts';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { type Analysis, analysisReference } from './analysis.ts';
import { pinSelector } from './pinned-selector.ts';
import { type ServedWorkloadProps, servedPodTemplate } from './pod-template.ts';
import { Service, servicePorts } from './service.ts';

export interface BlueGreenRolloutProps extends ServedWorkloadProps {
  /** Labels of the Rollout's pods; the name label also names the Rollout and its Services. */
  readonly labels: Labels;
  /** Place in the order in which the members of a release are switched, low first. @default 0 */
  readonly promotionOrder?: number;
  /** Judges the new revision on the preview Service. */
  readonly prePromotion: Analysis;
  /** Judges it on the active Service, and holds it there until the whole release is decided. */
  readonly postPromotion: Analysis;
  /** How long the old pods stay after the new revision has settled: the time for an instant way back. */
  readonly scaleDownDelay: Duration;
  /** How long rejected pods stay after an abort. */
  readonly abortScaleDownDelay: Duration;
  /** Without progress for so long, a revision counts as failing; runs on during the pre-promotion analysis. */
  readonly progressDeadline: Duration;
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
    this.apiObject = new Rollout(this, 'Resource', {
      metadata: {
        ...props.metadata,
        name,
        annotations: { 'moneywise.app/promotion-order': String(props.promotionOrder ?? 0) },
      },
      spec: Lazy.any({ produce: () => this.#spec() }),
    });
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

  #spec(): RolloutSpec {
    const props = this.#props;
    return {
      ...(props.replicas === undefined ? {} : { replicas: props.replicas }),
      revisionHistoryLimit: props.revisionHistoryLimit ?? 5,
      progressDeadlineSeconds: props.progressDeadline.toSeconds(),
      selector: { matchLabels: this.matchLabels },
      template: servedPodTemplate(this, props, 'rollouts-pod-template-hash'),
      strategy: {
        blueGreen: {
          activeService: this.activeService.name,
          previewService: this.previewService.name,
          autoPromotionEnabled: false,
          scaleDownDelaySeconds: props.scaleDownDelay.toSeconds(),
          abortScaleDownDelaySeconds: props.abortScaleDownDelay.toSeconds(),
          prePromotionAnalysis: analysisReference(props.prePromotion),
          postPromotionAnalysis: analysisReference(props.postPromotion),
        },
      },
    };
  }
}
