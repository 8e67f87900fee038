import type { Job, KubeObject, Pod } from '../cluster/objects.ts';
import { HASHED_CONFIG, type Plan } from '../plan/plan.ts';
import { isJob } from './jobs.ts';

/** In the place of `moneywise.app/hashed-config`, with its value, on a ConfigMap that nothing was seen to need. */
export const UNNEEDED_CONFIG = 'moneywise.app/unneeded-config';
/** Beside it: the day on which that was seen, UTC, as in `2026-01-31`. */
export const UNNEEDED_SINCE = 'moneywise.app/unneeded-since';

/** How long a ConfigMap stays marked before it is deleted, in days that begin and end at midnight: one whole day at least. */
const DAYS_MARKED = 2;
const DAY = 24 * 3600 * 1000;

/** One write to a hashed ConfigMap, if it is still as it was seen. */
export interface ConfigWrite {
  readonly act: 'mark-config' | 'keep-config' | 'delete-config';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** All labels that it gets; none where it is deleted. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What to write to the hashed ConfigMaps of a release, so that those go which nothing needs any more. `configMaps` were listed
 * before `users`, which are all workloads, old revisions and pods of the namespace.
 *
 * One that is needed by nothing is first marked, and deleted by a later run, a whole day later at least. The mark takes away the
 * label that its manifests give it. So nobody loses one who needs it again, however that falls together:
 * - Who applies it after it was marked puts the label back. Either that is seen here, or the delete is refused, because the object
 *   is no longer as it was seen; and after the delete it is made anew.
 * - Who applied it before it was marked changed nothing of it, which nobody can see. But by now he has long applied what
 *   names it, too, and that is among the users.
 * - Who goes back to an old revision takes its template from a ReplicaSet or ControllerRevision, which is a user as long as it exists.
 */
export function configWrites(
  { configs }: Pick<Plan, 'configs'>,
  configMaps: readonly KubeObject[],
  users: readonly KubeObject[],
  now: number,
): ConfigWrite[] {
  const bases = new Set(configs.map(({ base }) => base));
  // Anywhere in an object: an argument, or a field that this tool has never heard of, names it just as well. A name with
  // a hash stands for nothing else.
  const texts = [...configs.map(({ name }) => name), ...users.filter(mayNeed).map((user) => JSON.stringify(user))];
  return configMaps.flatMap(({ metadata }): ConfigWrite[] => {
    const { name, uid, resourceVersion, labels = {} } = metadata;
    const { [HASHED_CONFIG]: hashed, [UNNEEDED_CONFIG]: unneeded, [UNNEEDED_SINCE]: since = '', ...others } = labels;
    const base = hashed ?? unneeded;
    if (!base || !bases.has(base) || !uid || !resourceVersion) return [];
    const write = { name, uid, resourceVersion };
    if (texts.some((text) => text.includes(name)))
      return unneeded ? [{ act: 'keep-config', ...write, labels: { ...others, [HASHED_CONFIG]: base } }] : [];
    const isMarked = hashed === undefined && !Number.isNaN(Date.parse(since));
    if (isMarked) return now >= Date.parse(since) + DAYS_MARKED * DAY ? [{ act: 'delete-config', ...write }] : [];
    const today = new Date(now).toISOString().slice(0, 10);
    return [{ act: 'mark-config', ...write, labels: { ...others, [UNNEEDED_CONFIG]: base, [UNNEEDED_SINCE]: today } }];
  });
}

/** A Job or pod that has ended starts no container again. The migrations of earlier releases stay for ever. */
function mayNeed(user: KubeObject): boolean {
  if (user.kind === 'Job') return !(['Complete', 'Failed'] as const).some((end) => isJob(user as Job, end));
  return user.kind !== 'Pod' || !['Succeeded', 'Failed'].includes((user as Pod).status?.phase ?? '');
}
