import type { Rollout } from '../cluster/objects.ts';
import type { Plan } from '../plan/plan.ts';
import type { Journal } from './journal.ts';
import { isObserved, replicaSetOf } from './member.ts';
import type { Observation } from './observation.ts';

/**
 * The journal with which a run goes on where another stopped: its decisions stand, its clocks begin anew, since nobody
 * knows how long nobody was there. Holds keep their own time.
 */
export function resumed(journal: Journal, now: number): Journal {
  return { ...journal, since: now };
}

/**
 * The journal after a time, in milliseconds, in which the run could not act: it stood still, or the cluster did not answer.
 * That does not count against what must not end half-way, nor against a controller that nobody could nudge meanwhile.
 * Verification keeps its clock: what happened is still to be judged.
 */
export function afterLapse(journal: Journal, lapse: number): Journal {
  if (lapse <= 0) return journal;
  const mustEnd = journal.phase === 'settling' || journal.phase === 'returning';
  const members = Object.entries(journal.members).map(([name, { owedSince, ...entry }]) => [
    name,
    { ...entry, ...(owedSince === undefined ? {} : { owedSince: owedSince + lapse }) },
  ]);
  return { ...journal, since: journal.since + (mustEnd ? lapse : 0), members: Object.fromEntries(members) };
}

/**
 * The journal with which a run first ends what another left of different manifests: a set that was decided to stay is
 * settled, any other goes back. Undefined when nothing of it was switched, so that there is nothing to end.
 */
export function toBeEnded(journal: Journal, now: number): Journal | undefined {
  if (journal.phase === 'settling' || journal.phase === 'returning') return resumed(journal, now);
  if (!Object.values(journal.members).some((member) => member.switched)) return undefined;
  const cause = { code: 'superseded', message: 'the release before this one was left unfinished' } as const;
  return { ...resumed(journal, now), phase: 'returning', cause };
}

/**
 * The plan to end such a release by. Its own manifests are gone, so what a Rollout runs is what was wanted of it while
 * it is still on the revision that was judged.
 */
export function planToEnd(plan: Plan, journal: Journal, o: Observation): Plan {
  const isOnJudged = (rollout: Rollout, name: string) =>
    isObserved(rollout) && rollout.status?.currentPodHash === journal.members[name]?.to;
  return livePlan(plan, o, isOnJudged);
}

/** The plan of what the Rollouts run, whatever the manifests say: of all of them, or of those that `counts`. */
export function livePlan(
  plan: Plan,
  o: Observation,
  counts: (rollout: Rollout, member: string) => boolean = () => true,
): Plan {
  const members = plan.members.map((member) => {
    const rollout = o.rollouts.get(member.name);
    const template = rollout && counts(rollout, member.name) ? rollout.spec.template : undefined;
    return template ? { ...member, template } : member;
  });
  return { ...plan, members };
}

/**
 * What in a journal cannot be, as the cluster shows it, in words: a revision that none of the Rollout's ReplicaSets is. Traffic
 * must never be sent where a damaged journal says. Undefined when there is nothing.
 */
export function contradictionIn(journal: Journal, o: Observation): string | undefined {
  for (const [name, { uid, from, to }] of Object.entries(journal.members)) {
    const rollout = o.rollouts.get(name);
    if (rollout?.metadata.uid !== uid) continue; // another one: judged as superseded
    const hash = [from, to].find((hash) => hash !== undefined && !replicaSetOf(o, rollout, hash));
    if (hash !== undefined) return `${name} has no revision ${hash}`;
  }
  return undefined;
}
