import { type AnalysisRun, POD_HASH, type Pod } from '../cluster/objects.ts';
import { judgeAnalysis, whenOf } from '../core/analysis.ts';
import type { Cause } from '../core/journal.ts';
import type { Verdict } from '../core/observation.ts';
import type { RunEvent } from '../report/events.ts';
import type { Bundle } from './bundle.ts';
import { containers } from './collect.ts';

/** What a bundle tells a person, in times of milliseconds since 1970. */
export interface Story {
  readonly start: number;
  readonly end: number;
  readonly phases: Lane;
  readonly members: readonly Lane[];
  readonly verdicts: readonly Judgement[];
  readonly cause?: Cause;
  readonly nextSteps: readonly string[];
}

/** One line of the chart. */
export interface Lane {
  readonly name: string;
  readonly spans: readonly {
    readonly from: number;
    readonly to: number;
    readonly state: string;
    readonly why: string;
  }[];
  /** When its active Service was seen on the new revision, and on the old one again. */
  readonly marks: readonly { readonly at: number; readonly what: 'live' | 'back' }[];
}

export interface Judgement {
  readonly at: number;
  readonly gate: string;
  readonly verdict: Verdict['verdict'];
  readonly reason: string;
}

interface Stage {
  readonly stage: string;
  readonly current: string | null;
  readonly active: string | null;
}

export function storyOf(bundle: Bundle): Story {
  const { timeline, plan } = bundle;
  const start = timeOf(timeline[0]);
  const end = Math.max(timeOf(timeline.at(-1)), start + 1);
  const cause = (timeline.find(({ code }) => code === 'GOING_BACK')?.data as { cause?: Cause } | undefined)?.cause;
  const phases = timeline
    .filter(({ code }) => code === 'PHASE' || code === 'RESUMED')
    .map((event) => ({ at: timeOf(event), state: (event.data as { phase: string }).phase, why: event.message }));
  return {
    start,
    end,
    phases: {
      name: 'release',
      spans: spansOf(
        [{ at: start, state: 'preparing', why: 'waiting until every member is prepared' }, ...phases],
        end,
      ),
      marks: [],
    },
    members: plan.members.map(({ name }) => laneOf(name, timeline, end)),
    verdicts: [...analyses(bundle), ...checks(timeline)].sort((a, b) => a.at - b.at),
    ...(cause ? { cause } : {}),
    nextSteps: timeline.filter(({ code }) => code === 'NEXT').map(({ message }) => message),
  };
}

function laneOf(name: string, timeline: readonly RunEvent[], end: number): Lane {
  const events = timeline.filter(({ code, member }) => code === 'MEMBER' && member === name);
  const marks: { at: number; what: 'live' | 'back' }[] = [];
  let before: string | null | undefined;
  let first: string | null | undefined;
  for (const event of events) {
    const { active } = event.data as Stage;
    first ??= active;
    if (before !== undefined && active !== before && active !== null) {
      marks.push({ at: timeOf(event), what: active === first ? 'back' : 'live' });
    }
    before = active ?? before;
  }
  const states = events.map((event) => ({
    at: timeOf(event),
    state: (event.data as Stage).stage,
    why: event.message,
  }));
  return { name, spans: spansOf(states, end), marks };
}

/** States that follow each other, as spans; one that is told of again goes on, with its last reason. */
function spansOf(states: readonly { at: number; state: string; why: string }[], end: number): Lane['spans'] {
  const spans: { from: number; to: number; state: string; why: string }[] = [];
  for (const { at, state, why } of states) {
    const last = spans.at(-1);
    if (last) last.to = at;
    if (last?.state === state) Object.assign(last, { why });
    else spans.push({ from: at, to: at, state, why });
  }
  const last = spans.at(-1);
  if (last) last.to = end;
  return spans.filter(({ from, to }, i) => to > from || i === spans.length - 1);
}

/** The AnalysisRuns of the revisions that this release asked for. */
export function analysesOf({ analyses, timeline, plan, result }: Bundle): readonly AnalysisRun[] {
  const hashes = new Set(
    result
      ? result.members.map(({ to }) => to)
      : plan.members.map(({ name }) => {
          const last = timeline.findLast(({ code, member }) => code === 'MEMBER' && member === name);
          return (last?.data as Stage | undefined)?.current;
        }),
  );
  return analyses.filter(({ metadata }) => hashes.has(metadata.labels?.[POD_HASH] ?? ''));
}

/** Which analysis of which member a run is, in words. */
export function titleOf(run: AnalysisRun): string {
  return `${run.metadata.ownerReferences?.[0]?.name ?? run.metadata.name}: analysis ${whenOf(run)}`;
}

function analyses(bundle: Bundle): Judgement[] {
  const { holdMetric } = bundle.plan.policy;
  return analysesOf(bundle).flatMap((run) => {
    const metrics = (run.spec.metrics ?? []).filter(({ name }) => name !== holdMetric);
    if (metrics.length === 0) return [];
    const times = (run.status?.metricResults ?? [])
      .filter(({ name }) => name !== holdMetric)
      .flatMap(({ measurements }) => measurements ?? [])
      .map(({ finishedAt }) => Date.parse(finishedAt ?? ''))
      .filter((time) => !Number.isNaN(time));
    const over = Date.parse(run.status?.completedAt ?? run.metadata.creationTimestamp ?? '');
    const judged = judgeAnalysis(run, holdMetric);
    const at = times.length > 0 && judged.verdict !== 'unknown' ? Math.max(...times) : over;
    return [{ at: Number.isNaN(at) ? 0 : at, gate: titleOf(run), ...judged }];
  });
}

function checks(timeline: readonly RunEvent[]): Judgement[] {
  return timeline
    .filter(({ code }) => code === 'CHECK')
    .map((event) => {
      const { check, verdict } = event.data as { check: string; verdict: Verdict['verdict'] };
      return { at: timeOf(event), gate: `health check ${check}`, verdict, reason: event.message };
    });
}

/** Why a pod's containers wait, ended, or ended before their restart. */
export function troublesOf(pod: Pod): string {
  const reasons = containers(pod).flatMap(({ name, state, lastState }) =>
    [
      state?.waiting?.reason,
      state?.terminated && `ended: ${state.terminated.reason ?? state.terminated.exitCode}`,
      lastState?.terminated &&
        `before: ${lastState.terminated.reason ?? ''} (exit code ${lastState.terminated.exitCode})`,
    ].flatMap((reason) => (reason ? [`${name} ${reason}`] : [])),
  );
  return [pod.status?.reason, ...reasons].filter(Boolean).join('; ');
}

export function timeOf(event: RunEvent | undefined): number {
  return Date.parse(event?.time ?? '') || 0;
}
