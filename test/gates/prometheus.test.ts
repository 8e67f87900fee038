import { describe, expect, it } from 'vitest';
import { judgeNewest, judgeQuery } from '../../promotion/gates/prometheus.ts';
import { type Query, querySchema } from '../../promotion/plan/policy.ts';

const NOW = Date.UTC(2026, 0, 1);
const query = (more: object = {}): Query =>
  querySchema.parse({
    name: 'errors',
    target: { url: 'https://prometheus.example' },
    query: 'errors',
    below: 0.05,
    ...more,
  });
const ok = (data: unknown, more: object = {}) => ({
  status: 200,
  body: JSON.stringify({ status: 'success', data, ...more }),
});
const series = (value: unknown, secondsAgo = 0, metric: object = {}) => ({
  metric,
  value: [NOW / 1000 - secondsAgo, value],
});
const vector = (...result: unknown[]) => ({ resultType: 'vector', result });
const judge = (answer: { status: number; body: string }, more: object = {}) => judgeQuery(query(more), answer, NOW);

describe('an answer of Prometheus', () => {
  it('passes on the good side of its threshold and fails on the other, the threshold itself included', () => {
    expect(judge(ok(vector(series('0.049'))))).toEqual({ verdict: 'pass', reason: '0.049, below 0.05 is wanted' });
    expect(judge(ok(vector(series('0.05')))).verdict).toBe('fail');
    expect(judge(ok(vector(series('1e-05')))).verdict).toBe('pass');
    expect(judge(ok(vector(series('3'))), { below: undefined, above: 2 }).verdict).toBe('pass');
    expect(judge(ok(vector(series('2'))), { below: undefined, above: 2 }).verdict).toBe('fail');
  });

  it.each([
    ['no series', ok(vector()), 'no series'],
    ['NaN', ok(vector(series('NaN'))), 'NaN'],
    ['plus infinity', ok(vector(series('+Inf'))), '+Inf'],
    ['minus infinity', ok(vector(series('-Inf'))), '-Inf'],
    ['an empty value, which JavaScript takes for 0', ok(vector(series(''))), 'empty'],
    ['a value that is a number and not text', ok(vector(series(0))), 'not that of an instant query'],
    ['a value in hexadecimal', ok(vector(series('0x00'))), '0x00'],
    [
      'several series',
      ok(vector(series('0', 0, { pod: 'a' }), series('0', 0, { pod: 'b' }))),
      '2 series instead of one: {"pod":"a"}, {"pod":"b"}',
    ],
    ['a scalar', ok({ resultType: 'scalar', result: [NOW / 1000, '0'] }), 'type scalar'],
    ['a range', ok({ resultType: 'matrix', result: [{ metric: {}, values: [[NOW / 1000, '0']] }] }), 'type matrix'],
    ['a histogram', ok(vector({ metric: {}, histogram: [NOW / 1000, {}] })), 'no single value'],
    ['an old answer', ok(vector(series('0', 61))), 'is 61 s old'],
    ['an answer from the future', ok(vector(series('0', -61))), "ahead of the cluster's clock"],
    ['a warning of missing data', ok(vector(series('0')), { warnings: ['store x is not there'] }), 'store x'],
    ['an error', { status: 422, body: '{"status":"error","errorType":"execution","error":"too slow"}' }, 'too slow'],
    ['an error with status 200', { status: 200, body: '{"status":"error","error":"too slow"}' }, 'too slow'],
    ['a page', { status: 200, body: '<html>log in</html>' }, 'is this Prometheus?'],
    ['other JSON', { status: 200, body: '{"value":0}' }, 'not an answer'],
    ['null', { status: 200, body: 'null' }, 'not an answer'],
    ['no data', { status: 200, body: '{"status":"success"}' }, 'type none'],
    ['a result of another shape', ok({ resultType: 'vector', result: { value: [0, '0'] } }), 'instant query'],
  ])('is unknown when it is %s', (_, answer, reason) => {
    const finding = judge(answer);
    expect(finding.verdict).toBe('unknown');
    expect(finding.reason).toContain(reason);
  });

  it('may pass without a series only where the policy says so', () => {
    expect(judge(ok(vector()), { whenEmpty: 'pass' }).verdict).toBe('pass');
    expect(judge(ok(vector(series('NaN'))), { whenEmpty: 'pass' }).verdict).toBe('unknown');
    expect(judge({ status: 503, body: '' }, { whenEmpty: 'pass' }).verdict).toBe('unknown');
  });

  it('to the question for the newest sample must be a recent time', () => {
    const newest = (answer: ReturnType<typeof ok>) => judgeNewest(query(), answer, NOW).verdict;
    expect(newest(ok(vector(series(String(NOW / 1000 - 30)))))).toBe('pass');
    expect(newest(ok(vector(series(String(NOW / 1000 - 90)))))).toBe('unknown');
    expect(newest(ok(vector(series('0.01'))))).toBe('unknown');
    expect(newest(ok(vector()))).toBe('unknown');
    expect(newest(ok(vector(series('NaN'))))).toBe('unknown');
  });
});

describe('a query of the policy', () => {
  it.each([
    [{ below: 1, above: 0 }, 'exactly one'],
    [{ below: undefined }, 'exactly one'],
    [{ samples: 6 }, 'never pass'],
    [{ target: { url: 'https://user:secret@prometheus.example' } }, 'must not carry credentials'],
    [{ target: { service: 'prometheus', port: 9090, path: 'x' } }, 'must begin with a slash'],
  ])('is refused: %j', (more, message) => {
    expect(() => query(more)).toThrow(message);
  });
});
