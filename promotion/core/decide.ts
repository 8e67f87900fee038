import type { ManagedFields, PodTemplate } from '../cluster/objects.ts';
import type { Watched } from '../cluster/port.ts';
import type { Plan } from '../plan/plan.ts';
import { fenced } from './fence.ts';
import type { Ask, Cause, Journal, MemberJournal, Outcome, Phase } from './journal.ts';
import { type MemberView, owesAnswer, viewOf } from './member.ts';
import type { Observation } from './observation.ts';
import { type Pin, unpin } from './pin.ts';
import { prepare } from './prepare.ts';
import { giveBack } from './return.ts';
import { settle } from './settle.ts';
import { switchOver } from './switch.ts';
import { verify } from './verify.ts';

/** What is asked of a member only while it runs exactly this revision and has exactly this spec. */
export interface OnSpec {
  readonly member: string;
  readonly uid: string;
  readonly generation: number;
  readonly hash: string;
}

/** One thing to do, with the preconditions that the API server checks. */
export type Action =
  /** Put this run's number on an object that it may write, if the object is still as it was seen. */
  | {
      readonly act: 'claim';
      readonly member: string;
      readonly kind: Watched;
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      /** The number that it carries now. */
      readonly from: number;
      readonly epoch: number;
      readonly isFirstAnnotation: boolean;
    }
  /** Delete the AnalysisRun of an earlier try: the controller would take it for the judgement of the next. */
  | { readonly act: 'forget-run'; readonly member: string; readonly run: string; readonly uid: string }
  /** Take back an earlier abort, of exactly this revision: it goes through its gates once more. */
  | { readonly act: 'retry'; readonly member: string; readonly uid: string; readonly hash: string }
  /** End the pause before the switch; `step`: of a canary, the step at which it is paused. */
  | ({ readonly act: 'promote'; readonly step?: number } & OnSpec)
  /** Take it live at once, past every step of a canary: the old revision, which was good before. */
  | ({ readonly act: 'promote-full' } & OnSpec)
  /** Ask the controller to abort it. */
  | ({ readonly act: 'abort' } & OnSpec)
  /** End the hold: terminate exactly this AnalysisRun of this revision, the new one that settles or the old one that is back. */
  | {
      readonly act: 'end-hold';
      readonly member: string;
      readonly run: string;
      readonly uid: string;
      readonly hash: string;
    }
  /** Put the active Service on the old revision `hash` without the controller, if its selector is still `selector`. */
  | {
      readonly act: 'point-service';
      readonly member: string;
      readonly service: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly selector: Readonly<Record<string, string>>;
      readonly hash: string;
    }
  /** Put the template of the old revision back into the Rollout. */
  | ({ readonly act: 'restore-template'; readonly template: PodTemplate } & OnSpec)
  /** Leave the fields of a spec that this tool wrote to whoever applied it. */
  | {
      readonly act: 'hand-over';
      readonly member: string;
      readonly kind: 'rollouts' | 'autoscalers';
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly managedFields: readonly ManagedFields[];
    }
  /** Set both bounds of an autoscaler to the number of pods that there is, and note on it what they were. */
  | {
      readonly act: 'pin';
      readonly member: string;
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly pin: Pin;
    }
  /** Take the note away, and with `bounds` give the autoscaler those back. */
  | {
      readonly act: 'unpin';
      readonly member: string;
      readonly name: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly bounds?: Pick<Pin, 'minReplicas' | 'maxReplicas'>;
    }
  /** Scale the ReplicaSet of the old revision of a canary to all of its pods, without the controller. */
  | {
      readonly act: 'refill';
      readonly member: string;
      readonly replicaSet: string;
      readonly uid: string;
      readonly resourceVersion: string;
      readonly replicas: number;
    }
  /** Scale a rejected ReplicaSet to 0, so that nothing takes it live again without its gates. */
  | {
      readonly act: 'retire';
      readonly member: string;
      readonly replicaSet: string;
      readonly uid: string;
      /** It may have gone live meanwhile, by somebody's `retry`: then it is another object. */
      readonly resourceVersion: string;
    }
  /** Keep what the pods of a rejected ReplicaSet leave behind, before it is retired. */
  | { readonly act: 'collect'; readonly member: string; readonly replicaSet: string }
  /** Change nothing but an annotation, so that the controller looks at the Rollout again; see `owesAnswer`. */
  | { readonly act: 'nudge'; readonly member: string; readonly uid: string }
  /** Ask a health check or a query of the policy, or whether a member can still go back. */
  | { readonly act: 'check'; readonly check: string }
  /** List everything afresh, so that no decision rests on a lagging watch. */
  | { readonly act: 'refresh' };

