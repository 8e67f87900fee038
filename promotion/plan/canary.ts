import type { CanaryStep, KubeObject, Metric, Rollout, Service } from '../cluster/objects.ts';
import { milliseconds } from '../core/analysis.ts';
import { UsageError } from './usage.ts';

/**
 * Where in the steps of a canary what happens, each an index into `spec.strategy.canary.steps`. Before the promotion the new
 * revision is judged at its first weight; after it come further weights, and at the last one it is held.
 */
export interface Canary {
  /** The pause without an end: only the promoter ends it. */
  readonly promotion: number;
  /** The last step: an analysis with the hold, which keeps the old revision stable. */
  readonly hold: number;
  /** The steps that judge the new revision, the hold's included. */
  readonly analyses: readonly number[];
  /** How long it takes from the promotion to the hold by what the steps say, in seconds; beside the pods' own time. */
  readonly seconds: number;
  /**
   * Percent of the traffic that a router gives the new revision while it is held. @default - there is no router, and the
   * number of pods divides the traffic
   */
  readonly routed?: number;
}

/** The metrics of the AnalysisTemplates that there are, by their names. */
export type Templates = ReadonlyMap<string, readonly Metric[]>;

/** The steps of a canary Rollout as the promoter can take it live in a set. Throws `UsageError`, which begins with `at`. */
export function canaryOf(rollout: Rollout, templates: Templates, holdMetric: string, at: string): Canary {
  const { steps = [], trafficRouting, analysis } = rollout.spec.strategy?.canary ?? {};
  const refuse = (where: string, why: string): never => {
    throw new UsageError(`${at}: spec.strategy.canary.${where} ${why}`);
  };
  if (analysis) refuse('analysis', 'runs beside the steps, and nobody knows what it has judged: make it a step');
  const unknown = steps.findIndex((step) => !kindOf(step));
  if (unknown >= 0)
    refuse(`steps[${unknown}]`, 'is none of setWeight, setCanaryScale, pause and analysis: leave it out');
  const pauses = indexesOf(steps, ({ pause }) => pause !== undefined && pause.duration === undefined);
  const [promotion = -1] = pauses;
  if (pauses.length !== 1)
    refuse('steps', `have ${pauses.length} pauses without a duration: give the one that waits for the promotion`);
  const hold = steps.length - 1;
  if (!metricsOf(steps[hold], templates).some(({ name }) => name === holdMetric) || hold < promotion)
    refuse('steps', 'do not end with an analysis that holds: without it the member would settle alone, before the set');
  if (trafficRouting) checkRouted(rollout, promotion, refuse);
  else checkDivided(steps, refuse);
  const between = steps.slice(promotion + 1, hold).map((step) => secondsOf(step, templates));
  return {
    promotion,
    hold,
    analyses: indexesOf(steps, (step) => step.analysis !== undefined),
    seconds: between.reduce((sum, seconds) => sum + seconds, 0),
    ...(trafficRouting ? { routed: steps.findLast(({ setWeight }) => setWeight !== undefined)?.setWeight ?? 0 } : {}),
  };
}

type Refuse = (where: string, why: string) => never;

/** Where the number of pods divides the traffic, no pod is without its share of it. */
function checkDivided(steps: readonly CanaryStep[], refuse: Refuse): void {
  if (!steps[0]?.setWeight)
    refuse('steps', 'do not begin with a setWeight above 0: there would be no pod of the new revision to judge');
  const all = steps.findIndex(({ setWeight = 0 }) => setWeight > 99);
  if (all >= 0)
    refuse(`steps[${all}]`, 'leaves no old pod to go back to: stay below 100, the end of the hold does the rest');
  const scale = steps.findIndex(({ setCanaryScale }) => setCanaryScale);
  if (scale >= 0) refuse(`steps[${scale}]`, 'is a setCanaryScale, which the controller ignores without a router');
}

/**
 * Where a router divides the traffic between two Services: what keeps the old revision whole until the hold has ended, so that
 * its Service is all that an abort needs.
 */
