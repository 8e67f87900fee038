import type { Ask, Cause, Outcome } from '../core/journal.ts';
import { type Moment, type Notifications, TOLD_OUTCOMES, type ToldOutcome } from '../plan/notifications.ts';
import type { Result, RunEvent } from '../report/events.ts';

/** One thing that people are told. What is secret in it is taken out when it is sent. */
export interface Message {
  /** The same however often it is sent. */
  readonly id: string;
  readonly moment: Moment | 'finding';
  /** RFC 3339. */
  readonly time: string;
  /** Whether nobody has to do or mind anything. */
  readonly isGood: boolean;
  /** What it is about, and what happened: one line. */
  readonly title: string;
  readonly text: string;
  /** What to do next: sentences and exact commands. */
  readonly next: readonly string[];
  readonly release: string;
  readonly namespace: string;
  /** Only of a promotion: other commands read the version of whatever manifests they are given. */
  readonly version?: string;
  readonly ask?: Ask;
  readonly outcome?: Outcome;
  /** Where the run that says so can be looked at. */
  readonly run?: string;
}

/** What every message of a run says. */
type Subject = Pick<Message, 'release' | 'namespace' | 'version' | 'ask'>;

/** Turns what a run tells, event by event, into the messages that are worth it. `id` is the run's. */
export function newTeller(id: string, run: string | undefined) {
  let subject: Subject = { release: 'release', namespace: '' };
  let next: string[] = [];
  let count = 0;

  return (event: RunEvent): Message | undefined => {
    if (event.code === 'STARTED') subject = subjectOf(event.data as Started);
    if (event.code === 'NEXT') next = [...next, event.message];
    const told = momentOf(event);
    if (!told) return undefined;
    count += 1;
    return {
      id: `${id}-${count}`,
      ...told,
      time: event.time,
      title: `${subject.release}${subject.version ? ` ${subject.version}` : ''}: ${wordsOf(told, subject.ask)}`,
      text: event.message,
      next: told.moment === 'ended' ? next : [],
      ...subject,
      ...(run ? { run } : {}),
    };
  };
}

/** The `data` of STARTED. */
interface Started {
  readonly ask: Ask;
  readonly release: string;
  readonly version: string | null;
  readonly namespace: string;
}

function subjectOf({ ask, release, version, namespace }: Started): Subject {
  return { ask, release, namespace, ...(version && ask === 'promote' ? { version } : {}) };
}

type Told = Pick<Message, 'isGood' | 'outcome'> & { readonly moment: Moment };

function momentOf({ code, data }: RunEvent): Told | undefined {
  switch (code) {
    case 'STARTED':
      return { moment: 'started', isGood: true };
    case 'PHASE':
      return (data as { phase: string }).phase === 'verifying' ? { moment: 'live', isGood: true } : undefined;
    case 'GOING_BACK':
      return { moment: 'returning', isGood: (data as { cause: Cause }).cause.code === 'asked' };
    case 'RESULT': {
      const { outcome, exitCode } = data as Result;
      return { moment: 'ended', isGood: exitCode === 0, outcome };
    }
    default:
      return undefined;
  }
}

function wordsOf({ moment, outcome }: Told, ask: Ask = 'promote'): string {
  switch (moment) {
    case 'started':
      return `${ask} started`;
    case 'live':
      return 'live, being verified';
    case 'returning':
      return 'going back';
    case 'ended':
      return (outcome ?? 'ended').replace('-', ' ');
  }
}

/** Whether a sink that wants these moments and outcomes is told that. */
export function isWanted(
  { moment, outcome }: Message,
  wanted: NonNullable<Notifications['slack'] | Notifications['webhook']>,
): boolean {
  if (moment === 'finding') return true;
  if (!wanted.moments.includes(moment)) return false;
  return outcome === undefined || (isTold(outcome) && wanted.outcomes.includes(outcome));
}

export function isTold(outcome: Outcome): outcome is ToldOutcome {
  return (TOLD_OUTCOMES as readonly Outcome[]).includes(outcome);
}
