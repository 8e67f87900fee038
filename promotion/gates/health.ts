import type { HttpAnswer } from '../cluster/port.ts';
import type { HealthCheck } from '../plan/policy.ts';
import type { Finding } from './finding.ts';

/** Compares an answer with what a health check expects. */
export function judgeAnswer(answer: HttpAnswer, expect: HealthCheck['expect']): Finding {
  const problem = problemOf(answer, expect);
  return problem === undefined ? { verdict: 'pass', reason: 'good' } : { verdict: 'fail', reason: problem };
}

/** What is wrong with an answer; undefined when nothing is. */
function problemOf(answer: HttpAnswer, expect: HealthCheck['expect']): string | undefined {
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
