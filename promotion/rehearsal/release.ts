import type { KubeObject, Metric, Rollout, RolloutAnalysis } from '../cluster/objects.ts';
import { milliseconds } from '../core/analysis.ts';
import type { Plan } from '../plan/plan.ts';
import { serviceBehind } from '../simulation/ingress.ts';
import { pluralOf } from '../simulation/world.ts';

/** What a manifests folder says about one of its members, as far as a rehearsal depends on it. */
export interface RehearsedMember {
  readonly name: string;
  /** Whether a metric judges the new version before the switch, and after it beside the hold. */
  readonly judgedBefore: boolean;
  readonly judgedAfter: boolean;
  /** How long it can be aborted in one pass after its switch, in milliseconds; 0 without a hold. */
  readonly hold: number;
  /** How long its old pods stay up once the new version is stable, in milliseconds; not at all as a canary without a router. */
  readonly scaleDownDelay: number;
}

/** A health check, and the member that answers it: undefined for an address that no object of the folder leads to. */
export interface RehearsedCheck {
  readonly name: string;
  readonly when: 'before-switch' | 'after-switch';
  readonly member?: string;
}

export interface Rehearsed {
  readonly plan: Plan;
  readonly objects: readonly KubeObject[];
  readonly members: readonly RehearsedMember[];
  readonly checks: readonly RehearsedCheck[];
}

export function rehearsedOf(plan: Plan, objects: readonly KubeObject[]): Rehearsed {
  const api = { list: (plural: string) => objects.filter(({ kind }) => pluralOf(kind) === plural) as never };
  return {
    plan,
    objects,
    members: plan.members.map(({ name }) => {
      const rollout = objects.find((o) => o.kind === 'Rollout' && o.metadata.name === name) as Rollout;
      return memberOf(name, rollout, objects, plan.policy.holdMetric);
    }),
    checks: plan.policy.healthChecks.map(({ name, when, target }) => {
      const service = serviceBehind(api, target);
      const member = plan.members.find((m) => service && [m.activeService, m.previewService].includes(service));
      return { name, when, ...(member ? { member: member.name } : {}) };
    }),
  };
}

function memberOf(
  name: string,
  { spec: { strategy } }: Rollout,
  objects: readonly KubeObject[],
  holdMetric: string,
): RehearsedMember {
  const { blueGreen, canary } = strategy ?? {};
  const steps = canary?.steps ?? [];
  const promotion = steps.findIndex(({ pause }) => pause && pause.duration === undefined);
  const analysesOf = (part: typeof steps) => part.flatMap(({ analysis }) => metricsOf(analysis, objects));
  const before = canary ? analysesOf(steps.slice(0, promotion)) : metricsOf(blueGreen?.prePromotionAnalysis, objects);
  const after = canary ? analysesOf(steps.slice(promotion)) : metricsOf(blueGreen?.postPromotionAnalysis, objects);
  const hold = after.find((metric) => metric.name === holdMetric);
  return {
    name,
    judgedBefore: before.length > 0,
    judgedAfter: after.some((metric) => metric !== hold),
    hold: hold ? milliseconds(hold.initialDelay) + Number(hold.failureLimit ?? 0) * milliseconds(hold.interval) : 0,
    scaleDownDelay: canary && !canary.trafficRouting ? 0 : ((canary ?? blueGreen)?.scaleDownDelaySeconds ?? 30) * 1000, // 30 is the controller's own default
  };
}

function metricsOf(analysis: RolloutAnalysis | undefined, objects: readonly KubeObject[]): Metric[] {
  const names = (analysis?.templates ?? []).map(({ templateName }) => templateName);
  return objects
    .filter(({ kind, metadata }) => /^(Cluster)?AnalysisTemplate$/.test(kind) && names.includes(metadata.name))
    .flatMap((template) => (template as { spec?: { metrics?: Metric[] } }).spec?.metrics ?? []);
}
