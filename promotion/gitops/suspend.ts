import { z } from 'zod';
import type { Application } from '../cluster/objects.ts';
import { ClusterError, type JsonPatch } from '../cluster/port.ts';
import { jsonIn } from '../gates/json.ts';
import { annotationPath } from '../run/writes.ts';
import { annotate, type Followed, isAutomated, isBusy, isRefreshing, REFRESH } from './application.ts';

/**
 * On an Application whose automated sync a run has suspended: what it was, as JSON, written by the very patch that suspends
 * it. So whoever comes next, on any machine, knows that it is to be restored, and to what.
 */
export const SUSPENDED = 'moneywise.app/suspended';

const journalSchema = z.object({
  /** The value of `enabled` before; null where there was none. */
  enabled: z.boolean().nullable(),
  release: z.string(),
  /** The number of the run that suspended it. */
  epoch: z.number(),
  /** RFC 3339. */
  since: z.string(),
});
export type Suspension = z.output<typeof journalSchema>;

const ENABLED = '/spec/syncPolicy/automated/enabled';

/** The command that restores automated sync where no run does. */
export function letGoByHand({ name, namespace }: { readonly name: string; readonly namespace: string }): string {
  const patch = {
    metadata: { annotations: { [SUSPENDED]: null } },
    spec: { syncPolicy: { automated: { enabled: null } } },
  };
  return `kubectl -n ${namespace} patch application ${name} --type merge -p '${JSON.stringify(patch)}'`;
}

/** What a run has written on an Application that it suspended; undefined where there is nothing of that kind. */
export function suspensionOf({ metadata }: Application): Suspension | undefined {
  return journalSchema.safeParse(jsonIn(metadata.annotations?.[SUSPENDED] ?? '')).data;
}

export type Held =
  /** Nothing syncs it: not by itself, or not any more. */
  | 'suspended'
  /** It does not sync by itself, so nothing was to be done. */
  | 'not-automated'
  /** It is suspended, but Argo CD did not show within the time that it knows. */
  | 'unconfirmed';

/** How long Argo CD has to show that it knows, in milliseconds: it needs one comparison, a second or two. */
const CONFIRM_WITHIN = 20_000;
/** How long it has to end a sync, in milliseconds. */
const END_WITHIN = 10_000;

/**
 * Suspends automated sync, so that nothing puts back what a run is about to change. The patch alone is not enough: a
 * comparison that began before it may still end in a sync. So a refresh is asked for in the same patch, and Argo CD, which
 * works on an Application one comparison at a time, has taken the suspension in once it has taken that request away; a sync
 * that it began before is ended. Throws `ClusterError`.
 */
export async function suspend(
  application: Followed,
  run: Pick<Suspension, 'release' | 'epoch' | 'since'>,
  signal?: AbortSignal,
): Promise<Held> {
  const seen = application.seen();
  if (!seen) throw new ClusterError('not-found', `no Application ${application.name} in ${application.namespace}`);
  const before = suspensionOf(seen);
  if (!isAutomated(seen) && !before) return 'not-automated';
  // What was suspended before stays to be restored to what it was then.
  const enabled = before ? before.enabled : (seen.spec?.syncPolicy?.automated?.enabled ?? null);
  const journal: Suspension = { ...run, enabled };
  const answer = await application.patch([
    // Whoever changes it meanwhile must not have that undone at the end.
    { op: 'test', path: '/spec/syncPolicy/automated', value: seen.spec?.syncPolicy?.automated },
    ...annotate(seen, { [SUSPENDED]: JSON.stringify(journal), [REFRESH]: 'normal' }),
    { op: 'add', path: ENABLED, value: false },
  ]);
  if (isAutomated(answer)) {
    throw new ClusterError(
      'rejected',
      'this Argo CD does not know spec.syncPolicy.automated.enabled (it came with 3.1)',
    );
  }
  const isTaken = await application.until((a) => !isRefreshing(a), CONFIRM_WITHIN, signal);
  const isIdle = await endSync(application, () => true, signal);
  return isTaken && isIdle ? 'suspended' : 'unconfirmed';
}

/** Restores automated sync to what it was, where a run has suspended it; somebody else's change of it stays. Throws `ClusterError`. */
export async function restore(application: Followed): Promise<Suspension | undefined> {
  const seen = application.seen();
  const suspension = seen && suspensionOf(seen);
  if (!seen || !suspension) return undefined;
  const isStill = seen.spec?.syncPolicy?.automated?.enabled === false;
  const back: JsonPatch = !isStill
    ? []
    : [
        { op: 'test', path: ENABLED, value: false },
        suspension.enabled === null
          ? { op: 'remove', path: ENABLED }
          : { op: 'replace', path: ENABLED, value: suspension.enabled },
      ];
  await application.patch([
    { op: 'test', path: annotationPath(SUSPENDED), value: seen.metadata.annotations?.[SUSPENDED] },
    ...back,
    { op: 'remove', path: annotationPath(SUSPENDED) },
  ]);
  return suspension;
}

/**
 * Ends the sync that is under way, if it is of a commit for which `isMeant` holds. The sync of a release that went back ends by
 * itself only after its last retry, and until then Argo CD looks at no newer commit. Throws `ClusterError`.
 * @returns whether there is no such sync any more
 */
export async function endSync(
  application: Followed,
  isMeant: (commit: string) => boolean,
  signal?: AbortSignal,
): Promise<boolean> {
  const isOver = (a: Application) => !isBusy(a) || !isMeant(a.operation?.sync?.revision ?? '');
  // One that was only just asked for has no state to change yet.
  await application.until((a) => isOver(a) || a.status?.operationState?.phase === 'Running', END_WITHIN, signal);
  const seen = application.seen();
  if (!seen || isOver(seen)) return true;
  await application
    .patch([
      { op: 'test', path: '/operation/sync/revision', value: seen.operation?.sync?.revision },
      { op: 'test', path: '/status/operationState/startedAt', value: seen.status?.operationState?.startedAt },
      { op: 'test', path: '/status/operationState/phase', value: 'Running' },
      { op: 'replace', path: '/status/operationState/phase', value: 'Terminating' },
    ])
    .catch((error) => {
      // It ended meanwhile by itself.
      if (!(error instanceof ClusterError && error.code === 'precondition')) throw error;
    });
  return application.until(isOver, END_WITHIN, signal);
}
