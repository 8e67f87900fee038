import type { Entry } from './chain.ts';

/** What a record says an environment runs: the release that settled last, or why it cannot be said. */
export type Settled =
  | { readonly version: string; readonly images: Entry['images']; readonly time: string }
  | { readonly unknown: string };

/** Outcomes after which every member is on the revision that was there before. */
const NOTHING_CHANGED = ['refused', 'rolled-back', 'superseded', 'interrupted', 'locked', 'usage'];

/** The release that a record says has settled last and was not rolled back since. */
export function settledIn(entries: readonly Entry[]): Settled {
  for (const { action, outcome, version, images, time } of [...entries].reverse()) {
    if (action === 'promote' || action === 'settle') {
      if (outcome === 'promoted' || outcome === 'unchanged') return { version, images, time };
      if (!NOTHING_CHANGED.includes(outcome))
        return { unknown: `its last promotion (${version}, ${time}) ended as ${outcome}` };
    }
    // An abort leaves what had settled; a rollback leaves something that this record does not name.
    if (action === 'rollback' && !NOTHING_CHANGED.includes(outcome))
      return { unknown: `${version} was rolled back (${time}, ${outcome}), and nothing has been promoted since` };
    if (action === 'abort' && outcome !== 'restored' && !NOTHING_CHANGED.includes(outcome))
      return { unknown: `its last abort (${version}, ${time}) ended as ${outcome}` };
  }
  return { unknown: 'no promotion of it is recorded' };
}
