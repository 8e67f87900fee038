import { describe, expect, it } from 'vitest';
import { judgeAnswer } from '../../promotion/gates/health.ts';
import { healthCheckSchema } from '../../promotion/plan/policy.ts';

const judge = (body: unknown, expected: object, status = 200) => {
  const { expect } = healthCheckSchema.parse({
    name: 'x',
    target: { url: 'https://shop.example' },
    expect: expected,
  });
  return judgeAnswer({ status, body: typeof body === 'string' ? body : JSON.stringify(body) }, expect);
};
const well = { json: { status: 'ok' }, version: { value: '2.0.0' } };

describe('the answer to a health check', () => {
  it('passes when it is as expected, and of the version that is judged', () => {
    expect(judge({ status: 'ok', version: '2.0.0' }, well)).toEqual({
      verdict: 'pass',
      reason: 'good, by version 2.0.0',
    });
    expect(judge({ info: { build: '2.0.0' } }, { version: { value: '2.0.0', path: 'info.build' } }).verdict).toBe(
      'pass',
    );
    expect(judge('<html>', {}).verdict).toBe('pass');
  });

  it.each([
    ['another version, although it is well', { status: 'ok', version: '1.0.0' }, 200, 'answered by version "1.0.0"'],
    ['another version, although it is ill', { status: 'error', version: '1.0.0' }, 500, 'answered by version "1.0.0"'],
    ['a version of another type', { status: 'ok', version: 2 }, 200, 'answered by version 2'],
    ['no version', { status: 'ok' }, 200, 'does not say'],
  ])('is no evidence when it is of %s', (_, body, status, reason) => {
    const finding = judge(body, well, status);
    expect(finding.verdict).toBe('unknown');
    expect(finding.reason).toContain(reason);
  });

  it.each([
    ['another status', { status: 'ok', version: '2.0.0' }, 503, 'status 503'],
    ['a redirect', '', 302, 'status 302'],
    ['a page where JSON is expected', '<html>ok</html>', 200, 'not JSON'],
    ['another value', { status: 'error', version: '2.0.0' }, 200, 'status is "error"'],
    ['null', 'null', 200, 'status is undefined'],
  ])('fails with %s', (_, body, status, reason) => {
    const finding = judge(body, well, status);
    expect(finding.verdict).toBe('fail');
    expect(finding.reason).toContain(reason);
  });

  it('does not find what every JavaScript object has', () => {
    expect(judge({}, { json: { 'constructor.name': 'Object' } }).verdict).toBe('fail');
  });
});
