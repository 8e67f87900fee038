import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../promotion/notify/clock.ts';

/** What is shorter is a limit of one call. */
const LONGEST_CALL = 9_000;

/**
 * Time that passes only by pauses, which take none, and by `advance`. Limits end when it has passed them; so a pause is not
 * over while a call runs, whose time is not this one.
 */
export interface TestClock extends Clock {
  /** Every pause that was made, in milliseconds. */
  readonly pauses: number[];
  readonly advance: (milliseconds: number) => void;
}

export function testClock(): TestClock {
  let now = Date.now();
  const pauses: number[] = [];
  const limits = new Set<{ at: number; isCall: boolean; control: AbortController }>();
  const isCalling = () => [...limits].some(({ isCall }) => isCall);
  const advance = (milliseconds: number) => {
    now += milliseconds;
    for (const limit of limits) {
      if (limit.at > now) continue;
      limits.delete(limit);
      limit.control.abort();
    }
  };
  return {
    pauses,
    advance,
    now: () => now,
    random: () => 0,
    async sleep(milliseconds, signal) {
      if (signal.aborted) return;
      pauses.push(milliseconds);
      const wakeAt = now + milliseconds;
      do await setImmediate();
      while (isCalling() && !signal.aborted);
      if (!signal.aborted) advance(Math.max(0, wakeAt - now));
    },
    limit(milliseconds) {
      const limit = { at: now + milliseconds, isCall: milliseconds < LONGEST_CALL, control: new AbortController() };
      limits.add(limit);
      return { signal: limit.control.signal, release: () => limits.delete(limit) };
    },
  };
}
