import type { Pod } from '../cluster/objects.ts';
import { judgePods, type PodsVerdict } from '../gates/pods.ts';
import type { Situation } from './decide.ts';
import { type MemberView, replicaSetOf, replicasOf } from './member.ts';
import { ownedBy } from './observation.ts';

/** What the pods of a member's current revision say; `since` when they are judged, in milliseconds since 1970. */
export function podsOf(
  { current, member, rollout }: MemberView,
  { journal, observation, now, plan }: Situation,
  since: number,
): PodsVerdict {
  const set = rollout && current ? replicaSetOf(observation, rollout, current) : undefined;
  if (!rollout || !set) return { verdict: 'unknown', final: false, reason: 'its ReplicaSet is not there' };
  const pods = [...observation.pods.values()].filter((pod) => ownedBy(pod, set.metadata.uid));
  // Those that a rollback comes back to have served for a long time: what befell them then is nothing new.
  const judged = journal.ask === 'rollback' ? pods.map(withoutPast) : pods;
  // Of a canary there are as many as its weight gives it.
  const wanted = member.canary ? (set.spec.replicas ?? 0) : replicasOf(rollout);
  return judgePods(judged, wanted, plan.policy.podHealth, since, now);
}

function withoutPast(pod: Pod): Pod {
  const containerStatuses = (pod.status?.containerStatuses ?? []).map(({ lastState: _, ...container }) => ({
    ...container,
    restartCount: 0,
  }));
  return { ...pod, status: { ...pod.status, initContainerStatuses: [], containerStatuses } };
}
