import type { Outcome } from '../core/journal.ts';

export type Level = 'info' | 'warning' | 'error';

/** Every code that a command can report, what it means, and its level: the one registry that docs/events.md is made from. */
export const EVENTS = {
  STARTED: {
    level: 'info',
    meaning: 'A run began. `data`: ask (the command), release, version, namespace, members in the order of the switch.',
  },
  RESUMED: { level: 'info', meaning: 'The run ends or goes on with what an earlier one left. `data.phase`.' },
  PHASE: {
    level: 'info',
    meaning: 'The release entered another phase. `data.phase` is one of the phases of ARCHITECTURE.md.',
  },
  MEMBER: {
    level: 'info',
    meaning: 'A member reached another stage, or waits for something else. `data`: stage, current, stable, active.',
  },
  ACT: {
    level: 'info',
    meaning: 'A write was accepted by the API server. `data` is the write with its preconditions.',
  },
  WOULD: { level: 'info', meaning: 'A write that a dry run did not send. `data` as in ACT.' },
  ACT_REFUSED: {
    level: 'warning',
    meaning:
      'A write was refused because its precondition did not hold any more; the release is judged again. `data` as in ACT.',
  },
  ACT_FAILED: {
    level: 'warning',
    meaning: 'A write failed for another reason and is repeated while it is still wanted. `data` as in ACT.',
  },
  CHECK: { level: 'info', meaning: 'A health check or a query has its verdict. `data`: check, verdict.' },
  BLIND: { level: 'warning', meaning: 'The cluster does not answer; nothing is decided until it does. `data.since`.' },
  GOING_BACK: { level: 'error', meaning: 'The release will not go live, and why. `data.cause`.' },
  EVIDENCE: { level: 'info', meaning: 'Where the evidence of this run is. `data.folder`.' },
  EVIDENCE_FAILED: {
    level: 'warning',
    meaning:
      'Some of the evidence could not be collected or written; the release goes on without it. `data`: what, error.',
  },
  BUG: { level: 'error', meaning: 'A bug of this tool; please send it. `data`: error, stack, journal.' },
  JOURNAL_UNREADABLE: {
    level: 'warning',
    meaning:
      'What an earlier run wrote down is damaged, contradicts the cluster or is of another version; the live objects are judged anew.',
  },
  NEXT: { level: 'info', meaning: 'What a person should do next; one command or sentence an event.' },
  STATUS: {
    level: 'info',
    meaning:
      'How a release stands, by the command `status`; a warning when something is to look at. `data`: release, version, namespace, at, members, findings.',
  },
  PREFLIGHT: {
    level: 'info',
    meaning:
      'One thing that a release needs, by the command `preflight`; a warning when it cannot be seen, an error when it is missing. `data`: area, subject, verdict, message.',
  },
  REHEARSAL: {
    level: 'info',
    meaning:
      'One event of the contract, by the command `rehearse`; an error when a promise does not hold, with the seed that shows it. `data`: event, verdict (holds, broken, not-played), runs, broken, seed, reason.',
  },
  FINDING: {
    level: 'warning',
    meaning: 'What the manifests leave unguarded, by the command `rehearse`.',
  },
  RESULT: {
    level: 'info',
    meaning:
      'The last event of a run. `data`: outcome, exitCode, release, members (name, from, to, active, stable), durationMs, apiRequests. Of `rehearse`: outcome (`holds` or `broken`), exitCode, release.',
  },
} as const satisfies Record<string, { level: Level; meaning: string }>;

export type EventCode = keyof typeof EVENTS;

/** One line of `--output json`. */
export interface RunEvent {
  /** RFC 3339 with milliseconds. */
  readonly time: string;
  readonly code: EventCode;
  readonly level: Level;
  readonly member?: string;
  readonly message: string;
  readonly data?: unknown;
}

/** What a run ended with: the `data` of its RESULT event. */
export interface Result {
  readonly outcome: Outcome;
  readonly exitCode: number;
  readonly release: string;
  readonly members: readonly {
    readonly name: string;
    /** Pod-template hashes, null where there is none: stable before, asked for, live now, stable now. */
    readonly from: string | null;
    readonly to: string | null;
    readonly active: string | null;
    readonly stable: string | null;
  }[];
  readonly durationMs: number;
  readonly apiRequests: number;
}

export type Emit = (event: RunEvent) => void;
