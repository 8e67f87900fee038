import { setTimeout as pause } from 'node:timers/promises';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Emit } from '../report/events.ts';

/** What hears of a run's events, and is closed at its end. */
export interface Telemetry {
  readonly emit: Emit;
  /** Sends what is left. Resolves with what could not be delivered and why, or with nothing; never rejects. */
  readonly close: () => Promise<string | undefined>;
}

/** How long the end of a run waits for its telemetry to be delivered, in milliseconds. */
const PATIENCE = 3_000;

/**
 * Sends a run as an OpenTelemetry trace and figures, by OTLP over HTTP, where the standard variables say so:
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`. The exporters and
 * the resource read the others themselves (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, …).
 * `TRACEPARENT` (W3C Trace Context) makes the run a part of that trace.
 * @returns undefined where nothing is configured, or `OTEL_SDK_DISABLED` is true; no SDK is loaded then.
 */
export async function telemetryOf(): Promise<Telemetry | undefined> {
  const { env } = process;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all } = env;
  const sendsTraces = Boolean(all || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  const sendsMetrics = Boolean(all || env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT);
  if (!(sendsTraces || sendsMetrics) || env.OTEL_SDK_DISABLED === 'true') return undefined;
  // Loaded here, so that a run without telemetry starts no slower.
  const [sdk, metrics, traceExporter, metricExporter, core, resources, { releaseTrace }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
    import('./release-trace.ts'),
  ]);
  let problem: string | undefined;
  core.setGlobalErrorHandler((error) => {
    problem ??= typeof error === 'string' ? error : (error as Error).message;
  });
  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': 'moneywise-deploy' }))
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  // An exporter that goes on trying keeps the process from ending.
  const limits = { timeoutMillis: PATIENCE };
  const tracers = new sdk.TracerProvider({
    resource,
    spanProcessors: sendsTraces
      ? [new sdk.BatchSpanProcessor({ exporter: new traceExporter.OTLPTraceExporter(limits) })]
      : [],
  });
  // Figures are sent once, when the run is over.
  const reader = new metrics.PeriodicExportingMetricReader({ exporter: new metricExporter.OTLPMetricExporter(limits) });
  const meters = new metrics.MeterProvider({ resource, readers: sendsMetrics ? [reader] : [] });
  const parent = new core.W3CTraceContextPropagator().extract(
    ROOT_CONTEXT,
    { traceparent: env.TRACEPARENT, tracestate: env.TRACESTATE },
    { get: (carrier, key) => carrier[key as 'traceparent'], keys: Object.keys },
  );
  return {
    emit: releaseTrace({ tracer: tracers.getTracer('release'), meter: meters.getMeter('release'), parent }),
    close: async () => {
      const giveUp = new AbortController();
      const late = pause(PATIENCE, `no answer within ${PATIENCE / 1000} s`, { signal: giveUp.signal });
      const closed = Promise.all([tracers.shutdown(), meters.shutdown()]).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const ended = await Promise.race([closed, late]).finally(() => giveUp.abort());
      return problem ?? ended;
    },
  };
}
