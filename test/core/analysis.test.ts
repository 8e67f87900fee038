import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnalysisRun } from '../../promotion/cluster/objects.ts';
import { holdEndsAt, judgeAnalysis, milliseconds } from '../../promotion/core/analysis.ts';
import { NEW, stateAt } from './state.ts';

const held = stateAt('held').analysisRuns[`backend-${NEW}-2-post`] as AnalysisRun;
const STARTED = Date.parse('2026-01-01T11:58:00Z');

/** The run with another hold metric and another result of it. */
function holding(metric: object, result?: object, status: object = {}): AnalysisRun {
  const hold = { name: 'hold', interval: '10s', count: 62, failureLimit: 60, ...metric };
  const health = held.spec.metrics?.[0] as object;
  const results = [held.status?.metricResults?.[0] as object, ...(result ? [{ name: 'hold', ...result }] : [])];
  return {
    ...held,
    spec: { metrics: [health, hold] },
    status: { ...held.status, metricResults: results, ...status },
  } as AnalysisRun;
}

describe('the end of a hold', () => {
  it.each([
    ['as many intervals after the start as failures are forgiven', {}, 600_000],
    ['later by the initial delay', { initialDelay: '1m30s' }, 690_000],
    ['by limits that are text, as the API allows', { failureLimit: '60', count: '62' }, 600_000],
    ['at once without a limit', { failureLimit: undefined, count: undefined }, 0],
    ['at once by a limit that is no number, as for the controller', { failureLimit: 'many', count: 'more' }, 0],
    ['by the limit without a count', { count: undefined }, 600_000],
    ['by the limit with one measurement to spare', { count: 61 }, 600_000],
  ])('comes %s', (_, metric, after) => {
    expect(holdEndsAt(holding(metric), 'hold')).toBe(STARTED + after);
  });

  it.each([
    ['fails as often as it likes', holding({ failureLimit: -1 })],
    ['is over by its count before it can fail', holding({ count: 60 })],
    ['is over', holding({}, { phase: 'Failed' })],
    ['does not say when it began', { ...holding({}, undefined, { startedAt: undefined }), metadata: { name: 'run' } }],
    ['is another metric', { ...held, spec: { metrics: [held.spec.metrics?.[0]] } } as AnalysisRun],
    ['is not there', undefined],
  ])('does not come for a hold that %s', (_, run) => {
    expect(holdEndsAt(run, 'hold')).toBeUndefined();
  });

  it.each(['Running', 'Pending', '', undefined])('comes while its phase is %s', (phase) => {
    expect(holdEndsAt(holding({}, { phase }), 'hold')).toBe(STARTED + 600_000);
  });
});

