import { type Cluster, ClusterError, type HttpAnswer, type HttpTarget } from '../cluster/port.ts';
import type { Verdict } from '../core/observation.ts';
import type { Finding } from '../gates/finding.ts';
import { judgeAnswer } from '../gates/health.ts';
import { judgeNewest, judgeQuery, queryTarget } from '../gates/prometheus.ts';
import type { HealthCheck, Query } from '../plan/policy.ts';

/**
 * Asks a question of the policy until enough answers in a row were good, or its tries are used up. Then the last answer
 * decides: a wrong one is `fail`, none at all is `unknown`, and so are too few good ones.
 */
export async function ask(question: HealthCheck | Query, cluster: Cluster, signal: AbortSignal): Promise<Verdict> {
  const { tries, samples } = question;
  const at = nameOf(question.target);
  let good = 0;
  let last: Finding = { verdict: 'unknown', reason: '' };
  if ('query' in question) await cluster.sleep(question.windowSeconds * 1000, signal);
  for (let attempt = 1; attempt <= tries && !signal.aborted; attempt += 1) {
    if (attempt > 1) await cluster.sleep(question.intervalSeconds * 1000, signal);
    last = await askOnce(question, cluster);
    good = last.verdict === 'pass' ? good + 1 : 0;
    if (good >= samples)
      return { verdict: 'pass', final: true, reason: `${at}: ${good} good answers in a row, the last: ${last.reason}` };
  }
  if (last.verdict === 'pass')
    last = { verdict: 'unknown', reason: `only ${good} good answers in a row, ${samples} are needed` };
  return { verdict: last.verdict, final: true, reason: `${at}: ${last.reason} (${tries} tries)` };
}

async function askOnce(question: HealthCheck | Query, cluster: Cluster): Promise<Finding> {
  try {
    if ('query' in question) return await askPrometheus(question, cluster);
    return judgeAnswer(await answerTo(question, cluster.http), question.expect);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    // A bad certificate is seen, not missing, and it is what every visitor sees.
    return { verdict: error.code === 'untrusted' ? 'fail' : 'unknown', reason: error.message };
  }
}

/** The answer at the end of as many redirects as the check follows. */
export async function answerTo(
  { target, redirects, timeoutSeconds }: Pick<HealthCheck, 'target' | 'redirects' | 'timeoutSeconds'>,
  http: Cluster['http'],
): Promise<HttpAnswer> {
  let at: HttpTarget = target;
  for (let followed = 0; ; followed += 1) {
    const answer = await http(at, timeoutSeconds * 1000);
    const next = 'url' in at && followed < redirects ? redirectOf(answer, at.url) : undefined;
    if (next === undefined) return answer;
    at = { url: next };
  }
}

/** Where an answer leads, if that is an address that may be followed. */
export function redirectOf({ location, status }: HttpAnswer, from: string): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || !location || !URL.canParse(location, from)) return undefined;
  const next = new URL(location, from);
  const isSafe = next.protocol === 'https:' || (next.protocol === 'http:' && from.startsWith('http:'));
  return isSafe ? next.href : undefined;
}

/** Whether what the query rests on is fresh comes first: an old value is no evidence, whatever it is. */
async function askPrometheus(query: Query, cluster: Cluster): Promise<Finding> {
  const answer = (text: string): Promise<HttpAnswer> =>
    cluster.http(queryTarget(query.target, text), query.timeoutSeconds * 1000);
  const now = () => cluster.now().getTime();
  if (query.newest !== undefined) {
    const freshness = judgeNewest(query, await answer(query.newest), now());
    if (freshness.verdict !== 'pass') return freshness;
  }
  return judgeQuery(query, await answer(query.query), now());
}

/** Where a target is, for people. */
export function nameOf(target: HttpTarget): string {
  return 'url' in target ? target.url : `Service ${target.service}:${target.port}${target.path}`;
}
