import type { Outcome } from '../core/journal.ts';

export type Level = 'info' | 'warning' | 'error';

/** Every code that a command can report, what it means, and its level: the one registry that docs/events.md is made from. */
export const EVENTS = {
  STARTED: {
    level: 'info',
    meaning: 'A run began. `data`: ask (the command), release, version, namespace, members in the order of the switch.',
  },
  RESUMED: { level: 'info', meaning: 'The run ends or goes on with what an earlier one left. `data.phase`.' },
  LOCK_WAIT: {
    level: 'info',
    meaning:
      'Another run holds the release, and is waited for as long as `--lock-timeout` says. `data`: holder, since.',
  },
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
  GIT: {
    level: 'info',
    meaning:
      'How it stands with Git after a release went back. `data`: state (reverted, proposed, moved-on), commit, reverts, branch.',
  },
  GIT_FAILED: {
    level: 'error',
    meaning:
      'Git still asks for what was taken back, and why; the NEXT events say what to do. `data.outcome`: conflict, moved, refused, denied, unreachable, no-repository, no-branch, no-identity or failed.',
  },
  ARGO_CD: {
    level: 'info',
    meaning:
      'What Argo CD was made to do, or has done: its automated sync suspended or restored, a commit synced, Git and cluster compared. `data`: application, commit.',
  },
  ARGO_CD_FAILED: {
    level: 'warning',
    meaning:
      'Argo CD did not do what it should, or could not be asked; the release is back all the same. `data` as in ARGO_CD.',
  },
  EVIDENCE: { level: 'info', meaning: 'Where the evidence of this run is. `data.folder`.' },
  EVIDENCE_FAILED: {
    level: 'warning',
    meaning:
      'Some of the evidence could not be collected or written; the release goes on without it. `data`: what, error.',
  },
  TIDY_FAILED: {
    level: 'warning',
    meaning:
      'Hashed ConfigMaps that nothing needs any more could not be looked for, marked or deleted; the release is as it is, and the next one tries again. `data.error`.',
  },
  NOTIFY_FAILED: {
    level: 'warning',
    meaning:
      'Somebody whom the release policy names could not be told; the release goes on. `data`: sink, reason. What shows only after RESULT goes to stderr.',
  },
  SENTRY: {
    level: 'info',
    meaning:
      'What the command `sentry-receiver` does: it listens, has taken over an alert, or ends. `data`, of an alert: fingerprint, is (bad, over), isCritical, delivery.',
  },
  SENTRY_REFUSED: { level: 'warning', meaning: 'A request that `sentry-receiver` did not take over, and why.' },
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
  DIFF: {
    level: 'info',
    meaning:
      'What applying a folder would change, by the command `diff`; a warning when there is something. `data`: new, changed (object, fields with path, before, after), notRendered, conflicts (object, path, manager), refused (object, reason), newRevisions, newJobs.',
  },
  HEALTH: {
    level: 'info',
    meaning:
      'One thing about a public path, by the command `health-check`; a warning when its certificate soon runs out, an error when it is not well. `data`: path, url, aspect (answer, certificate, redirect), verdict (pass, warning, fail), message, version, milliseconds, validUntil.',
  },
  PERFORMANCE: {
    level: 'info',
    meaning:
      'One answer about a new version under load, by the command `load-gate`; a warning when it is unknown, an error when it is bad. `data`: question (errors, duration, ratio), verdict (pass, fail, unknown), value (percent, seconds, times; null without a measurement), limit, samples.',
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
  FROZEN: {
    level: 'warning',
    meaning: 'A freeze is in force, and is broken for the reason given. `data`: reason, until (of the freeze).',
  },
  PIN: { level: 'info', meaning: 'Something to know about pins, by the command `pin`.' },
  CHANGED: {
    level: 'info',
    meaning:
      'What a command changed in the repository. `data`: outcome (`changed` with files, `pushed` with commit, branch and open, `unchanged`).',
  },
  QUARANTINED: {
    level: 'info',
    meaning: 'One image in quarantine, by the command `quarantine list`. `data`: its entry, isInForce.',
  },
  AUDIT: {
    level: 'info',
    meaning:
      'By the command `audit`: one line of a record (`data`: its fields), what is wrong with one (`data`: file, line, kind), or how well it delivers (`data`: overlay, from, until, deploymentFrequency, leadTime, changeFailureRate and timeToRestore, each with samples and either value and unit or unknown; unrestored).',
  },
  RECORDED: {
    level: 'info',
    meaning: 'The end of this run is in the record of the repository. `data`: outcome, commit, branch, open.',
  },
  RECORD_FAILED: {
    level: 'warning',
    meaning:
      'The end of this run could not be recorded in the repository; nothing else depends on it. `data`: outcome.',
  },
  RESULT: {
    level: 'info',
    meaning:
      'The last event of a run. `data`: outcome, exitCode, release, members (name, from, to, active, stable), durationMs, apiRequests. Of `rehearse`: outcome (`holds` or `broken`), exitCode, release. Of `load-gate`: outcome (`pass`, `fail` or `unknown`), exitCode, findings, requests, seconds, why.',
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