describe('a duration of Go', () => {
  it.each([
    ['1h2m3s', 3_723_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['10m', 600_000],
    ['', 0],
    [undefined, 0],
    ['soon', 0],
  ])('%s', (text, wanted) => {
    expect(milliseconds(text)).toBe(wanted);
  });
});

describe('an AnalysisRun', () => {
  const phases = fc.constantFrom(
    'Successful',
    'Successful',
    'Successful',
    'Running',
    'Failed',
    'Error',
    'Inconclusive',
    '',
  );
  const results = fc.array(
    fc.record(
      {
        name: fc.constantFrom('health', 'errors', 'hold', 'latency'),
        phase: phases,
        count: fc.constantFrom(0, 1, 2, 3, 4),
        successful: fc.constantFrom(0, 1, 2, 3),
        dryRun: fc.boolean(),
      },
      { requiredKeys: ['name'] },
    ),
    { maxLength: 4 },
  );
  const runs = fc
    .record({
      metrics: fc.subarray([
        { name: 'health', count: 3 },
        { name: 'errors', count: 2, consecutiveSuccessLimit: 1 },
        { name: 'latency' },
        { name: 'hold', count: 62 },
      ]),
      dryRun: fc.subarray([{ metricName: 'lat' }, { metricName: 'err.*' }, { metricName: '(' }]),
      terminate: fc.constantFrom(undefined, undefined, true),
      phase: phases,
      results,
    })
    .map(
      ({ metrics, dryRun, terminate, phase, results: metricResults }) =>
        ({
          ...held,
          spec: { metrics, dryRun, ...(terminate ? { terminate } : {}) },
          status: { phase, metricResults },
        }) as AnalysisRun,
    );

  it('passes only when every metric that decides is Successful with as many samples as it asks for', () => {
    let passed = 0;
    fc.assert(
      fc.property(runs, (run) => {
        const { verdict } = judgeAnalysis(run, 'hold');
        if (verdict !== 'pass') return;
        passed += 1;
        expect(run.spec.terminate).toBeUndefined();
        const deciding = (run.spec.metrics ?? [])
          .map((metric) => ({ metric, result: run.status?.metricResults?.find((r) => r.name === metric.name) }))
          .filter(({ metric, result }) => metric.name !== 'hold' && !result?.dryRun)
          .filter(({ metric }) => !run.spec.dryRun?.some((d) => d.metricName.startsWith(metric.name.slice(0, 3))));
        expect(deciding.length).toBeGreaterThan(0);
        for (const { metric, result } of deciding) {
          expect(result?.phase).toBe('Successful');
          expect(result?.successful).toBeGreaterThan(0);
          expect(result?.count).toBeGreaterThanOrEqual(
            'consecutiveSuccessLimit' in metric ? 1 : Number(metric.count ?? 1),
          );
        }
      }),
      { numRuns: 3000, seed: 11 },
    );
    expect(passed).toBeGreaterThan(10);
  });

  it.each([
    ['of a metric that failed is a failure', { phase: 'Failed', count: 3, successful: 1 }, 'Running', 'fail', true],
    ['of a metric that erred is a failure', { phase: 'Error', error: 5 }, 'Running', 'fail', true],
    ['of an inconclusive metric is final', { phase: 'Inconclusive', count: 1 }, 'Running', 'unknown', true],
    ['of a running metric may change', { phase: 'Running', count: 1 }, 'Running', 'unknown', false],
    [
      'of a running metric in a run that is over does not change',
      { phase: 'Running', count: 1 },
      'Successful',
      'unknown',
      true,
    ],
    ['without a sample is final', { phase: 'Successful', count: 3, successful: 0 }, 'Successful', 'unknown', true],
  ] as const)('with a result %s', (_, result, phase, verdict, final) => {
    const metricResults = [{ name: 'health', ...result }];
    const run = { ...held, spec: { metrics: [{ name: 'health', count: 3 }] }, status: { phase, metricResults } };
    expect(judgeAnalysis(run)).toMatchObject({ verdict, final });
  });

  it('that is not there yet may still come', () => {
    expect(judgeAnalysis(undefined)).toMatchObject({ verdict: 'unknown', final: false });
  });

  it('tells what was measured, and why it is not enough', () => {
    const health = (result: object) =>
      judgeAnalysis({
        ...held,
        spec: { metrics: [{ name: 'health', count: 3 }] },
        status: { phase: 'Running', metricResults: [{ name: 'health', ...result }] },
      } as AnalysisRun)
        .reason.split(': ')
        .slice(1)
        .join(': ');
    expect(health({ phase: 'Successful', count: 3, successful: 3 })).toBe(
      'metric health Successful (3 of 3 measurements good)',
    );
    expect(health({ phase: 'Failed', count: 2, successful: 1, error: 1, message: 'too slow' })).toBe(
      'metric health Failed (1 of 3 measurements good; too slow)',
    );
    expect(health({ phase: 'Error', error: 5, measurements: [{ message: 'a' }, { message: 'refused' }] })).toBe(
      'metric health Error (0 of 5 measurements good; refused)',
    );
    expect(health({ phase: 'Inconclusive', count: 1, measurements: [{ value: 'x'.repeat(300) }] })).toBe(
      `metric health Inconclusive (0 of 1 measurements good; last value ${'x'.repeat(200)})`,
    );
    expect(health({})).toBe('metric health pending (0 of 0 measurements good)');
  });
});