export interface Decision {
  /** To be kept before `actions` are carried out; the same object when nothing was decided. */
  readonly journal: Journal;
  readonly actions: readonly Action[];
  readonly views: readonly MemberView[];
  /** When to decide again although nothing changed, in milliseconds since 1970. */
  readonly wakeAt?: number;
}

/** What the function of a phase returns: what to do and wait for in this phase, or the journal of the next one. */
export type Step =
  | { readonly actions?: readonly Action[]; readonly journal?: Journal; readonly wakeAt?: number }
  | { readonly next: Journal };

/** What every phase decides from. */
export interface Situation {
  readonly plan: Plan;
  readonly journal: Journal;
  readonly views: readonly MemberView[];
  readonly observation: Observation;
  readonly now: number;
}

const PHASES: Readonly<Record<Exclude<Phase, 'over'>, (s: Situation) => Step>> = {
  preparing: prepare,
  switching: switchOver,
  verifying: verify,
  settling: settle,
  returning: giveBack,
};

/** The journal of a release that has not begun. */
export function newJournal(now: number, ask: Ask = 'promote'): Journal {
  return { ask, phase: 'preparing', since: now, members: {} };
}

/**
 * The next acts of a release: a pure function of the plan, what is seen, what was decided before, and the time.
 * Called again after every change, it never waits and never acts. `epoch` is the number of the run, which rises with each.
 */
export function decide(plan: Plan, observation: Observation, before: Journal, now: number, epoch: number): Decision {
  let journal = before;
  // Each phase passes on at most once, and only forward, except to `returning`, so this ends.
  for (;;) {
    journal = learn(plan, observation, journal, now);
    const views = plan.members.map((member) => viewOf(member, observation, journal.members[member.name]));
    if (journal.phase === 'over') return { journal, actions: [], views };
    let step = PHASES[journal.phase]({ plan, journal, views, observation, now });
    if ('next' in step) {
      const closing =
        step.next.phase === 'over' ? close({ plan, journal, views, observation, now }, step.next) : undefined;
      if (!closing) {
        journal = step.next;
        continue;
      }
      step = closing;
    }
    const nudges = nudgesFor(journal, views, now);
    const actions = fenced([...(step.actions ?? []), ...nudges.actions], views, observation, epoch);
    const wakeAt = Math.min(step.wakeAt ?? Number.POSITIVE_INFINITY, nudges.wakeAt);
    return {
      journal: noteAsked(step.journal ?? journal, actions, now),
      actions,
      views,
      ...(Number.isFinite(wakeAt) ? { wakeAt } : {}),
    };
  }
}

/** How long a release that is over waits for its autoscalers to have their bounds back, in milliseconds. */
const CLOSE_WITHIN = 30_000;

/** What is to be done before a release that has reached its end is over; undefined when it is, or that took too long. */
function close(s: Situation, { outcome }: Journal): Exclude<Step, { next: Journal }> | undefined {
  const actions = outcome === 'usage' ? [] : s.views.flatMap((view) => unpin(view, s));
  const closingSince = s.journal.closingSince ?? s.now;
  const wakeAt = closingSince + CLOSE_WITHIN;
  return actions.length === 0 || s.now >= wakeAt
    ? undefined
    : { actions, journal: { ...s.journal, closingSince }, wakeAt };
}

/** Enters what is newly known of each member: its identity and hashes, which later writes are pinned to. */
function learn(plan: Plan, observation: Observation, journal: Journal, now: number): Journal {
  let members = journal.members;
  for (const member of plan.members) {
    const known = members[member.name];
    const view = viewOf(member, observation, known);
    const learned = noteOwed(learnMember(view, known), view, now);
    if (learned !== known && learned) members = { ...members, [member.name]: learned };
  }
  const learned = members === journal.members ? journal : { ...journal, members };
  return noteWritten(plan, observation, learned, now);
}

function learnMember(view: MemberView, known: MemberJournal | undefined): MemberJournal | undefined {
  const { rollout, stage, current, stable, active } = view;
  if (!rollout?.metadata.uid) return known;
  let entry: MemberJournal = known ?? {
    uid: rollout.metadata.uid,
    ...(stable ? { from: stable } : {}),
    switched: false,
    unchanged: stage === 'settled',
    ...(stage === 'aborted' ? { wasAborted: true } : {}),
    asked: {},
  };
  // An abort that was under way when the release began is the one that it tries again, not another.
  const { abortedAt } = rollout.status ?? {};
  if (entry.wasAborted && !entry.abortedAt && abortedAt) entry = { ...entry, abortedAt };
  if (!entry.to) {
    if (['outdated', 'unobserved', 'invalid'].includes(stage) || !current) return entry;
    entry = { ...entry, to: current };
    // A revision that is stable although nothing else ever was is a first deployment: there is nothing to go back to.
    if (entry.from === current && !entry.unchanged) {
      const { from: _, ...firstDeployment } = entry;
      entry = firstDeployment;
    }
  }
  const live = active === entry.to && entry.from !== undefined && entry.from !== entry.to;
  return live && !entry.switched ? { ...entry, switched: true } : entry;
}

