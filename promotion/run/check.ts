import { type Cluster, ClusterError, type HttpAnswer, type HttpTarget } from '../cluster/port.ts';
import type { Verdict } from '../core/observation.ts';
import type { HealthCheck } from '../plan/policy.ts';

/**
 * Asks a health check until enough answers in a row were good, or its tries are used up. Then the last answer decides: a
 * wrong one is `fail`, none at all is `unknown`, and so are too few good ones.
 */
export async function ask(check: HealthCheck, cluster: Cluster, signal: AbortSignal): Promise<Verdict> {
  const { tries, samples } = check;
  let good = 0;
  let verdict: Verdict['verdict'] = 'unknown';
  let reason = '';
  for (let attempt = 1; attempt <= tries && !signal.aborted; attempt += 1) {
    if (attempt > 1) await cluster.sleep(check.intervalSeconds * 1000, signal);
    [verdict, reason] = await askOnce(check, cluster);
    good = verdict === 'pass' ? good + 1 : 0;
    if (good >= samples)
      return { verdict: 'pass', final: true, reason: `${nameOf(check.target)}: ${good} good answers in a row` };
  }
  if (verdict === 'pass') [verdict, reason] = ['unknown', `only ${good} good answers in a row, ${samples} are needed`];
  return { verdict, final: true, reason: `${nameOf(check.target)}: ${reason} (${tries} tries)` };
}

async function askOnce(check: HealthCheck, cluster: Cluster): Promise<[Verdict['verdict'], string]> {
  try {
    const problem = problemOf(await cluster.http(check.target, check.timeoutSeconds * 1000), check.expect);
    return problem === undefined ? ['pass', 'good'] : ['fail', problem];
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return ['unknown', error.message];
  }
}

/** Where a target is, for people. */
export function nameOf(target: HttpTarget): string {
  return 'url' in target ? target.url : `Service ${target.service}:${target.port}${target.path}`;
}

/** What is wrong with an answer; undefined when nothing is. */
export function problemOf(answer: HttpAnswer, expect: HealthCheck['expect']): string | undefined {
  if (answer.status !== expect.status) return `status ${answer.status} instead of ${expect.status}`;
  if (expect.body !== undefined && !answer.body.includes(expect.body))
    return `the body does not contain "${expect.body}"`;
  if (!expect.json) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(answer.body);
  } catch {
    return `the body is not JSON: ${JSON.stringify(answer.body.slice(0, 80))}`;
  }
  for (const [path, wanted] of Object.entries(expect.json)) {
    const found = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], json);
    if (found !== wanted) return `${path} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
  }
  return undefined;
}
