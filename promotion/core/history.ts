import type { Journal } from './journal.ts';

/** A release that has settled: which revision of each member it was. */
export interface Settled {
  /** The version that its manifests named, where that is known. */
  readonly version?: string;
  /** When it settled, in milliseconds since 1970; absent for what was found live before the first release. */
  readonly at?: number;
  /** Pod-template hash by member. */
  readonly revisions: Readonly<Record<string, string>>;
}

/** Newest first: releases that have settled, without those that were rolled back. */
export type History = readonly Settled[];

/** How many are kept: as many as a Rollout keeps ReplicaSets (`revisionHistoryLimit`, default 10). */
const KEPT = 10;

/** The history once a release is over. One that did not end on what it was asked for leaves none. */
export function historyAfter(history: History, journal: Journal, version: string | undefined): History {
  const to = revisionsOf(journal, 'to');
  if (journal.outcome === 'promoted') {
    const from = revisionsOf(journal, 'from');
    // What was live before may not be what settled last: people apply an old version again, and it goes live ungated.
    const known = history.find(({ revisions }) => isOn(revisions, from)) ?? { revisions: from };
    const before = Object.keys(from).length > 0 ? [known, ...history.filter((entry) => entry !== known)] : history;
    const settled = { ...(version ? { version } : {}), at: journal.since, revisions: to };
    return [settled, ...before.filter(({ revisions }) => !isOn(revisions, to))].slice(0, KEPT);
  }
  if (journal.ask !== 'rollback' || journal.outcome !== 'restored') return history;
  // A set whose old pods were still up went back, the way an abort does; any other went through its gates, forward.
  const live = journal.cause ? revisionsOf(journal, 'from') : to;
  const found = history.findIndex(({ revisions }) => isOn(revisions, live));
  return found < 0 ? history : history.slice(found);
}

/** The release to go back to from what is live: the last one that settled and is something else. */
export function releaseBefore(history: History, live: Settled['revisions']): Settled | undefined {
  const current = history.findIndex(({ revisions }) => isOn(revisions, live));
  return history.slice(current + 1).find(({ revisions }) => !isOn(revisions, live));
}

function isOn(revisions: Settled['revisions'], live: Settled['revisions']): boolean {
  return Object.entries(live).every(([name, hash]) => revisions[name] === hash);
}

function revisionsOf({ members }: Journal, which: 'from' | 'to'): Settled['revisions'] {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, member]) => {
      const hash = member[which];
      return hash ? [[name, hash]] : [];
    }),
  );
}
