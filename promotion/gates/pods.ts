import type { ContainerStatus, Pod } from '../cluster/objects.ts';
import type { Verdict } from '../core/observation.ts';
import type { Policy } from '../plan/policy.ts';

/** What a revision's pods say, and when that can become another verdict by itself. */
export interface PodsVerdict extends Verdict {
  /** When the youngest pod has been ready for long enough, in milliseconds since 1970. */
  readonly readyAt?: number;
}

/** How far clocks may be apart without a word, in milliseconds; the API server tells its own to a second. */
const CLOCK_TOLERANCE = 5_000;

/**
 * Judges the pods of one revision, of which there must be `replicas`, at the time `now`, after all of them have had
 * traffic since the time `since` (both in milliseconds since 1970). A restart, a kill for memory or a crash loop is a
 * fail, since it has been seen; a pod that is missing, not ready or not ready for long enough is not known to be well.
 */
export function judgePods(
  pods: readonly Pod[],
  replicas: number,
  { bakeSeconds, restarts }: Policy['podHealth'],
  since: number,
  now: number,
): PodsVerdict {
  const living = pods.filter(
    ({ metadata, status }) => !metadata.deletionTimestamp && !['Failed', 'Succeeded'].includes(status?.phase ?? ''),
  );
  const unknown = (reason: string): PodsVerdict => ({ verdict: 'unknown', final: false, reason });
  for (const pod of living) {
    const crash = containersOf(pod)
      .map((container) => crashOf(container, restarts))
      .find((reason) => reason !== undefined);
    if (crash) return { verdict: 'fail', final: true, reason: `pod ${pod.metadata.name}: ${crash}` };
  }
  if (living.length < replicas) return unknown(`${living.length} of ${replicas} pods are there`);
  const readySince: number[] = [];
  for (const { metadata, status } of living) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') {
      const waiting = status?.containerStatuses?.find(({ state }) => state?.waiting?.reason)?.state?.waiting?.reason;
      return unknown(`pod ${metadata.name} is not ready: ${waiting ?? ready?.reason ?? status?.phase ?? 'no status'}`);
    }
    if (!status?.containerStatuses?.length) return unknown(`pod ${metadata.name} does not report its containers`);
    const at = Date.parse(ready.lastTransitionTime ?? '');
    if (Number.isNaN(at)) return unknown(`pod ${metadata.name} does not say since when it is ready`);
    if (at > now + CLOCK_TOLERANCE) {
      const seconds = Math.round((at - now) / 1000);
      const reason = `pod ${metadata.name} says that it is ready since a time ${seconds} s ahead of the cluster's clock: the clock of its node is wrong`;
      return { ...unknown(reason), readyAt: at };
    }
    readySince.push(at);
  }
  const readyAt = Math.max(since, ...readySince) + bakeSeconds * 1000;
  if (now < readyAt) return { ...unknown(`its pods have not been ready for ${bakeSeconds} s yet`), readyAt };
  return {
    verdict: 'pass',
    final: true,
    reason: `${living.length} pods ready for ${bakeSeconds} s, none restarted more than ${restarts} times`,
  };
}

function containersOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Why a container is not well; undefined while nothing speaks against it. */
function crashOf({ lastState, name, restartCount, state }: ContainerStatus, allowed: number): string | undefined {
  const died = state?.terminated ?? lastState?.terminated;
  const waiting = state?.waiting?.reason;
  if (died?.reason === 'OOMKilled') return `container ${name} was killed for its memory (OOMKilled)`;
  if (waiting === 'CrashLoopBackOff') return `container ${name} crashes again and again (CrashLoopBackOff)`;
  if (restartCount <= allowed) return undefined;
  const why = died ? `, last by ${died.reason ?? 'exit'}${died.exitCode === undefined ? '' : ` ${died.exitCode}`}` : '';
  return `container ${name} was restarted ${restartCount} times, ${allowed} are allowed${why}`;
}
