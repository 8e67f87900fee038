import { type Reference, referencesOf } from '../plan/references.ts';
import type { Action, Situation } from './decide.ts';
import type { Cause } from './journal.ts';
import { type MemberView, replicaSetOf } from './member.ts';
import type { Observation } from './observation.ts';
import { secondsToSwitch } from './switch.ts';

/** How old the answer may be on which a switch rests, in milliseconds. */
const FRESH = 30_000;

/** What the question is called whether a member can still go back. */
export function wayBackOf(member: string): string {
  return `way back of ${member}`;
}

/** The member that such a question is about; undefined for any other question. */
export function memberAskedFor(question: string): string | undefined {
  return question.startsWith(wayBackOf('')) ? question.slice(wayBackOf('').length) : undefined;
}

/** What the pods of a member's stable revision cannot start without, each once. */
export function neededToGoBack(member: string, o: Pick<Observation, 'replicaSets' | 'rollouts'>): Reference[] {
  const rollout = o.rollouts.get(member);
  const set = rollout && replicaSetOf(o, rollout, rollout.status?.stableRS ?? '');
  const found = new Map((set ? referencesOf(set) : []).map((each) => [`${each.kind} ${each.name}`, each]));
  return [...found.values()];
}

/**
 * Whether every member that is about to switch can go back: what its old pods need must still be there, asked afresh, and
 * where nothing holds it the old pods must outlast everything that may still send it back.
 */
export function wayBack(s: Situation): { readonly cause: Cause } | { readonly actions: readonly Action[] } {
  const leaving = s.views.filter((view) => view.stage === 'prepared' && s.journal.members[view.member.name]?.from);
  for (const view of leaving) {
    const member = view.member.name;
    const verdict = s.observation.checks.get(wayBackOf(member));
    const short = goneTooSoon(view, s);
    if (short) return { cause: { code: 'gate-failed', member, message: `${member}: ${short}` } };
    if (verdict?.final && verdict.verdict !== 'pass') {
      const code = verdict.verdict === 'fail' ? 'gate-failed' : 'gate-unknown';
      return { cause: { code, member, message: `${member}: ${verdict.reason}` } };
    }
  }
  const open = leaving.map(({ member }) => wayBackOf(member.name)).filter((question) => !isFresh(question, s));
  return { actions: open.map((check) => ({ act: 'check' as const, check })) };
}

function isFresh(question: string, { now, observation }: Situation): boolean {
  const verdict = observation.checks.get(question);
  return verdict?.verdict === 'pass' && now - (verdict.at ?? 0) <= FRESH;
}

/** A member without a hold settles alone, and its old pods go when their delay is over, whatever becomes of the set. */
function goneTooSoon({ member, rollout }: MemberView, { plan }: Situation): string | undefined {
  const { scaleDownDelaySeconds: delay = 30 } = rollout?.spec.strategy?.blueGreen ?? {};
  // The controller never scales down with a delay of 0.
  if (member.isHeld || delay === 0) return undefined;
  const { returnSeconds, verifySeconds } = plan.policy.timeouts;
  const needed = secondsToSwitch(plan) + verifySeconds + returnSeconds;
  if (delay >= needed) return undefined;
  return `nothing holds it after its switch, and its old pods go after ${delay} s (scaleDownDelaySeconds), while switch, verification and return may take ${needed} s: give it ${needed} or more, or the hold`;
}
