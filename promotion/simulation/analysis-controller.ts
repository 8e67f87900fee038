import type { AnalysisRun, Metric, MetricResult } from '../cluster/objects.ts';
import { milliseconds } from '../core/analysis.ts';
import type { ApiServer } from './api-server.ts';
import type { Scheduler } from './scheduler.ts';

/** The verdict of one measurement. */
export type Measurement = 'Successful' | 'Failed' | 'Inconclusive' | 'Error';

/** What a measurement of that metric would say now. */
export type Measure = (run: AnalysisRun, metric: Metric) => Measurement;

const OVER = ['Successful', 'Failed', 'Error', 'Inconclusive'];
/** From best to worst: the worst metric is the run's phase. */
const SEVERITY = ['Successful', 'Running', 'Pending', 'Inconclusive', 'Error', 'Failed'];
/** Errors are repeated after this time whatever the interval is, in milliseconds. */
const ERROR_RETRY = 10_000;

/** Runs AnalysisRuns like Argo Rollouts v1.9.1 does, with `measure` in the place of the providers. */
export function startAnalysis(api: ApiServer, scheduler: Scheduler, measure: Measure): void {
  api.listen((plural, event) => {
    if (plural !== 'analysisruns') return;
    const run = event.object as AnalysisRun;
    if (event.type === 'ADDED') scheduler.after(scheduler.between(20, 80), () => start(run.metadata.name));
    if (event.type === 'MODIFIED' && run.spec.terminate && !OVER.includes(run.status?.phase ?? '')) {
      scheduler.after(scheduler.between(20, 80), () => end(run.metadata.name));
    }
  });

  function start(name: string): void {
    const startedAt = new Date(scheduler.now()).toISOString();
    const run = api.update<AnalysisRun>('analysisruns', name, (r) => ({
      ...r,
      status: { phase: 'Running', startedAt, metricResults: [] },
    }));
    for (const metric of run?.spec.metrics ?? []) {
      scheduler.after(milliseconds(metric.initialDelay) + scheduler.between(5, 50), () =>
        takeMeasurement(name, metric),
      );
    }
  }

  function takeMeasurement(name: string, metric: Metric): void {
    const run = api.get<AnalysisRun>('analysisruns', name);
    if (!run || OVER.includes(run.status?.phase ?? '') || run.spec.terminate) return;
    const old = run.status?.metricResults?.find((result) => result.name === metric.name);
    if (OVER.includes(old?.phase ?? '')) return;
    const phase = measure(run, metric);
    const result = counted(old ?? { name: metric.name }, phase, metric, new Date(scheduler.now()).toISOString());
    write(name, result);
    if (OVER.includes(result.phase ?? '')) return;
    scheduler.after(phase === 'Error' ? ERROR_RETRY : milliseconds(metric.interval), () =>
      takeMeasurement(name, metric),
    );
  }

  function write(name: string, result: MetricResult): void {
    api.update<AnalysisRun>('analysisruns', name, (r) => {
      const others = (r.status?.metricResults ?? []).filter((other) => other.name !== result.name);
      const results = [...others, result];
      const all = (r.spec.metrics ?? []).map((m) => results.find((x) => x.name === m.name)?.phase ?? 'Running');
      const failed = all.some((phase) => ['Failed', 'Error', 'Inconclusive'].includes(phase));
      // The first metric that fails ends the run, and makes every unfinished one Successful (argo-rollouts #1329).
      const phase =
        failed || all.every((p) => OVER.includes(p))
          ? worst(all.map((p) => (OVER.includes(p) ? p : 'Successful')))
          : worst(all);
      const metricResults = failed
        ? results.map((x) => (OVER.includes(x.phase ?? '') ? x : { ...x, phase: 'Successful' }))
        : results;
      return {
        ...r,
        status: {
          ...r.status,
          phase,
          metricResults,
          ...(OVER.includes(phase) ? { completedAt: new Date(scheduler.now()).toISOString() } : {}),
          ...(failed ? { message: `Metric "${result.name}" assessed ${result.phase}` } : {}),
        },
      };
    });
  }

  function end(name: string): void {
    api.update<AnalysisRun>('analysisruns', name, (r) => {
      if (OVER.includes(r.status?.phase ?? '')) return undefined;
      const metricResults = (r.status?.metricResults ?? []).map((x) =>
        OVER.includes(x.phase ?? '') ? x : { ...x, phase: 'Successful' },
      );
      const completedAt = new Date(scheduler.now()).toISOString();
      return {
        ...r,
        status: { ...r.status, phase: 'Successful', message: 'Run Terminated', metricResults, completedAt },
      };
    });
  }
}

function worst(phases: readonly string[]): string {
  return phases.reduce((a, b) => (SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a), 'Successful');
}

/** A web metric keeps what was answered: JSON, since other answers pass unseen. */
function answerOf(metric: Metric): { value?: string } {
  return metric.provider?.web ? { value: '{}' } : {};
}

function counted(old: MetricResult, phase: Measurement, metric: Metric, at: string): MetricResult {
  const plus = (count: number | undefined, yes: boolean) => (count ?? 0) + (yes ? 1 : 0);
  const next = {
    ...old,
    count: plus(old.count, phase !== 'Error'),
    successful: plus(old.successful, phase === 'Successful'),
    failed: plus(old.failed, phase === 'Failed'),
    inconclusive: plus(old.inconclusive, phase === 'Inconclusive'),
    error: plus(old.error, phase === 'Error'),
    consecutiveError: phase === 'Error' ? ((old as { consecutiveError?: number }).consecutiveError ?? 0) + 1 : 0,
    measurements: [...(old.measurements ?? []), { phase, ...answerOf(metric), startedAt: at, finishedAt: at }].slice(
      -10,
    ),
  };
  const limit = (value: number | string | undefined, otherwise: number) =>
    value === undefined ? otherwise : Number(value);
  const limits = metric as Metric & { inconclusiveLimit?: number; consecutiveErrorLimit?: number };
  const over = (() => {
    if (next.failed > limit(metric.failureLimit, 0)) return 'Failed';
    if (next.inconclusive > limit(limits.inconclusiveLimit, 0)) return 'Inconclusive';
    if (next.consecutiveError > limit(limits.consecutiveErrorLimit, 4)) return 'Error';
    const count = limit(metric.count, metric.interval ? 0 : 1);
    return count > 0 && next.count >= count ? 'Successful' : 'Running';
  })();
  return { ...next, phase: over };
}
