import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP's JSON has it. */
export interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly events: readonly { readonly name: string }[];
  readonly status: { readonly code?: number };
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface SentMetric {
  readonly name: string;
  readonly sum?: {
    readonly dataPoints: readonly { readonly asDouble: number; readonly attributes: readonly Attribute[] }[];
  };
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly count: number;
      readonly sum: number;
      readonly attributes: readonly Attribute[];
    }[];
  };
}

/** A server on loopback that takes OTLP over HTTP, as a collector does. */
export interface Collector {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  readonly metrics: readonly SentMetric[];
  /** `service.name` of whoever sent something. */
  readonly services: ReadonlySet<string>;
  readonly close: () => void;
}

/** `answers: false` takes every request and never answers it. */
export async function collector({ answers = true } = {}): Promise<Collector> {
  const spans: SentSpan[] = [];
  const metrics: SentMetric[] = [];
  const services = new Set<string>();
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (!answers) return;
    const { resourceSpans = [], resourceMetrics = [] } = JSON.parse(text) as {
      resourceSpans?: { resource: { attributes: Attribute[] }; scopeSpans: { spans: SentSpan[] }[] }[];
      resourceMetrics?: { resource: { attributes: Attribute[] }; scopeMetrics: { metrics: SentMetric[] }[] }[];
    };
    for (const { resource } of [...resourceSpans, ...resourceMetrics])
      services.add(attributesOf(resource)['service.name'] ?? '');
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    metrics.push(...resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics)));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    services,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export function attributesOf({ attributes }: { attributes: readonly Attribute[] }): Record<string, string | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? undefined : String(value.intValue)),
    ]),
  );
}
