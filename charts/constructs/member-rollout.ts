import { type ApiObject, type Duration, Lazy } from 'cdk8s';
import { Rollout, type RolloutSpec, type RolloutSpecStrategy } from '../../imports/argoproj.io.ts';
import type * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import type { Analysis } from './analysis.ts';
import { type ServedWorkloadProps, servedPodTemplate } from './pod-template.ts';

/** What every member of a release has, in whatever way it gets its traffic. */
export interface MemberRolloutProps extends ServedWorkloadProps {
  /** Labels of the Rollout's pods; the name label also names the Rollout and its Services. */
  readonly labels: Labels;
  /** Place in the order in which the members of a release are switched, low first. @default 0 */
  readonly promotionOrder?: number;
  /** Judges the new revision on the preview Service, before it waits for its promotion. */
  readonly prePromotion: Analysis;
  /** Judges it where it is live, and holds it there until the whole release is decided. */
  readonly postPromotion: Analysis;
  /** Without progress for so long, a revision counts as failing; runs on during the pre-promotion analysis. */
  readonly progressDeadline: Duration;
}

/** The Rollout of a workload. Its strategy is asked for when all is rendered, since it names Services made after it. */
export function memberRollout(
  workload: kplus.Workload,
  props: MemberRolloutProps,
  strategy: () => RolloutSpecStrategy,
): ApiObject {
  const spec = (): RolloutSpec => ({
    ...(props.replicas === undefined ? {} : { replicas: props.replicas }),
    revisionHistoryLimit: props.revisionHistoryLimit ?? 5,
    progressDeadlineSeconds: props.progressDeadline.toSeconds(),
    selector: { matchLabels: workload.matchLabels },
    template: servedPodTemplate(workload, props, 'rollouts-pod-template-hash'),
    strategy: strategy(),
  });
  return new Rollout(workload, 'Resource', {
    metadata: {
      ...props.metadata,
      name: props.labels['app.kubernetes.io/name'],
      annotations: { 'moneywise.app/promotion-order': String(props.promotionOrder ?? 0) },
    },
    spec: Lazy.any({ produce: spec }),
  });
}
