import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { telemetryOf } from '../../promotion/telemetry/otlp.ts';
import { manifests, run, worldWith } from '../promotion/simulated.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy } from '../scripts/command-line.ts';
import { attributesOf, type Collector, collector } from './collector.ts';

const PARENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };

/** A release of v2 in the simulation, told to whatever the environment names. */
async function release(behaviours: Parameters<typeof worldWith>[0] = {}) {
  const telemetry = await telemetryOf();
  const world = await worldWith(behaviours);
  world.apply(manifests('v2'));
  const result = await run(world, manifests('v2'), telemetry?.emit);
  return { ...result, lost: await telemetry?.close() };
}

describe('a run that is told to a collector', () => {
  let sink: Collector;
  beforeEach(async () => {
    sink = await collector();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', sink.url);
  });
  afterEach(() => {
    sink.close();
    vi.unstubAllEnvs();
  });

  it('is one trace: the run, its phases in it, and in those the stages of the members', async () => {
    const { lost, durationMs } = await release();
    expect([lost, [...sink.services]]).toEqual([undefined, ['moneywise-deploy']]);
    const byId = new Map(sink.spans.map((span) => [span.spanId, span]));
    const [root, ...others] = sink.spans.filter(({ parentSpanId }) => !parentSpanId);
    expect([root?.name, others]).toEqual(['promote release', []]);
    expect(attributesOf(root ?? { attributes: [] })).toMatchObject({ release: 'release', outcome: 'promoted' });
    expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1);
    const phases = sink.spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId).map(({ name }) => name);
    expect(phases).toEqual(['preparing', 'switching', 'verifying', 'settling']);
    const stages = sink.spans.filter(({ name }) => name.startsWith('backend '));
    expect(stages.map(({ name }) => name)).toContain('backend held');
    for (const stage of stages) expect(phases).toContain(byId.get(stage.parentSpanId ?? '')?.name);
    // Virtual time: what the run says of itself, in nanoseconds since 1970.
    const { startTimeUnixNano: from = '0', endTimeUnixNano: to = '0' } = root ?? {};
    expect(Number((BigInt(to) - BigInt(from)) / 1_000_000n)).toBe(durationMs);
  });

  it('counts its outcome and how long it and its phases took', async () => {
    const { durationMs, apiRequests } = await release();
    const figures = new Map(sink.metrics.map((metric) => [metric.name, metric.sum ?? metric.histogram]));
    const of = { release: 'release', outcome: 'promoted' };
    const [runs] = figures.get('moneywise.release.runs')?.dataPoints ?? [];
    expect([runs, attributesOf(runs ?? { attributes: [] })]).toMatchObject([{ asDouble: 1 }, of]);
    expect(figures.get('moneywise.release.duration')?.dataPoints).toMatchObject([{ count: 1, sum: durationMs / 1000 }]);
    expect(figures.get('moneywise.release.api_requests')?.dataPoints).toMatchObject([{ count: 1, sum: apiRequests }]);
    const phases = figures.get('moneywise.release.phase.duration')?.dataPoints ?? [];
    expect(phases.map((point) => attributesOf(point).phase)).toEqual([
      'preparing',
      'switching',
      'verifying',
      'settling',
    ]);
  });

  it('is an error with its cause among its events when the set came back', async () => {
    const { outcome } = await release({ 'web:v2': { analysis: { after: 'Failed' } } });
    const root = sink.spans.find(({ parentSpanId }) => !parentSpanId);
    expect([outcome, root?.status.code, root?.events.map(({ name }) => name)]).toEqual([
      'rolled-back',
      2,
      expect.arrayContaining(['GOING_BACK', 'ACT']),
    ]);
  });

  it('is a part of the trace of the pipeline that runs it', async () => {
    vi.stubEnv('TRACEPARENT', `00-${PARENT.trace}-${PARENT.span}-01`);
    await release();
    const root = sink.spans.find(({ name }) => name === 'promote release');
    expect([root?.traceId, root?.parentSpanId]).toEqual([PARENT.trace, PARENT.span]);
  });
});

describe('a run without a collector', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('tells nobody where nothing is configured', async () => {
    expect(await telemetryOf()).toBeUndefined();
  });

  it('tells nobody where telemetry is switched off', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    expect(await telemetryOf()).toBeUndefined();
  });

  it('says what was lost when nobody listens', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    const { outcome, lost } = await release();
    expect([outcome, lost]).toEqual(['promoted', expect.stringMatching(/ECONNREFUSED|no answer within 3 s/)]);
  });
});

describe('the command line', () => {
  let sink: Collector;
  let folder: string;
  beforeAll(async () => {
    await buildCommandLine();
    sink = await collector();
    const list = { apiVersion: 'v1', kind: 'List', items: manifests('v2') };
    const cluster = { server: 'https://127.0.0.1:9' };
    folder = await folderWith({
      'manifests/release.json': JSON.stringify(list),
      kubeconfig: JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'none', cluster }],
        users: [{ name: 'none', user: { token: 'test' } }],
        contexts: [{ name: 'none', context: { cluster: 'none', user: 'none' } }],
        'current-context': 'none',
      }),
    });
  });
  afterAll(async () => {
    sink.close();
    await cleanUp();
  });
  const promote = (environment: NodeJS.ProcessEnv, ...more: string[]) =>
    moneywiseDeploy(
      [
        'promote',
        '--manifests',
        `${folder}/manifests`,
        '--kubeconfig',
        `${folder}/kubeconfig`,
        '--evidence',
        `${folder}/evidence`,
        ...more,
      ],
      environment,
    );

  it('tells a collector of a run, whose exit code is its own', async () => {
    const { code } = await promote({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
    expect(code).toBe(8);
    expect(sink.spans.map(({ name }) => name)).toContain('promote release');
  });

  it('tells it nothing of a dry run', async () => {
    const before = sink.spans.length;
    const { code } = await promote({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.url }, '--dry-run');
    expect([code, sink.spans.length]).toEqual([8, before]);
  });
});
