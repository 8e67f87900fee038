import type { AnalysisTemplateSpecMetrics } from '../../imports/argoproj.io.ts';
import type { BlueGreen } from '../../overlays/overlay.ts';
import { analysisSeconds } from '../../overlays/timing.ts';
import * as kplus from '../kplus.ts';
import { type TaskPodProps, taskPod } from './task-pod.ts';

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

/**
 * Asks for an HTML page until it was good often enough or bad too often, each time on a connection of its own. Given to
 * `node -e`; it must not contain two opening braces in a row, which the controller would take for an argument.
 */
export const pageCheckScript = `
const { get } = require('node:http');
const { CHECK_URL, CHECKS, INTERVAL_SECONDS, TIMEOUT_SECONDS, FAILURE_LIMIT } = process.env;

const ask = () => new Promise((resolve) => {
  const request = get(CHECK_URL, { agent: false, signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) }, (response) => {
    const type = response.headers['content-type'] ?? 'no content type';
    const good = response.statusCode === 200 && type.startsWith('text/html');
    response.on('error', (error) => resolve(error.message));
    response.on('end', () => resolve(good ? undefined : response.statusCode + ' ' + type)).resume();
  });
  request.on('error', (error) => resolve(error.message));
});

(async () => {
  let bad = 0;
  for (let check = 1; check <= CHECKS; check += 1) {
    if (check > 1) await new Promise((resolve) => setTimeout(resolve, INTERVAL_SECONDS * 1000));
    const problem = await ask();
    console.log(CHECK_URL + ' ' + check + '/' + CHECKS + ': ' + (problem ?? 'good'));
    if (problem && ++bad > FAILURE_LIMIT) process.exit(1);
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
  };
  const template = taskPod({
    ...pod,
    container: {
      name: 'check',
      image,
      command: ['node', '-e', pageCheckScript],
      envVariables: Object.fromEntries(
        Object.entries(env).map(([key, value]) => [key, kplus.EnvValue.fromValue(value)]),
      ),
      resources: { cpuMillis: 50, memoryMebibytes: 128 },
    },
  });
  const job = kplus.k8s.toJson_JobSpec({
    backoffLimit: 0,
    // An image that cannot be pulled would otherwise keep the analysis waiting for ever.
    activeDeadlineSeconds: analysisSeconds(settings),
    ttlSecondsAfterFinished: 3600,
    template: {},
  });
  return { name, provider: { job: { metadata: { labels: pod.labels }, spec: { ...job, template } } } };
}
