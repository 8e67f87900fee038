import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnalysisRun, Rollout } from '../../promotion/cluster/objects.ts';
import { analysesOf, analysisOf, holdEndsAt, judgeAnalysis, milliseconds } from '../../promotion/core/analysis.ts';
import { NEW, OLD, observationOf, stateAt } from './state.ts';

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
    ['1.25s', 1250],
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

describe('the AnalysisRun of a revision', () => {
  const state = stateAt('prepared');
  const rollout = state.rollouts.backend as Rollout;
  const run = state.analysisRuns[`backend-${NEW}-2-pre`] as AnalysisRun;
  const bare = ({ status: _, ...rest }: Rollout): Rollout => rest;
  const named = (name: string, metadata: object = {}): AnalysisRun => ({
    ...run,
    metadata: { ...run.metadata, name, ...metadata },
  });
  const seen = (...runs: AnalysisRun[]) =>
    observationOf({ ...state, analysisRuns: Object.fromEntries(runs.map((each) => [each.metadata.name, each])) });
  const found = (of: Rollout, ...runs: AnalysisRun[]) =>
    analysisOf(seen(...runs), of, 'PrePromotion', NEW)?.metadata.name;

  it('is the one that the Rollout names, though another is newer', () => {
    const newer = named('newer', { creationTimestamp: '2026-01-01T11:59:00Z' });
    expect(found(rollout, run, newer)).toBe(run.metadata.name);
    expect(found(rollout, newer)).toBeUndefined();
  });

  it('is the newest where it names none; one without a time is the oldest', () => {
    const newer = named('newer', { creationTimestamp: '2026-01-01T11:59:00Z' });
    const { creationTimestamp: _, ...metadata } = run.metadata;
    const timeless = { ...run, metadata: { ...metadata, name: 'timeless' } };
    for (const of of [bare(rollout), { ...rollout, status: {} }]) {
      expect(found(of, run, newer, timeless)).toBe('newer');
      expect(found(of, timeless, newer, run)).toBe('newer');
      expect(found(of, timeless)).toBe('timeless');
    }
  });

  it('is of that Rollout, revision and time, or none', () => {
    const { labels: _, ...unlabelled } = run.metadata;
    const { annotations: __, ...unnoted } = run.metadata;
    const { 'rollout-type': ___, ...labels } = run.metadata.labels ?? {};
    for (const other of [
      { ...run, metadata: unlabelled },
      { ...run, metadata: unnoted },
      { ...run, metadata: { ...run.metadata, labels } },
      named('a', { ownerReferences: [] }),
      named('a', { labels: { ...run.metadata.labels, 'rollouts-pod-template-hash': OLD } }),
      named('a', { annotations: { 'rollout.argoproj.io/revision': '1' } }),
    ])
      expect(found(bare(rollout), other)).toBeUndefined();
    expect(analysisOf(seen(run), bare(rollout), 'PostPromotion', NEW)).toBeUndefined();
    const { annotations: ____, ...metadata } = rollout.metadata;
    expect(found({ ...bare(rollout), metadata }, run)).toBeUndefined();
  });

  it('is one of all of that revision, of every try', () => {
    const { labels: _, ...unlabelled } = run.metadata;
    const earlier = named('earlier', { annotations: { 'rollout.argoproj.io/revision': '1' } });
    const all = analysesOf(seen(run, earlier, { ...run, metadata: { ...unlabelled, name: 'x' } }), rollout, NEW);
    expect(all.map(({ metadata }) => metadata.name)).toEqual([run.metadata.name, 'earlier']);
  });
});

