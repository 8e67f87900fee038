import {
  type AnalysisRun,
  type Metric,
  type MetricResult,
  POD_HASH,
  REVISION,
  type Rollout,
  STEP_INDEX,
} from '../cluster/objects.ts';
import { jsonIn } from '../gates/json.ts';
import { type Observation, ownedBy, type Verdict } from './observation.ts';

export type AnalysisType = 'PrePromotion' | 'PostPromotion';

/** All AnalysisRuns of a Rollout's revision `hash`, of every try. */
export function analysesOf(o: Observation, rollout: Rollout, hash: string): AnalysisRun[] {
  return [...o.analysisRuns.values()].filter(
    (run) => ownedBy(run, rollout.metadata.uid) && run.metadata.labels?.[POD_HASH] === hash,
  );
}

/**
 * The AnalysisRun that judges a Rollout's revision `hash`. One hash may have served several revisions, and a run of an
 * earlier one is no evidence for this one, so the revision must agree too.
 */
export function analysisOf(
  o: Observation,
  rollout: Rollout,
  type: AnalysisType,
  hash: string,
): AnalysisRun | undefined {
  const revision = rollout.metadata.annotations?.[REVISION];
  const runs = analysesOf(o, rollout, hash).filter(
    (run) => run.metadata.labels?.['rollout-type'] === type && run.metadata.annotations?.[REVISION] === revision,
  );
  const { prePromotionAnalysisRunStatus: pre, postPromotionAnalysisRunStatus: post } = rollout.status?.blueGreen ?? {};
  const reference = type === 'PrePromotion' ? pre : post;
  // The run that the Rollout names is the one, also while it cannot be seen yet: an earlier try's is no evidence.
  if (reference) return runs.find((run) => run.metadata.name === reference.name);
  return newest(runs);
}

/**
 * The AnalysisRun of a step of a canary that judges its revision `hash`. The Rollout names it only while it is at that step;
 * of a step that it is past the newest one counts.
 */
export function stepAnalysisOf(o: Observation, rollout: Rollout, step: number, hash: string): AnalysisRun | undefined {
  const revision = rollout.metadata.annotations?.[REVISION];
  const runs = analysesOf(o, rollout, hash).filter(
    ({ metadata: { annotations, labels } }) =>
      labels?.['rollout-type'] === 'Step' &&
      labels[STEP_INDEX] === String(step) &&
      annotations?.[REVISION] === revision,
  );
  const { currentStepIndex, canary } = rollout.status ?? {};
  if (currentStepIndex === step)
    return runs.find(({ metadata }) => metadata.name === canary?.currentStepAnalysisRunStatus?.name);
  return newest(runs);
}

/** Which of a member's analyses a run is, in words; of a canary by its step, counted from 1. */
export function whenOf({ metadata: { labels } }: AnalysisRun): string {
  const step = labels?.[STEP_INDEX];
  if (step !== undefined) return `at step ${Number(step) + 1}`;
  return labels?.['rollout-type'] === 'PrePromotion' ? 'before the switch' : 'after the switch';
}

function newest(runs: readonly AnalysisRun[]): AnalysisRun | undefined {
  const createdAt = (run: AnalysisRun) => run.metadata.creationTimestamp ?? '';
  // Of one second, the later one has a longer name: the controller counts up.
  const age = (a: AnalysisRun, b: AnalysisRun) =>
    createdAt(b).localeCompare(createdAt(a), 'en') || b.metadata.name.length - a.metadata.name.length;
  return [...runs].sort(age)[0];
}

/**
 * What an AnalysisRun says, `except` for a hold metric. Its phase alone says too little: a terminated run, and the
 * unfinished metrics of a run that another one failed, are `Successful` without a measurement.
 */
