import { type Action, causeOf, end, goBack, type Situation, type Step } from './decide.ts';
import { type MemberView, postAnalysisOf } from './member.ts';
import type { Observation } from './observation.ts';

/** The set stays: ends every hold at once, and is over when every member is live and stable on its new revision. */
export function settle(s: Situation): Step {
  const { plan, views, journal, now } = s;
  const cause = views.map(causeOf).find((c) => c !== undefined);
  if (cause) return goBack(s, cause);
  const open = views.filter((v) => v.stage !== 'settled');
  if (open.length === 0) return end(s, journal.ask === 'rollback' ? 'restored' : 'promoted');
  const deadline = journal.since + plan.policy.timeouts.settleSeconds * 1000;
  if (now >= deadline) {
    return goBack(s, {
      code: 'not-settled-in-time',
      message: `not settled in time: ${open.map((v) => `${v.member.name}: ${v.reason}`).join('; ')}`,
    });
  }
  return { actions: open.flatMap((v) => endHold(v, s)), wakeAt: deadline };
}

function endHold(view: MemberView, { observation }: Situation): Action[] {
  return view.stage === 'held' ? endHoldOf(view, observation) : [];
}

/** Ends the analysis after the switch of the revision that a member runs now, if that is under way. */
export function endHoldOf(view: MemberView, observation: Observation): Action[] {
  const run = postAnalysisOf(view, observation);
  if (!run?.metadata.uid || !view.current || run.spec.terminate) return [];
  if (!['Running', 'Pending', ''].includes(run.status?.phase ?? '')) return [];
  return [
    { act: 'end-hold', member: view.member.name, run: run.metadata.name, uid: run.metadata.uid, hash: view.current },
  ];
}