function noteOwed(entry: MemberJournal | undefined, { rollout }: MemberView, now: number): MemberJournal | undefined {
  const owes = rollout !== undefined && owesAnswer(rollout);
  if (!entry || owes === (entry.owedSince !== undefined)) return entry;
  const { owedSince: _, ...rest } = entry;
  return owes ? { ...rest, owedSince: now } : rest;
}

/** Notes when a Rollout of the set or its Service was last written, while the controller owes an answer: whether it is at work. */
function noteWritten(plan: Plan, o: Observation, journal: Journal, now: number): Journal {
  const { written, ...rest } = journal;
  if (!Object.values(journal.members).some(({ owedSince }) => owedSince !== undefined)) return written ? rest : journal;
  const versions = plan.members.flatMap(({ activeService, name }) => [
    o.rollouts.get(name)?.metadata.resourceVersion,
    o.services.get(activeService)?.metadata.resourceVersion,
  ]);
  const mark = versions.join(' ');
  if (mark === written?.mark) return journal;
  return { ...journal, written: { mark, at: written ? now : 0 } };
}

/** The controller answers well within the first; by the second it is down, and no nudge helps. In milliseconds. */
const NUDGE_AFTER = 700;
const NUDGE_UNTIL = 60_000;
/** While something is written, what is owed may be queued, for so long: a nudge would be one more thing in that queue. */
const QUEUED_AT_MOST = 10_000;

function nudgesFor(journal: Journal, views: readonly MemberView[], now: number): { actions: Action[]; wakeAt: number } {
  const actions: Action[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  const writtenAt = journal.written?.at ?? 0;
  for (const { member, rollout } of views) {
    const { owedSince, uid } = journal.members[member.name] ?? {};
    if (owedSince === undefined || !uid || !rollout || now >= owedSince + NUDGE_UNTIL) continue;
    const due = Math.min(Math.max(owedSince, writtenAt), owedSince + QUEUED_AT_MOST) + NUDGE_AFTER;
    if (now < due) wakeAt = Math.min(wakeAt, due);
    else actions.push({ act: 'nudge', member: member.name, uid });
  }
  return { actions, wakeAt };
}

function noteAsked(journal: Journal, actions: readonly Action[], now: number): Journal {
  let members = journal.members;
  for (const action of actions) {
    if (!('member' in action) || action.act === 'claim' || action.act === 'nudge' || action.act === 'collect') continue;
    const entry = members[action.member];
    if (!entry || entry.asked[action.act] !== undefined) continue;
    members = {
      ...members,
      [action.member]: {
        ...entry,
        switched: entry.switched || (action.act === 'promote' && action.hash === entry.to),
        asked: { ...entry.asked, [action.act]: now },
      },
    };
  }
  return members === journal.members ? journal : { ...journal, members };
}

/** The journal of the next phase. */
export function enter(journal: Journal, phase: Phase, now: number, more: Partial<Journal> = {}): { next: Journal } {
  const { closingSince: _, ...rest } = journal;
  return { next: { ...rest, phase, since: now, ...more } };
}

/** Decides that the release goes back. */
export function goBack({ journal, now }: Situation, cause: Cause): { next: Journal } {
  return enter(journal, 'returning', now, { cause });
}

/**
 * The journal after a person asked the run to stop: before the first switch it just ends, after it the set goes back,
 * and once it is decided that the set stays it goes on to the end.
 */
export function interrupt(journal: Journal, now: number): Journal {
  if (journal.phase === 'settling' || journal.phase === 'returning' || journal.phase === 'over') return journal;
  return enter(journal, 'returning', now, { cause: { code: 'interrupted', message: 'stopped by a signal' } }).next;
}

/** Ends the release. */
export function end({ journal, now }: Situation, outcome: Outcome, more: Partial<Journal> = {}): { next: Journal } {
  return enter(journal, 'over', now, { outcome, ...more });
}

/** The causes that stages stand for, wherever in a release they are met. */
export function causeOf(view: MemberView): Cause | undefined {
  const member = view.member.name;
  const message = `${member}: ${view.reason}`;
  switch (view.stage) {
    case 'superseded':
      return { code: 'superseded', member, message };
    case 'withdrawn':
      return { code: 'withdrawn', member, message };
    case 'aborted':
      return { code: 'aborted', member, message };
    case 'rejected':
      return { code: 'gate-failed', member, message };
    case 'unguarded':
      return { code: 'unguarded', member, message };
    default:
      return undefined;
  }
}
