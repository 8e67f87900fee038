import type { Action } from '../core/decide.ts';
import type { Ask, Journal } from '../core/journal.ts';
import type { ConfigWrite } from '../core/unneeded.ts';
import type { Plan } from '../plan/plan.ts';

const ASKED: Readonly<Record<Ask, string>> = {
  promote: 'promoting',
  abort: 'aborting the release of',
  rollback: 'rolling back',
  settle: 'settling',
};

/** What a run is about to do. */
export function startWords(ask: Ask, { members, policy: { version } }: Plan, namespace: string): string {
  const names = members.map((member) => member.name).join(', ');
  return `${ASKED[ask]} ${names}${version && ask === 'promote' ? ` to ${version}` : ''} in namespace ${namespace}`;
}

/** What each phase does. */
export const PHASE_WORDS: Readonly<Record<Exclude<Journal['phase'], 'over'>, string>> = {
  preparing: 'waiting until every member is prepared',
  switching: 'every member is prepared: switching',
  verifying: 'every member is live on its new revision: verifying',
  settling: 'every verdict is in: the set stays, ending the holds',
  returning: 'bringing every member back to its old revision',
};

/** What an act does. */
export function describe(action: Action | ConfigWrite): string {
  switch (action.act) {
    case 'forget-run':
      return `delete ${action.run}, the analysis of an earlier try of ${action.member}`;
    case 'retry':
      return `give ${action.member}, revision ${action.hash}, another try through its gates`;
    case 'promote':
      return `promote ${action.member}, revision ${action.hash} only`;
    case 'promote-full':
      return `take ${action.member} back to revision ${action.hash}, past its steps`;
    case 'refill':
      return `give ReplicaSet ${action.replicaSet} its ${action.replicas} pods back without the controller`;
    case 'abort':
      return `abort ${action.member}, revision ${action.hash} only`;
    case 'end-hold':
      return `end the hold of ${action.member} (${action.run})`;
    case 'point-service':
      return `put Service ${action.service} on revision ${action.hash} without the controller`;
    case 'restore-template':
      return `put the old template back into ${action.member}`;
    case 'hand-over':
      return `leave the spec of ${action.kind === 'rollouts' ? 'Rollout' : 'HorizontalPodAutoscaler'} ${action.name} to whoever applies its manifests`;
    case 'pin':
      return `keep HorizontalPodAutoscaler ${action.name} at ${action.pin.replicas} pods for the time of the switch`;
    case 'unpin':
      return action.bounds
        ? `give HorizontalPodAutoscaler ${action.name} its ${action.bounds.minReplicas} to ${action.bounds.maxReplicas} pods back`
        : `leave HorizontalPodAutoscaler ${action.name} as somebody has set it meanwhile`;
    case 'retire':
      return `scale the rejected ReplicaSet ${action.replicaSet} to 0`;
    case 'collect':
      return `keep what the pods of ${action.replicaSet} leave behind`;
    case 'nudge':
      return `make the controller look at ${action.member} again`;
    case 'claim':
      return `take over ${action.kind} ${action.name} from run ${action.from} for run ${action.epoch}`;
    case 'check':
      return `ask ${action.check}`;
    case 'refresh':
      return 'list everything afresh';
    case 'mark-config':
      return `mark ConfigMap ${action.name}, which nothing needs any more, to be deleted by a later run`;
    case 'keep-config':
      return `take the mark from ConfigMap ${action.name}, which is needed again`;
    case 'delete-config':
      return `delete ConfigMap ${action.name}, which nothing has needed since it was marked`;
  }
}

/** How a release ended. */
export function resultWords({ ask, outcome, cause }: Journal): string {
  switch (outcome) {
    case 'promoted':
      return 'promoted: every member is live and stable on its new revision';
    case 'unchanged':
      return 'unchanged: every member is already live and stable on the wanted revision';
    case 'restored':
      return ask === 'rollback'
        ? 'restored: every member is live and stable on the release before this one'
        : 'restored: every member is on its old revision, read back from its active Service';
    case 'refused':
      return `refused: ${cause?.message}`;
    case 'rolled-back':
      return `rolled back: ${cause?.message}; every member is back on its old revision`;
    case 'superseded':
      return `superseded: ${cause?.message}; nothing of the newer revision was promoted`;
    case 'interrupted':
      return 'interrupted before the first switch: every member is where it was, run the same command to go on';
    case 'stuck':
      return `stuck: ${cause?.message}; neither all new nor all old, a person must act`;
    default:
      return `${outcome}${cause ? `: ${cause.message}` : ''}`;
  }
}