describe('the verdict of an AnalysisRun', () => {
  const good = { phase: 'Successful', count: 1, successful: 1 };
  const judged = (
    metrics: object[] | undefined,
    results: object[] | undefined,
    more: object = {},
    phase = 'Successful',
  ) =>
    judgeAnalysis({
      ...held,
      metadata: { name: 'run' },
      spec: { ...(metrics ? { metrics } : {}), ...more },
      status: { phase, ...(results ? { metricResults: results } : {}) },
    } as unknown as AnalysisRun);

  it('is unknown for good where no metric could judge', () => {
    const none = { verdict: 'unknown', final: true, reason: 'run has no metric that could judge' };
    expect(judged(undefined, undefined)).toEqual(none);
    expect(judged([], [])).toEqual(none);
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good, dryRun: true }])).toEqual(none);
    for (const metricName of ['a', '.*', '^a$'])
      expect(judged([{ name: 'a' }], [{ name: 'a', ...good }], { dryRun: [{ metricName }] })).toEqual(none);
    // What is no pattern is a name.
    expect(judged([{ name: '(' }], [{ name: '(', ...good }], { dryRun: [{ metricName: '(' }] })).toEqual(none);
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good }], { dryRun: [{ metricName: '(' }] }).verdict).toBe('pass');
  });

  it('is unknown for good where the run was terminated, or ended otherwise than its metrics', () => {
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good }], { terminate: true })).toEqual({
      verdict: 'unknown',
      final: true,
      reason: 'run was terminated before it had judged',
    });
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good }], {}, 'Error')).toEqual({
      verdict: 'unknown',
      final: true,
      reason: 'run is Error although its metrics are not',
    });
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good }], {}, 'Running').verdict).toBe('pass');
  });

  it.each<[string, object]>([
    ['the count is text', { count: '1' }],
    ['the successes are text', { successful: '1' }],
    ['the count is not there', { count: undefined }],
    ['the successes are not there', { successful: undefined }],
  ])('is unknown for good where %s', (_, result) => {
    expect(judged([{ name: 'a' }], [{ name: 'a', ...good, ...result }])).toMatchObject({
      verdict: 'unknown',
      final: true,
    });
  });

  it('tells every metric that passed', () => {
    expect(
      judged(
        [{ name: 'a' }, { name: 'b' }],
        [
          { name: 'b', ...good },
          { name: 'a', ...good },
        ],
      ),
    ).toEqual({
      verdict: 'pass',
      final: true,
      reason: 'run: metric a Successful (1 of 1 measurements good), metric b Successful (1 of 1 measurements good)',
    });
  });

  it.each<[string, object, object[] | undefined, boolean]>([
    [
      'of a web metric that is no JSON',
      { provider: { web: {} }, successCondition: 'x' },
      [{ phase: 'Successful', value: '<html>' }],
      false,
    ],
    [
      'of one that fails on a condition',
      { provider: { web: {} }, failureCondition: 'x' },
      [{ phase: 'Successful', value: '<html>' }],
      false,
    ],
    ['of one that says nothing', { provider: { web: {} }, successCondition: 'x' }, [{ phase: 'Successful' }], false],
    [
      'of one that is JSON and then is not',
      { provider: { web: {} }, successCondition: 'x' },
      [
        { phase: 'Successful', value: '1' },
        { phase: 'Successful', value: 'ok' },
      ],
      false,
    ],
    [
      'of one that is JSON',
      { provider: { web: {} }, successCondition: 'x' },
      [{ phase: 'Successful', value: '{"a":1}' }],
      true,
    ],
    [
      'of one that did not pass',
      { provider: { web: {} }, successCondition: 'x' },
      [
        { phase: 'Failed', value: '<html>' },
        { phase: 'Successful', value: '1' },
      ],
      true,
    ],
    ['of one that was not kept', { provider: { web: {} }, successCondition: 'x' }, undefined, true],
    ['of a web metric without conditions', { provider: { web: {} } }, [{ phase: 'Successful', value: '<html>' }], true],
    [
      'of another kind of metric',
      { provider: { job: {} }, successCondition: 'x' },
      [{ phase: 'Successful', value: '<html>' }],
      true,
    ],
    ['of no kind', { successCondition: 'x' }, [{ phase: 'Successful', value: '<html>' }], true],
  ])('on an answer %s passes unseen or is judged', (_, metric, measurements, passes) => {
    const verdict = judged(
      [{ name: 'a', ...metric }],
      [{ name: 'a', ...good, ...(measurements ? { measurements } : {}) }],
    );
    expect(verdict).toMatchObject({ verdict: passes ? 'pass' : 'unknown', final: true });
    if (!passes)
      expect(verdict.reason).toBe('run: metric a got an answer that is not JSON, which passes without its conditions');
  });

  it('of a run that has not begun may still come', () => {
    const { status: _, ...unbegun } = held;
    expect(judgeAnalysis(unbegun as AnalysisRun)).toMatchObject({ verdict: 'unknown', final: false });
    expect(holdEndsAt(unbegun as AnalysisRun, 'hold')).toBe(STARTED + 600_000);
    expect(holdEndsAt({ ...unbegun, spec: {}, status: {} } as AnalysisRun, 'hold')).toBeUndefined();
    const timeless = { ...unbegun, metadata: { name: 'run' } };
    expect(holdEndsAt(timeless as AnalysisRun, 'hold')).toBeUndefined();
    const begun = { ...timeless, status: { startedAt: '2026-01-01T11:58:00Z' } };
    expect(holdEndsAt(begun as AnalysisRun, 'hold')).toBe(STARTED + 600_000);
  });
});