export function judgeAnalysis(run: AnalysisRun | undefined, except?: string): Verdict {
  if (!run) return { verdict: 'unknown', final: false, reason: 'no AnalysisRun for this revision yet' };
  const at = run.metadata.name;
  const phase = run.status?.phase ?? '';
  const resultOf = (name: string | undefined) => run.status?.metricResults?.find((result) => result.name === name);
  const results = (run.spec.metrics ?? [])
    .map((metric) => ({ name: metric.name, metric, result: resultOf(metric.name) }))
    .filter(({ name, result }) => name !== except && !isDryRun(run, name, result));
  if (results.length === 0) return { verdict: 'unknown', final: true, reason: `${at} has no metric that could judge` };
  const bad = results.find(({ result }) => result?.phase === 'Failed' || result?.phase === 'Error');
  if (bad) return { verdict: 'fail', final: true, reason: `${at}: ${describe(bad.name, bad.result)}` };
  if (run.spec.terminate)
    return { verdict: 'unknown', final: true, reason: `${at} was terminated before it had judged` };
  const inconclusive = results.find(({ result }) => result?.phase === 'Inconclusive');
  if (inconclusive)
    return { verdict: 'unknown', final: true, reason: `${at}: ${describe(inconclusive.name, inconclusive.result)}` };
  const runOver = OVER.includes(phase);
  const unfinished = results.find(({ result }) => result?.phase !== 'Successful');
  if (unfinished)
    return { verdict: 'unknown', final: runOver, reason: `${at}: ${describe(unfinished.name, unfinished.result)}` };
  const few = results.find(({ metric, result }) => !hasSamples(metric, result));
  if (few) {
    const reason = `${at}: ${describe(few.name, few.result)} without enough good measurements`;
    return { verdict: 'unknown', final: true, reason };
  }
  const unjudged = results.find(({ metric, result }) => isUnjudged(metric, result));
  if (unjudged) {
    const reason = `${at}: metric ${unjudged.name} got an answer that is not JSON, which passes without its conditions`;
    return { verdict: 'unknown', final: true, reason };
  }
  // That a hold ran out says nothing about what the others measured.
  if (runOver && phase !== 'Successful' && resultOf(except)?.phase !== phase) {
    const reason = `${at} is ${phase} although its metrics are not${run.status?.message ? `: ${run.status.message}` : ''}`;
    return { verdict: 'unknown', final: true, reason };
  }
  return {
    verdict: 'pass',
    final: true,
    reason: `${at}: ${results.map(({ name, result }) => describe(name, result)).join(', ')}`,
  };
}

const OVER = ['Successful', 'Failed', 'Error', 'Inconclusive'];

/** Whether a metric never decides: the controller says so in its result, and takes the names to be patterns. */
function isDryRun(run: AnalysisRun, name: string, result: MetricResult | undefined): boolean {
  return result?.dryRun === true || (run.spec.dryRun ?? []).some(({ metricName }) => matches(metricName, name));
}

function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return pattern === name;
  }
}

/**
 * Whether a Successful metric was measured as often as it asks for, at least once with success. One that another's failure
 * cut off was not; one that ends after so many successes in a row may stop early.
 */
function hasSamples(metric: Metric, result: MetricResult | undefined): boolean {
  const { count, successful } = result ?? {};
  const wanted = Number(metric.consecutiveSuccessLimit ?? 0) > 0 ? 1 : Math.max(1, Number(metric.count ?? 1));
  return typeof count === 'number' && count >= wanted && typeof successful === 'number' && successful >= 1;
}

/** Whether an answer passed unseen: a web metric takes a 2xx that is not JSON without asking its conditions (#4535). */
function isUnjudged(metric: Metric, result: MetricResult | undefined): boolean {
  if (!metric.provider?.web || !(metric.successCondition || metric.failureCondition)) return false;
  return (result?.measurements ?? []).some(
    ({ phase, value }) => phase === 'Successful' && jsonIn(value ?? '') === undefined,
  );
}

function describe(name: string, result: MetricResult | undefined): string {
  if (!result) return `metric ${name} has no result yet`;
  const counts = `${result.successful ?? 0} of ${(result.count ?? 0) + (result.error ?? 0)} measurements good`;
  const last = result.measurements?.at(-1);
  const why =
    result.message ?? last?.message ?? (last?.value === undefined ? '' : `last value ${last.value.slice(0, 200)}`);
  return `metric ${name} ${result.phase || 'pending'} (${counts}${result.phase !== 'Successful' && why ? `; ${why}` : ''})`;
}

/**
 * When a running hold ends by itself, in milliseconds since 1970: its metric fails on the measurement that exceeds the
 * failure limit, one each interval. Counted from when the run was made, which the API server's clock tells, as it does
 * this tool's now; when it started is told by the controller's, which may be minutes off. A moment early is on the safe
 * side. Undefined when the run has no such metric or is over.
 */
export function holdEndsAt(run: AnalysisRun | undefined, holdMetric: string): number | undefined {
  const metric = run?.spec.metrics?.find((m) => m.name === holdMetric);
  const result = run?.status?.metricResults?.find((r) => r.name === holdMetric);
  const startedAt = Date.parse(run?.metadata.creationTimestamp ?? run?.status?.startedAt ?? '');
  if (!metric || Number.isNaN(startedAt) || (result && !['Running', 'Pending', ''].includes(result.phase ?? '')))
    return undefined;
  // The controller takes text that is no number for 0.
  const limit = Number(metric.failureLimit) || 0;
  const count = Number(metric.count) || 0;
  if (limit < 0 || (count > 0 && count <= limit)) return undefined;
  return startedAt + milliseconds(metric.initialDelay) + limit * milliseconds(metric.interval);
}

/** A Go duration such as `1m30s` in milliseconds; absent is 0. */
export function milliseconds(duration: string | undefined): number {
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return [...(duration ?? '').matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, name]) => sum + Number(amount) * unit[name as keyof typeof unit],
    0,
  );
}
