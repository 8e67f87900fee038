import { type Pair, remove, set } from './pair.ts';

const RESULT = '/status/metricResults/0';
const second = (phase: string) => [
  set('/spec/metrics/-', { name: 'errors', interval: '1s', count: 3 }),
  set('/status/metricResults/-', { name: 'errors', phase, count: 3, successful: 3 }),
];
const web = [
  set('/spec/metrics/0/provider', { web: { url: 'http://backend-preview/' } }),
  set('/spec/metrics/0/successCondition', 'result.status == "ok"'),
];
const holding = [
  set('/spec/metrics/-', { name: 'hold', interval: '10s', count: 62, failureLimit: 60 }),
  set('/status/metricResults/-', { name: 'hold', phase: 'Running', count: 2, failed: 2 }),
  set('/status/phase', 'Running'),
];

/** AnalysisRuns: a finished one with three good measurements of `health` passes. */
export const ANALYSIS_RUNS: readonly Pair[] = [
  { name: 'a run that was terminated is Successful without having judged', bad: set('/spec/terminate', true) },
  { name: 'a metric is Successful without one successful measurement', bad: set(`${RESULT}/successful`, 0) },
  {
    name: 'a metric is Successful and does not count its successful measurements',
    bad: remove(`${RESULT}/successful`),
  },
  { name: 'a metric is Successful without a measurement', bad: set(`${RESULT}/count`, 0) },
  { name: 'a metric is Successful and does not say how often it was measured', bad: remove(`${RESULT}/count`) },
  { name: 'a metric was cut off by the failure of another one', bad: set(`${RESULT}/count`, 2) },
  { name: 'the count of measurements is no number', bad: set(`${RESULT}/count`, 'many') },
  { name: 'the count of measurements is text', bad: set(`${RESULT}/count`, '3') },
  { name: 'the count of successful measurements is text', bad: set(`${RESULT}/successful`, 'NaN') },
  { name: 'the metric has no result', bad: remove(RESULT) },
  { name: 'the result is of a metric of another name', bad: set(`${RESULT}/name`, 'health-check') },
  { name: 'there are no results', bad: remove('/status/metricResults') },
  { name: 'there is no status', bad: remove('/status') },
  { name: 'the run asks for nothing', bad: set('/spec/metrics', []) },
  { name: 'the run has no metrics', bad: remove('/spec/metrics') },
  { name: 'the metric is still running', bad: set(`${RESULT}/phase`, 'Running') },
  { name: 'the metric has not begun', bad: set(`${RESULT}/phase`, '') },
  { name: 'the metric does not say its phase', bad: remove(`${RESULT}/phase`) },
  { name: 'the metric has a phase that nobody knows', bad: set(`${RESULT}/phase`, 'successful') },
  { name: 'the metric failed', bad: set(`${RESULT}/phase`, 'Failed') },
  { name: 'the metric only erred', bad: set(`${RESULT}/phase`, 'Error') },
  { name: 'the metric is inconclusive', bad: set(`${RESULT}/phase`, 'Inconclusive') },
  { name: 'the only metric is a dry run, by its name', bad: set('/spec/dryRun', [{ metricName: 'health' }]) },
  { name: 'the only metric is a dry run, by a pattern', bad: set('/spec/dryRun', [{ metricName: 'hea.*' }]) },
  { name: 'the only metric is a dry run, as its result says', bad: set(`${RESULT}/dryRun`, true) },
  {
    name: 'a failed metric is not a dry run, because the pattern is that of another',
    given: [...second('Failed'), set('/spec/dryRun', [{ metricName: 'err.*' }])],
    bad: set('/spec/dryRun/0/metricName', 'warn.*'),
  },
  {
    name: 'a second metric failed',
    given: second('Successful'),
    bad: set('/status/metricResults/1/phase', 'Failed'),
  },
  {
    name: 'a second metric has no result',
    given: second('Successful'),
    bad: remove('/status/metricResults/1'),
  },
  {
    name: 'a second metric has no sample',
    given: second('Successful'),
    bad: set('/status/metricResults/1/successful', 0),
  },
  {
    name: 'the run failed although its metrics did not',
    bad: set('/status/phase', 'Failed'),
  },
  {
    name: 'the run erred although its metrics did not',
    bad: set('/status/phase', 'Error'),
  },
  {
    name: 'the run is inconclusive although its metrics are not',
    bad: set('/status/phase', 'Inconclusive'),
  },
  {
    name: 'beside a hold, the metric that judges is still running',
    given: holding,
    bad: set(`${RESULT}/phase`, 'Running'),
  },
  {
    name: 'the end of a hold cut off the metric that judges',
    given: [...holding, set('/status/metricResults/1/phase', 'Failed'), set('/status/phase', 'Failed')],
    bad: set(`${RESULT}/count`, 1),
  },
  {
    name: 'an inconclusive hold does not excuse a failed run',
    given: [...holding, set('/status/metricResults/1/phase', 'Inconclusive'), set('/status/phase', 'Inconclusive')],
    bad: set('/status/phase', 'Failed'),
  },
  {
    name: 'a hold is the only metric',
    given: holding,
    bad: remove('/spec/metrics/0'),
  },
  {
    name: 'a page of HTML, which the controller passes without asking the condition',
    given: web,
    bad: set(`${RESULT}/measurements/0/value`, '<!doctype html><title>ok</title>'),
  },
  {
    name: 'an empty answer, which the controller passes without asking the condition',
    given: web,
    bad: remove(`${RESULT}/measurements/0/value`),
  },
  {
    name: 'an answer that looks like JSON and is cut off',
    given: web,
    bad: set(`${RESULT}/measurements/0/value`, '{"status":"ok"'),
  },
];
