import {
  type AnalysisTemplateSpecMetrics,
  AnalysisTemplateSpecMetricsFailureLimit as FailureLimit,
  AnalysisTemplateSpecMetricsInconclusiveLimit as InconclusiveLimit,
  AnalysisTemplateSpecMetricsCount as MetricCount,
} from '../../imports/argoproj.io.ts';
import type { BlueGreen } from '../../overlays/overlay.ts';
import { freshRequest } from './json-check.ts';

/** The name by which the promoter knows that a metric is no verdict. */
export const holdMetricName = 'hold';

/** Between two measurements, in seconds: the hold lasts at most so much longer than asked for. */
const intervalSeconds = 5;

/**
 * The metric that keeps a switched member abortable. It never succeeds by itself: it is ended (`spec.terminate` on the
 * AnalysisRun) by whoever decides that the whole release settles.
 *
 * - `dead-man-switch`: every measurement fails and one more than the time allows ends the run, so that the controller
 *   takes the member back if nobody is left to decide. `count` lies beyond that, so it is never reached.
 * - `until-ended`: every measurement is inconclusive; at the end of `count` the controller pauses and waits.
 *
 * @param url any JSON route of the live application: an answer is needed to measure at all
 */
export function holdMetric(hold: BlueGreen['hold'], url: string): AnalysisTemplateSpecMetrics | undefined {
  const metric = { name: holdMetricName, interval: `${intervalSeconds}s`, provider: { web: freshRequest(url, 5) } };
  switch (hold.kind) {
    case 'none':
      return undefined;
    case 'dead-man-switch': {
      // The first measurement is taken at once, so the run fails after `forgiven` intervals.
      const forgiven = Math.ceil(hold.seconds / intervalSeconds);
      return {
        ...metric,
        failureCondition: 'true',
        failureLimit: FailureLimit.fromNumber(forgiven),
        count: MetricCount.fromNumber(forgiven + 2),
      };
    }
    case 'until-ended':
      return {
        ...metric,
        successCondition: 'false',
        failureCondition: 'false',
        count: MetricCount.fromNumber(8),
        inconclusiveLimit: InconclusiveLimit.fromNumber(7),
      };
  }
}
