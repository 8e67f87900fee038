import { EXIT_CODES } from '../core/journal.ts';
import type { Ending } from './play.ts';
import type { Version } from './versions.ts';

/** Where the set must be at the end, read from the API server. */
export type Guarantee =
  /** Every member live and stable on the new version. */
  | 'promoted'
  /** Every member live and stable on the old one. */
  | 'back'
  /** The same, and the rejected pods are gone. */
  | 'rejected'
  /** Either of the first two. */
  | 'whole'
  /** Somebody else wrote into it as well: only what must never happen is judged. */
  | 'disturbed';

/** What was promised and the cluster does not show, in words; first what happened on the way. */
export function broken(ending: Ending, guarantee: Guarantee): string[] {
  return [
    ...ending.violations,
    ...brokenAtTheEnd(ending, guarantee),
    ...brokenClaim(ending, guarantee),
    ...stillPinned(ending),
  ];
}

/** A run that comes to an end leaves no autoscaler as it was kept for the switch. */
function stillPinned({ result, pinned }: Ending): string[] {
  return result && EXIT_CODES[result.outcome] < EXIT_CODES.locked
    ? pinned.map((name) => `HorizontalPodAutoscaler ${name} was left pinned`)
    : [];
}

function brokenAtTheEnd(ending: Ending, guarantee: Guarantee): string[] {
  if (guarantee === 'disturbed') return [];
  const { leftUp } = ending;
  const wanted: readonly Version[] =
    guarantee === 'whole' ? ['new', 'old'] : guarantee === 'promoted' ? ['new'] : ['old'];
  if (!wanted.some((version) => isAll(ending, version)))
    return [
      `not every member is live and stable on the ${wanted.join(', nor every one on the ')} version: ${stateOf(ending)}`,
    ];
  return guarantee === 'rejected' && leftUp.length > 0
    ? [`the rejected pods of ${leftUp.join(', ')} are still up, so a retry takes them live past every gate`]
    : [];
}

/** What the outcome said and the cluster does not show. */
function brokenClaim(ending: Ending, guarantee: Guarantee): string[] {
  const outcome = ending.result?.outcome;
  // What somebody does after the run has ended is not its own doing.
  const claim = (holds: boolean) =>
    holds || guarantee === 'disturbed' ? [] : [`it said ${outcome}, but ${stateOf(ending)}`];
  switch (outcome) {
    case undefined:
      return [];
    case 'promoted':
    case 'unchanged':
      return claim(isAll(ending, 'new'));
    case 'refused':
    case 'rolled-back':
    case 'superseded':
    case 'interrupted':
      return claim(Object.values(ending.live).every((version) => version === 'old'));
    case 'stuck':
      return guarantee === 'disturbed' ? [] : ['stuck although nobody interfered'];
    case 'locked':
      // A run that stood still went on and is still at it, or was; in the end the set is whole.
      return claim(isAll(ending, 'old') || isAll(ending, 'new'));
    default:
      return [`it ended as ${outcome}`];
  }
}

function isAll({ live, stable }: Ending, version: Version): boolean {
  return [live, stable].every((of) => Object.values(of).every((found) => found === version));
}

/** Which version each member is on, for people. */
export function stateOf({ live, stable }: Ending): string {
  return Object.keys(live)
    .map((name) => {
      const [on, by] = [live[name] ?? 'nothing', stable[name] ?? 'nothing'];
      return on === by ? `${name} is ${on}` : `${name} is live on ${on}, stable on ${by}`;
    })
    .join(', ');
}
