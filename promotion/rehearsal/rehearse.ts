import type { KubeObject, ReplicaSet } from '../cluster/objects.ts';
import type { Plan } from '../plan/plan.ts';
import type { Emit } from '../report/events.ts';
import { NoEnd, newScheduler } from '../simulation/scheduler.ts';
import { broken, stateOf } from './broken.ts';
import { CannotBegin, type Ending, play, type Story } from './play.ts';
import { type Rehearsed, rehearsedOf } from './release.ts';
import { type Case, type Course, ROWS } from './rows.ts';
import { versionOf, versionsOf } from './versions.ts';

/** What came of one event of the contract. */
export interface RowVerdict {
  readonly event: string;
  /** `not-played` where the manifests have nothing that the event could befall. */
  readonly verdict: 'holds' | 'broken' | 'not-played';
  readonly runs: number;
  readonly broken: number;
  /** The first seed whose run broke a promise, and which promise. */
  readonly seed?: number;
  readonly reason?: string;
}

/** What came of one seed. */
export interface SeedVerdict {
  readonly event: string;
  /** What befell the release. */
  readonly what: string;
  /** Which promises are broken; none holds all. */
  readonly broken: readonly string[];
  /** Which version each member is on at the end, read from the API server. */
  readonly state: string;
}

/** How long a story goes on when nobody acts any more, beside the longest hold, in milliseconds. */
const AFTERWARDS = 400_000;

/** A rehearsal of the release that `objects` are, with `plan` as it is read from them. */
export async function newRehearsal(plan: Plan, objects: readonly KubeObject[]) {
  const release = rehearsedOf(plan, objects);
  const rows = ROWS.map(({ event, cases }) => ({ event, cases: cases(release) }));
  const course = await courseOf(release);

  async function playCase(found: Case, seed: number, emit?: Emit): Promise<{ broken: string[]; state: string }> {
    try {
      const ending = await play(storyOf(release, found, seed, course), emit);
      return { broken: broken(ending, found.guarantee(ending)), state: stateOf(ending) };
    } catch (error) {
      if (error instanceof CannotBegin || error instanceof NoEnd) return { broken: [error.message], state: 'no end' };
      throw error;
    }
  }

  return {
    release,
    /** Plays each event of the contract `runs` times, its cases in turn, and tells each verdict as soon as it is known. */
    async playAll(runs: number, tell: (row: RowVerdict) => void): Promise<void> {
      for (const [i, { event, cases }] of rows.entries()) {
        let brokenRuns = 0;
        let first: { seed: number; reason: string } | undefined;
        for (let run = 0; run < runs && cases.length > 0; run += 1) {
          const seed = run * rows.length + i + 1;
          const { broken } = await playCase(cases[run % cases.length] as Case, seed);
          if (broken.length === 0) continue;
          brokenRuns += 1;
          first ??= { seed, reason: `${(cases[run % cases.length] as Case).what}: ${broken[0]}` };
        }
        tell({
          event,
          verdict: cases.length === 0 ? 'not-played' : brokenRuns > 0 ? 'broken' : 'holds',
          runs: cases.length === 0 ? 0 : runs,
          broken: brokenRuns,
          ...first,
        });
      }
    },
    /** Plays the run of one seed again; undefined when there is none of that number. */
    async playSeed(seed: number, emit: Emit): Promise<SeedVerdict | undefined> {
      const row = rows[(seed - 1) % rows.length];
      const found = row?.cases[Math.floor((seed - 1) / rows.length) % row.cases.length];
      if (!row || !found) return undefined;
      return { event: row.event, what: found.what, ...(await playCase(found, seed, emit)) };
    },
  };
}

/** What the release needs undisturbed; measured, so that faults are aimed at all of it. */
async function courseOf(release: Rehearsed): Promise<Course> {
  const good = { what: '', guarantee: () => 'promoted' as const };
  try {
    const { requests }: Ending = await play(storyOf(release, good, 0, { requests: 1 }));
    return { requests };
  } catch (error) {
    if (error instanceof CannotBegin || error instanceof NoEnd) return { requests: 100 };
    throw error;
  }
}

function storyOf(release: Rehearsed, found: Case, seed: number, course: Course): Story {
  const chance = newScheduler(seed, 0);
  const { behaviour } = found;
  const isBad = (set: ReplicaSet) =>
    versionOf(set) === 'new' && set.metadata.ownerReferences?.[0]?.name === behaviour?.member;
  return {
    seed,
    manifests: versionsOf(release.objects),
    versionOf,
    behaviourOf: (set) => (behaviour && isBad(set) ? behaviour.is : {}),
    disturbances: found.disturbances?.(chance) ?? [],
    runs: found.runs?.(chance, course) ?? [{}],
    afterwards: AFTERWARDS + Math.max(...release.members.map(({ hold }) => hold)),
  };
}
