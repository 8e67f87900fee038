import {
  type Context,
  type Histogram,
  type Meter,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Emit, Result, RunEvent } from '../report/events.ts';

/** Where a run's spans and figures go. */
export interface Instruments {
  readonly tracer: Tracer;
  readonly meter: Meter;
  /** The span that the run is a part of, e.g. of a pipeline that names it in TRACEPARENT. */
  readonly parent: Context;
}

/** The first phase of a promotion, which begins without an event of its own. */
const FIRST_PHASE = 'preparing';

/**
 * Turns the events of one run into a trace: a span for the run, in it one for each phase, and in that one for each stage of
 * each member; everything else is an event of the run's span. Times are the events' own, so a simulated run has virtual ones.
 * At the end come the figures of the run, with the attributes `release` and `outcome`:
 *
 * - `moneywise.release.runs`: counter
 * - `moneywise.release.duration`: histogram, seconds
 * - `moneywise.release.phase.duration`: histogram, seconds, with the attribute `phase`
 * - `moneywise.release.api_requests`: histogram
 */
export function releaseTrace({ tracer, meter, parent }: Instruments): Emit {
  const runs = meter.createCounter('moneywise.release.runs', { description: 'runs that ended, by outcome' });
  const duration = inSeconds(meter, 'moneywise.release.duration', 'from the start of a run to its end');
  const phaseDuration = inSeconds(meter, 'moneywise.release.phase.duration', 'how long a run was in a phase');
  const requests = meter.createHistogram('moneywise.release.api_requests', {
    description: 'requests to the API server in a run',
    unit: '{request}',
  });
  let run: Open | undefined;
  let phase: (Open & { readonly name: string }) | undefined;
  const stages = new Map<string, Open>();
  const phases: { readonly name: string; readonly seconds: number }[] = [];

  const begin = (name: string, at: number, within: Context, attributes: Record<string, string>): Open => {
    const span = tracer.startSpan(name, { startTime: at, attributes }, within);
    return { span, since: at, context: trace.setSpan(within, span) };
  };
  const endPhase = (at: number) => {
    for (const { span } of stages.values()) span.end(at);
    stages.clear();
    if (!phase) return;
    phase.span.end(at);
    phases.push({ name: phase.name, seconds: (at - phase.since) / 1000 });
  };
  const enterPhase = (name: string, at: number) => {
    if (!run) return;
    endPhase(at);
    phase = { ...begin(name, at, run.context, { phase: name }), name };
  };

  return (event) => {
    const at = Date.parse(event.time);
    if (event.code === 'STARTED') {
      const { ask, release, version, namespace } = event.data as Started;
      const attributes = { release, 'k8s.namespace.name': namespace, ...(version ? { version } : {}) };
      run = begin(`${ask} ${release}`, at, parent, attributes);
      enterPhase(FIRST_PHASE, at);
    }
    if (!run) return;
    const { name, stage } = stageIn(event) ?? {};
    if (name !== undefined && stage !== undefined && phase) {
      stages.get(name)?.span.end(at);
      stages.set(name, begin(`${name} ${stage}`, at, phase.context, { member: name, stage }));
    } else if (event.code === 'PHASE' || event.code === 'RESUMED') {
      enterPhase((event.data as { phase: string }).phase, at);
    } else if (event.code === 'RESULT') {
      const { outcome, release, durationMs, apiRequests } = event.data as Result;
      endPhase(at);
      run.span.setAttributes({ outcome, 'k8s.api_requests': apiRequests });
      if (event.level === 'error') run.span.setStatus({ code: SpanStatusCode.ERROR, message: event.message });
      run.span.end(at);
      const of = { release, outcome };
      runs.add(1, of);
      duration.record(durationMs / 1000, of);
      requests.record(apiRequests, of);
      for (const { name, seconds } of phases) phaseDuration.record(seconds, { ...of, phase: name });
      run = undefined;
    } else if (event.code !== 'STARTED') {
      run.span.addEvent(event.code, { message: event.message, ...(event.member ? { member: event.member } : {}) }, at);
    }
  };
}

/** A span that has not ended. */
interface Open {
  readonly span: Span;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What its parts begin within. */
  readonly context: Context;
}

interface Started {
  readonly ask: string;
  readonly release: string;
  readonly version: string | null;
  readonly namespace: string;
}

function stageIn({ code, member, data }: RunEvent): { name: string; stage: string } | undefined {
  return code === 'MEMBER' && member ? { name: member, stage: (data as { stage: string }).stage } : undefined;
}

function inSeconds(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, {
    description,
    unit: 's',
    // The defaults are of milliseconds; a release takes from a second to an hour.
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600] },
  });
}
