import type { AnalysisRun, Event, Pod } from '../cluster/objects.ts';
import type { Journal } from '../core/journal.ts';
import type { MemberView } from '../core/member.ts';
import type { Plan } from '../plan/plan.ts';
import type { Result, RunEvent } from '../report/events.ts';

/** What is kept of one run; nothing in it holds a secret any more. */
export interface Bundle {
  readonly plan: Plan;
  readonly namespace: string;
  /** What the run told, oldest first. */
  readonly timeline: readonly RunEvent[];
  /** How everything stood when it was decided to go back, before anything was undone. */
  readonly decision?: Decision;
  /** Every AnalysisRun of the release's members that was seen, as it was seen last, also those deleted since. */
  readonly analyses: readonly AnalysisRun[];
  readonly answers: readonly Answer[];
  /** As they were seen last: those that are gone by now, too. */
  readonly pods: readonly Pod[];
  readonly events: readonly Event[];
  readonly logs: readonly Log[];
  readonly result?: Result & { readonly message: string };
}

export interface Decision {
  /** RFC 3339. */
  readonly at: string;
  readonly journal: Journal;
  readonly members: readonly (Pick<MemberView, 'stage' | 'reason' | 'current' | 'stable' | 'active'> & {
    readonly name: string;
  })[];
}

/** One try of a health check. */
export interface Answer {
  readonly check: string;
  /** When it was asked, RFC 3339. */
  readonly at: string;
  readonly durationMs: number;
  readonly status?: number;
  /** The beginning of the body. */
  readonly body?: string;
  /** Why there was no answer. */
  readonly error?: string;
}

/** The last lines of a container, or of its try before it restarted. */
export interface Log {
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
  readonly text: string;
}

/** A file by its name; its text is made when it is written, so that what is replaced before costs nothing. */
export type File = [name: string, text: () => string];

/** The files of a bundle but for its page. */
export function filesOf(bundle: Bundle): File[] {
  const { plan, result } = bundle;
  return [
    planFile(plan),
    ['timeline.jsonl', () => timelineText(bundle)],
    ...knownFiles(bundle),
    ...collectedFiles(bundle),
    ...bundle.logs.map(logFile),
    ...(result ? [['result.json', () => json(result)] as File] : []),
  ];
}

export const planFile = (plan: Plan): File => ['plan.json', () => json(plan)];

export function timelineText({ timeline }: Pick<Bundle, 'timeline'>): string {
  return timeline.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** What is known without asking for it. */
export function knownFiles({ decision, analyses, answers }: Bundle): File[] {
  return [
    ...(decision ? [['decision.json', () => json(decision)] as File] : []),
    ['analyses.json', () => json(analyses)],
    ['checks.json', () => json(answers)],
  ];
}

/** What the pods leave behind, without their logs. */
export function collectedFiles({ pods, events }: Pick<Bundle, 'pods' | 'events'>): File[] {
  return [
    ['pods.json', () => json(pods)],
    ['events.json', () => json(events)],
  ];
}

export const logFile = (log: Log): File => [`logs/${logName(log)}`, () => log.text];

/** `backend-6d4f-x2x-main-previous.log` */
export function logName({ pod, container, previous }: Omit<Log, 'text'>): string {
  return `${fileName(`${pod}-${container}`)}${previous ? '-previous' : ''}.log`;
}

/** Text as a name of one file: what came from elsewhere leads nowhere else. */
export function fileName(text: string): string {
  return text
    .replace(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 150);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
