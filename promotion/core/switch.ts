import type { Member, Plan } from '../plan/plan.ts';
import { type Action, causeOf, enter, goBack, type Situation, type Step } from './decide.ts';
import type { MemberView } from './member.ts';

/**
 * Promotes the members, one order after the other; those of one order at the same time. An order is done when each of
 * its active Services is read back on the new revision with ready endpoints of nothing else. A promote that the
 * controller lost shows as a member that is prepared again, and is repeated on the same revision.
 */
export function switchOver(s: Situation): Step {
  const { plan, views, journal, now } = s;
  const cause = views.map(causeOf).find((c) => c !== undefined);
  if (cause) return goBack(s, cause);
  const orders = [...new Set(views.map((v) => v.member.order))];
  const next = orders
    .map((order) => views.filter((v) => v.member.order === order && !isLive(v)))
    .find((group) => group.length > 0);
  if (!next) return enter(journal, 'verifying', now);
  const deadline = journal.since + secondsToSwitch(plan) * 1000;
  if (now >= deadline) {
    return goBack(s, {
      code: 'not-switched-in-time',
      message: `not switched in time: ${next.map((v) => `${v.member.name}: ${v.reason}`).join('; ')}`,
    });
  }
  const actions = next
    .filter((v) => v.stage === 'prepared')
    .flatMap((v) => promoteAction(v, journal.members[v.member.name]?.uid));
  return { actions, wakeAt: deadline };
}

/** How long the switch of all orders may take, in seconds: what a canary's steps take comes on top. */
export function secondsToSwitch({ members, policy }: Plan): number {
  const longest = new Map<number, number>();
  for (const { canary, order } of members) longest.set(order, Math.max(longest.get(order) ?? 0, canary?.seconds ?? 0));
  return [...longest.values()].reduce((sum, seconds) => sum + policy.timeouts.switchSeconds + seconds, 0);
}

function isLive(view: MemberView): boolean {
  return view.stage === 'held' || view.stage === 'settled';
}

/** The promote of the member's current revision, if that is known to be the one that was judged. */
export function promoteAction({ member, rollout, current }: MemberView, uid: string | undefined): Action[] {
  const generation = rollout?.metadata.generation;
  return current && uid && generation !== undefined
    ? [{ act: 'promote', member: member.name, uid, generation, hash: current, ...stepOf(member) }]
    : [];
}

function stepOf({ canary }: Member): { step?: number } {
  return canary ? { step: canary.promotion } : {};
}
