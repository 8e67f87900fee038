import { POD_HASH } from '../cluster/objects.ts';
import type { Journal, Outcome } from '../core/journal.ts';
import { type MemberView, replicasOf } from '../core/member.ts';
import { shareOf } from '../core/serving.ts';

/**
 * What a person should do after an outcome: sentences and exact commands, none where nothing is left to do.
 * @param gitIsSeenTo whether Git has been brought back already, or it was said how
 */
export function nextSteps(
  outcome: Outcome,
  journal: Journal,
  views: readonly MemberView[],
  namespace: string,
  gitIsSeenTo = false,
): string[] {
  switch (outcome) {
    case 'stuck':
      return views.flatMap((view) => unstick(view, journal.members[view.member.name]?.from, namespace));
    case 'refused':
      return afterRefusal(views, gitIsSeenTo);
    case 'promoted':
      return whileOldPodsAreUp(journal, views);
    case 'rolled-back':
    case 'restored':
      return gitIsSeenTo ? [] : [REJECTED];
    case 'superseded':
      return ['run promote again with the newer manifests'];
    default:
      return [];
  }
}

/** Until when the old pods stay up, which is good for going back and a trap for who applies the old version again. */
function whileOldPodsAreUp(journal: Journal, views: readonly MemberView[]): string[] {
  const changed = views.filter(({ member }) => {
    const { from, to } = journal.members[member.name] ?? {};
    return from && from !== to;
  });
  const canaries = changed.flatMap(({ member }) =>
    member.canary && member.canary.routed === undefined ? [member.name] : [],
  );
  const delays = changed
    .filter(({ member }) => !member.canary)
    .map(({ rollout }) => rollout?.spec.strategy?.blueGreen?.scaleDownDelaySeconds ?? 30);
  const back = canaries.length === 0 ? 'is instant' : `goes through the gates, for ${canaries.join(', ')} keeps none`;
  if (delays.length === 0) return [];
  // The controller counts from when it settles a member, and never takes old pods down when the delay is 0.
  const until = delays.includes(0)
    ? 'the next release'
    : new Date(journal.since + Math.max(...delays) * 1000).toISOString().slice(0, 19).replace('T', ' ').concat(' UTC');
  return [
    `until ${until} the old pods stay up: \`rollback\` ${back}; the old version applied again before then goes live at once, past every gate`,
  ];
}

const REJECTED =
  'what Git asks for is still the version that was taken back: put the former image pins back, render and apply them, or fix forward with a new version';

function afterRefusal(views: readonly MemberView[], gitIsSeenTo: boolean): string[] {
  if (gitIsSeenTo) return [];
  if (views.some((view) => view.stage === 'outdated'))
    return ['apply these manifests, then run the same command again'];
  if (views.some((view) => view.stage === 'unobserved')) {
    return [
      'see why the Argo Rollouts controller does not act: kubectl get pods -A -l app.kubernetes.io/name=argo-rollouts',
    ];
  }
  return [REJECTED];
}

function unstick(
  { member, rollout, active, stable }: MemberView,
  from: string | undefined,
  namespace: string,
): string[] {
  const patched = (service: string) =>
    `kubectl -n ${namespace} patch service ${service} --type merge -p '{"spec":{"selector":{"${POD_HASH}":"${from}"}}}'`;
  const abort = `kubectl argo rollouts -n ${namespace} abort ${member.name}`;
  if (member.canary?.routed !== undefined && rollout && from) {
    const { activeService, name, previewService } = member;
    return [
      `${name}: the router gives preview Service ${previewService} ${shareOf(rollout)} % of the traffic, stable is ${stable ?? 'unknown'}, before this release it was ${from}`,
      abort,
      ...[activeService, ...(previewService ? [previewService] : [])].map(patched),
    ];
  }
  const gives = member.canary ? 'is given to' : 'selects';
  const truth = `${member.name}: active Service ${member.activeService} ${gives} ${active ?? 'no revision'}, stable is ${stable ?? 'unknown'}, before this release it was ${from ?? 'nothing'}`;
  if (member.canary && rollout && from) {
    return [
      truth,
      abort,
      `kubectl -n ${namespace} scale replicaset ${member.name}-${from} --replicas ${replicasOf(rollout)}`,
    ];
  }
  if (!rollout || !from || active === from) return [truth];
  return [truth, patched(member.activeService), abort];
}
