import { POD_HASH } from '../cluster/objects.ts';
import type { Journal, Outcome } from '../core/journal.ts';
import type { MemberView } from '../core/member.ts';

/** What a person should do after an outcome: sentences and exact commands, none where nothing is left to do. */
export function nextSteps(
  outcome: Outcome,
  journal: Journal,
  views: readonly MemberView[],
  namespace: string,
): string[] {
  switch (outcome) {
    case 'stuck':
      return views.flatMap((view) => unstick(view, journal.members[view.member.name]?.from, namespace));
    case 'refused':
      return [afterRefusal(views)];
    case 'rolled-back':
      return [REJECTED];
    case 'superseded':
      return ['run promote again with the newer manifests'];
    default:
      return [];
  }
}

const REJECTED =
  'the manifests in Git still ask for the rejected version: put the former image pins back, render and apply them, or fix forward with a new version';

function afterRefusal(views: readonly MemberView[]): string {
  if (views.some((view) => view.stage === 'outdated')) return 'apply these manifests, then run the same command again';
  if (views.some((view) => view.stage === 'unobserved')) {
    return 'see why the Argo Rollouts controller does not act: kubectl get pods -A -l app.kubernetes.io/name=argo-rollouts';
  }
  return REJECTED;
}

function unstick(
  { member, rollout, active, stable }: MemberView,
  from: string | undefined,
  namespace: string,
): string[] {
  const truth = `${member.name}: active Service ${member.activeService} selects ${active ?? 'no revision'}, stable is ${stable ?? 'unknown'}, before this release it was ${from ?? 'nothing'}`;
  if (!rollout || !from || active === from) return [truth];
  return [
    truth,
    `kubectl -n ${namespace} patch service ${member.activeService} --type merge -p '{"spec":{"selector":{"${POD_HASH}":"${from}"}}}'`,
    `kubectl argo rollouts -n ${namespace} abort ${member.name}`,
  ];
}
