import type { Action } from '../core/decide.ts';
import type { Journal } from '../core/journal.ts';

/** What each phase does. */
export const PHASE_WORDS: Readonly<Record<Exclude<Journal['phase'], 'over'>, string>> = {
  preparing: 'waiting until every member is prepared',
  switching: 'every member is prepared: switching',
  verifying: 'every member is live on its new revision: verifying',
  settling: 'every verdict is in: the set stays, ending the holds',
  returning: 'bringing every member back to its old revision',
};

/** What an act does. */
export function describe(action: Action): string {
  switch (action.act) {
    case 'forget-run':
      return `delete ${action.run}, the analysis of an earlier try of ${action.member}`;
    case 'retry':
      return `give ${action.member}, revision ${action.hash}, another try through its gates`;
    case 'promote':
      return `promote ${action.member}, revision ${action.hash} only`;
    case 'abort':
      return `abort ${action.member}, revision ${action.hash} only`;
    case 'end-hold':
      return `end the hold of ${action.member} (${action.run})`;
    case 'point-service':
      return `put Service ${action.service} on revision ${action.hash} without the controller`;
    case 'restore-template':
      return `put the old template back into ${action.member}`;
    case 'retire':
      return `scale the rejected ReplicaSet ${action.replicaSet} to 0`;
    case 'collect':
      return `keep what the pods of ${action.replicaSet} leave behind`;
    case 'nudge':
      return `make the controller look at ${action.member} again`;
    case 'claim':
      return `take over ${action.kind} ${action.name} from run ${action.from} for run ${action.epoch}`;
    case 'check':
      return `ask health check ${action.check}`;
    case 'refresh':
      return 'list everything afresh';
  }
}

/** How a release ended. */
export function resultWords({ outcome, cause }: Journal): string {
  switch (outcome) {
    case 'promoted':
      return 'promoted: every member is live and stable on its new revision';
    case 'unchanged':
      return 'unchanged: every member is already live and stable on the wanted revision';
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
