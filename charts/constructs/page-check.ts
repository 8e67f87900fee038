import type { AnalysisTemplateSpecMetrics } from '../../imports/argoproj.io.ts';
import type { BlueGreen } from '../../overlays/overlay.ts';
import { analysisSeconds } from '../../overlays/timing.ts';
import * as kplus from '../kplus.ts';
import { jobMetric } from './job-metric.ts';
import type { TaskPodProps } from './task-pod.ts';

export interface PageCheckProps extends Omit<TaskPodProps, 'container'> {
  /** Name of the metric, unique in the analysis. */
  readonly name: string;
  /** Absolute URL that pods can reach, answering with HTML. */
  readonly url: string;
  /** An image with `node`. */
  readonly image: string;
  /** How often, how long, and what is forgiven. */
  readonly settings: BlueGreen['analysis'];
}

/** Before a page that gave no answer is asked for again, in seconds: as long as the controller waits with its own metrics. */
const errorPauseSeconds = 10;

/**
 * Asks for an HTML page until it was good often enough or bad too often, each time on a connection of its own. A wrong
 * answer counts against the failure limit. No whole answer at all says nothing about the page (the analysis that follows
 * a `retry` begins before the pods are up): it is asked again after a pause, and only too many in a row are a verdict.
 *
 * Given to `node -e`; it must not contain two opening braces in a row, which the controller would take for an argument.
 */
export const pageCheckScript = `
const { get } = require('node:http');
const { CHECK_URL, CHECKS, INTERVAL_SECONDS, TIMEOUT_SECONDS, FAILURE_LIMIT, ERROR_LIMIT, ERROR_PAUSE_SECONDS } = process.env;

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const ask = () => new Promise((resolve) => {
  const noAnswer = (error) => resolve({ error: error.code ?? error.message });
  const request = get(CHECK_URL, { agent: false, signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) }, (response) => {
    const type = response.headers['content-type'] ?? 'no content type';
    const good = response.statusCode === 200 && type.startsWith('text/html');
    response.on('error', noAnswer);
    response.on('end', () => resolve(good ? {} : { wrong: response.statusCode + ' ' + type })).resume();
  });
  request.on('error', noAnswer);
});

(async () => {
  let [wrongs, errors] = [0, 0];
  for (let check = 1; check <= CHECKS; ) {
    const { wrong, error } = await ask();
    const verdict = wrong ?? (error ? 'no answer, ' + error : 'good');
    console.log(CHECK_URL + ' ' + check + '/' + CHECKS + ': ' + verdict);
    errors = error ? errors + 1 : 0;
    if (wrong) wrongs += 1;
    if (wrongs > FAILURE_LIMIT || errors > ERROR_LIMIT) process.exit(1);
    if (!error) check += 1;
    if (check <= CHECKS) await pause(error ? ERROR_PAUSE_SECONDS : INTERVAL_SECONDS);
  }
})();
`.trim();

/**
 * A metric that looks at a page. A Job does it, because the controller's own web metric passes any 2xx answer that is
 * not JSON; the Job's image is the web image, which has Node and is on the node already.
 */
export function pageCheck({ name, url, image, settings, ...pod }: PageCheckProps): AnalysisTemplateSpecMetrics {
  const env = {
    CHECK_URL: url,
    CHECKS: String(settings.checks),
    INTERVAL_SECONDS: String(settings.intervalSeconds),
    TIMEOUT_SECONDS: String(settings.timeoutSeconds),
    FAILURE_LIMIT: String(settings.failureLimit),
    ERROR_LIMIT: String(settings.errorLimit),
    ERROR_PAUSE_SECONDS: String(errorPauseSeconds),
  };
  return jobMetric({
    ...pod,
    name,
    deadlineSeconds: analysisSeconds(settings),
    container: {
      name: 'check',
      image,
      command: ['node', '-e', pageCheckScript],
      envVariables: Object.fromEntries(
        Object.entries(env).map(([key, value]) => [key, kplus.EnvValue.fromValue(value)]),
      ),
      resources: { cpuMillis: 50, memoryMebibytes: 128, scratchGibibytes: 1 },
    },
  });
}
