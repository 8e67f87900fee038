import type { Action } from './decide.ts';

/**
 * What a release has decided so far. Everything else is derived from the live objects at each step, so this is all that
 * a resumed run needs; it is written before the acts that rest on it.
 */
export interface Journal {
  /** What the release was asked for. */
  readonly ask: Ask;
  readonly phase: Phase;
  /** When the phase began, in milliseconds since 1970. */
  readonly since: number;
  /** When every member was first seen prepared; the judgement is repeated on a fresh listing before the first write. */
  readonly preparedAt?: number;
  /** Since when nothing but autoscalers to be given back keeps the release from being over. */
  readonly closingSince?: number;
  /**
   * While the controller owes an answer: the versions of the members' Rollouts and Services, and when they last changed, in
   * milliseconds since 1970; 0 if they have not since they were noted.
   */
  readonly written?: { readonly mark: string; readonly at: number };
  readonly members: Readonly<Record<string, MemberJournal>>;
  /** Why the release goes back, once it does. */
  readonly cause?: Cause;
  readonly outcome?: Outcome;
}

/** What a person can ask of a release; each is a command. */
export type Ask =
  /** Take the set live. */
  | 'promote'
  /** Bring a set back that has not settled. */
  | 'abort'
  /** Bring a settled set back to the release before it. */
  | 'rollback'
  /** Let a set stay that is live already: verify it and end its holds. */
  | 'settle';

/** The states of a release. */
export type Phase =
  /** Waiting until every member is prepared. */
  | 'preparing'
  /** Promoting members, one order after the other. */
  | 'switching'
  /** All switched and held; the verdicts come in. */
  | 'verifying'
  /** Decided: the holds are ended and every member becomes stable. */
  | 'settling'
  /** Decided: every member goes back to its old revision. */
  | 'returning'
  /** Over: `outcome` says how. */
  | 'over';

export interface MemberJournal {
  /** The Rollout that was judged. */
  readonly uid: string;
  /** The pod-template hash that was stable before this release; absent on a first deployment. */
  readonly from?: string;
  /** The pod-template hash that was judged, known once the controller has taken up the plan's template. */
  readonly to?: string;
  /** Whether its active Service was seen, or asked to be, on `to` while `from` was something else. */
  readonly switched: boolean;
  /** Already on the wanted revision when the release began. */
  readonly unchanged: boolean;
  /**
   * Aborted when the release began, by an earlier one: its revision gets another try, through all of its gates.
   */
  readonly wasAborted?: boolean;
  /** The `status.abortedAt` of that abort, which tells it from a later one. */
  readonly abortedAt?: string;
  /** Since when the controller has had something of it to take up, in milliseconds since 1970. */
  readonly owedSince?: number;
  /** When each act was first asked for, in milliseconds since 1970. */
  readonly asked: Readonly<Partial<Record<Act, number>>>;
}

/** The acts on a member that a decision can ask for. */
export type Act = Exclude<Extract<Action, { member: string }>['act'], 'claim' | 'nudge' | 'collect'>;

/** Why a release goes back or is refused. */
export interface Cause {
  readonly code:
    | 'gate-failed'
    | 'gate-unknown'
    | 'not-prepared-in-time'
    | 'not-switched-in-time'
    | 'not-verified-in-time'
    | 'not-settled-in-time'
    | 'hold-expiring'
    | 'aborted'
    | 'withdrawn'
    | 'superseded'
    | 'unguarded'
    | 'interrupted'
    /** A person asked for it. */
    | 'asked';
  readonly member?: string;
  readonly message: string;
}

export type Outcome =
  | 'promoted'
  | 'unchanged'
  | 'restored'
  | 'usage'
  | 'refused'
  | 'rolled-back'
  | 'stuck'
  | 'superseded'
  | 'locked'
  | 'unreachable'
  | 'internal'
  | 'interrupted';

/** The exit code of each outcome: the command contract. */
export const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  promoted: 0,
  unchanged: 0,
  restored: 0,
  usage: 2,
  refused: 3,
  'rolled-back': 4,
  stuck: 5,
  superseded: 6,
  locked: 7,
  unreachable: 8,
  internal: 70,
  interrupted: 130,
};