function checkRouted({ spec }: Rollout, promotion: number, refuse: Refuse): void {
  const {
    abortScaleDownDelaySeconds,
    dynamicStableScale,
    pingPong,
    steps = [],
    trafficRouting,
  } = spec.strategy?.canary ?? {};
  if (pingPong) refuse('pingPong', 'lets the two Services change their roles: give stableService and canaryService');
  if (dynamicStableScale)
    refuse(
      'dynamicStableScale',
      'takes old pods away before the release is decided: an abort would have to wait for new ones',
    );
  if (trafficRouting?.istio?.destinationRule)
    refuse(
      'trafficRouting.istio.destinationRule',
      'routes past the Services, which the way back relies on: route by host',
    );
  if ((trafficRouting?.maxTrafficWeight ?? 100) !== 100)
    refuse('trafficRouting.maxTrafficWeight', 'is another than 100: leave it out, weights are percents here');
  if (abortScaleDownDelaySeconds === 0)
    refuse('abortScaleDownDelaySeconds', 'is 0, which keeps rejected pods for ever: give at least 1');
  const early = steps.findIndex(({ setWeight = 0 }, i) => i < promotion && setWeight > 0);
  if (early >= 0)
    refuse(`steps[${early}]`, 'gives the new revision traffic before its promotion: set its weight after the pause');
  const first = steps.findIndex(({ setWeight = 0 }) => setWeight > 0);
  if (first < 0) refuse('steps', 'never give the new revision any traffic: add a setWeight above 0 after the pause');
  const judged = steps.findIndex(({ analysis }) => analysis);
  const scales = steps.slice(0, judged).flatMap(({ setCanaryScale }) => setCanaryScale ?? []);
  if (!scales.some(({ replicas, weight }) => (replicas ?? weight ?? 0) > 0))
    refuse(
      'steps',
      'have no setCanaryScale above 0 before the first analysis: there would be no pod of the new revision to judge',
    );
  const scale = steps.slice(0, first).findLast(({ setCanaryScale }) => setCanaryScale)?.setCanaryScale;
  const later = steps.slice(first).some(({ setCanaryScale }) => setCanaryScale && !setCanaryScale.matchTrafficWeight);
  if (!scale?.matchTrafficWeight || later)
    refuse(
      'steps',
      'give the new revision traffic for which it may lack the pods: put setCanaryScale with matchTrafficWeight before the first weight',
    );
}

function metricsOf(step: CanaryStep | undefined, templates: Templates): readonly Metric[] {
  return (step?.analysis?.templates ?? []).flatMap(({ templateName }) => templates.get(templateName) ?? []);
}

function secondsOf(step: CanaryStep, templates: Templates): number {
  const { duration = 0 } = step.pause ?? {};
  const pause = Number.isNaN(Number(duration)) ? milliseconds(String(duration)) / 1000 : Number(duration);
  const analyses = metricsOf(step, templates).map(
    ({ initialDelay, interval, count = 1 }) =>
      (milliseconds(initialDelay) + (Number(count) || 1) * milliseconds(interval)) / 1000,
  );
  return Math.max(pause, ...analyses);
}

/**
 * The Service that leads to the pods of both revisions, whose number divides the traffic. Throws `UsageError`.
 */
export function serviceOfBoth(rollout: Rollout, services: readonly KubeObject[], at: string): string {
  const { canaryService, stableService } = rollout.spec.strategy?.canary ?? {};
  const labels = rollout.spec.template?.metadata?.labels ?? {};
  const found = (services as readonly Service[])
    .filter(({ metadata: { name } }) => name !== canaryService && name !== stableService)
    .filter(({ spec }) => {
      const selector = Object.entries(spec?.selector ?? {});
      return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
    })
    .map(({ metadata: { name } }) => name);
  const [service] = found;
  if (service === undefined || found.length > 1) {
    throw new UsageError(
      `${at}: ${found.length === 0 ? 'no Service of these manifests selects its pods' : `its pods are selected by ${found.join(', ')}`}: a canary needs one Service whose pods divide the traffic`,
    );
  }
  return service;
}

function kindOf({ setWeight, setCanaryScale, pause, analysis }: CanaryStep): boolean {
  return [setWeight, setCanaryScale, pause, analysis].filter((field) => field !== undefined).length === 1;
}

function indexesOf(steps: readonly CanaryStep[], is: (step: CanaryStep) => boolean): number[] {
  return steps.flatMap((step, i) => (is(step) ? [i] : []));
}
