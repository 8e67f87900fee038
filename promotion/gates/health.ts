import type { HttpAnswer } from '../cluster/port.ts';
import type { HealthCheck } from '../plan/policy.ts';
import type { Finding } from './finding.ts';
import { jsonIn } from './json.ts';

/** Compares an answer with what a health check expects. What another version answers is unknown, be it good or bad. */
export function judgeAnswer(answer: HttpAnswer, expect: HealthCheck['expect']): Finding {
  const json = jsonIn(answer.body);
  const { version } = expect;
  const named = version && at(json, version.path);
  if (version && named !== undefined && named !== version.value) {
    return { verdict: 'unknown', reason: `answered by version ${JSON.stringify(named)}, not by ${version.value}` };
  }
  const problem = problemOf(answer, expect, json);
  if (problem !== undefined) return { verdict: 'fail', reason: problem };
  if (version && named === undefined)
    return { verdict: 'unknown', reason: `the answer does not say at ${version.path} which version gave it` };
  return { verdict: 'pass', reason: version ? `good, by version ${version.value}` : 'good' };
}

/** What is wrong with an answer; undefined when nothing is. */
function problemOf({ body, status }: HttpAnswer, expect: HealthCheck['expect'], json: unknown): string | undefined {
  if (status !== expect.status) return `status ${status} instead of ${expect.status}`;
  if (expect.body !== undefined && !body.includes(expect.body)) return `the body does not contain "${expect.body}"`;
  if (!expect.json) return undefined;
  if (json === undefined) return `the body is not JSON: ${JSON.stringify(body.slice(0, 80))}`;
  for (const [path, wanted] of Object.entries(expect.json)) {
    const found = at(json, path);
    if (found !== wanted) return `${path} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
  }
  return undefined;
}

/** What stands at a dotted path of JSON: own fields only. */
export function at(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined,
      json,
    );
}
