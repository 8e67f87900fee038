import {
  type AnalysisTemplateSpecMetrics,
  AnalysisTemplateSpecMetricsConsecutiveErrorLimit as ErrorLimit,
  AnalysisTemplateSpecMetricsFailureLimit as FailureLimit,
  AnalysisTemplateSpecMetricsCount as MetricCount,
} from '../../imports/argoproj.io.ts';
import type { BlueGreen } from '../../overlays/overlay.ts';

export interface JsonCheckProps {
  /** Name of the metric, unique in the analysis. */
  readonly name: string;
  /** Absolute URL that the controller can reach, answering with JSON. */
  readonly url: string;
  /** Expression over `result`, the JSON answer; anything but true is a bad answer, as is an empty object. */
  readonly good: string;
  /** How often, how long, and what is forgiven. */
  readonly settings: BlueGreen['analysis'];
}

/**
 * A metric that asks a JSON route again and again. Not for HTML: the controller takes any 2xx answer that is not JSON
 * for a success, without looking at conditions.
 */
export function jsonCheck({ name, url, good, settings }: JsonCheckProps): AnalysisTemplateSpecMetrics {
  return {
    name,
    // A Service that has just got a selector has no endpoints yet, and a failed request is repeated only after 10 s.
    initialDelay: '2s',
    interval: `${settings.intervalSeconds}s`,
    count: MetricCount.fromNumber(settings.checks),
    failureLimit: FailureLimit.fromNumber(settings.failureLimit),
    consecutiveErrorLimit: ErrorLimit.fromNumber(settings.errorLimit),
    successCondition: good,
    provider: { web: freshRequest(url, settings.timeoutSeconds) },
  };
}

/**
 * One GET on a connection of its own. The controller keeps connections open otherwise, and an open connection stays on
 * the pods it was opened to: the new revision would be judged by the answers of the old one.
 */
export function freshRequest(url: string, timeoutSeconds: number) {
  return { url, headers: [{ key: 'Connection', value: 'close' }], jsonPath: '{$}', timeoutSeconds };
}
