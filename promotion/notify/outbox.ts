import type { Clock } from './clock.ts';
import type { Answer, Call, DeliveryError, Send } from './http.ts';

/** Hands one thing to a sink, with as many calls as that takes; is begun anew when it rejects. */
export type Delivery = (send: (call: Call) => Promise<Answer>) => Promise<void>;

/** What one sink is to be told, in order: each is delivered, or given up, before the next. Nothing of it throws. */
export interface Outbox {
  /** `what` names it, where it has to be said that it was given up. */
  readonly put: (what: string, delivery: Delivery) => void;
  /** How much waits, with what is being delivered. */
  readonly size: () => number;
  /**
   * Resolves when nothing waits any more, after `milliseconds` or when `enough` is aborted at the latest: what is left by
   * then is given up.
   */
  readonly close: (milliseconds: number, enough?: AbortSignal) => Promise<void>;
}

export interface OutboxOptions {
  readonly send: Send;
  readonly clock: Clock;
  /** How long one thing is tried for, in milliseconds. @default until the outbox is closed */
  readonly patience?: number;
  readonly onGivenUp: (what: string, why: string) => void;
}

/** How long one call may take, in milliseconds. */
const CALL_LIMIT = 4_000;
/** The pause before the second try, in milliseconds; it doubles with each. */
const FIRST_PAUSE = 500;
/** The longest pause of our own, in milliseconds. */
const LONGEST_PAUSE = 30_000;

export function newOutbox({ send, clock, patience = Number.POSITIVE_INFINITY, onGivenUp }: OutboxOptions): Outbox {
  /** Until when anything may take: known once the outbox is closed. */
  let end = Number.POSITIVE_INFINITY;
  let size = 0;
  let last = Promise.resolve();
  const closing = new AbortController();
  const over = new AbortController();

  async function withinLimit(call: Call): Promise<Answer> {
    const { signal, release } = clock.limit(CALL_LIMIT);
    try {
      return await send(call, AbortSignal.any([signal, over.signal]));
    } finally {
      release();
    }
  }

  /** Tries until it is delivered; why not, where it is given up. */
  async function deliver(delivery: Delivery): Promise<string | undefined> {
    const until = clock.now() + patience;
    for (let tries = 1; ; tries += 1) {
      if (over.signal.aborted) return 'no time was left';
      try {
        await delivery(withinLimit);
        return undefined;
      } catch (error) {
        const { message, isFinal = true, retryAfter } = error as DeliveryError;
        if (isFinal || over.signal.aborted) return message;
        if (!(await pause(retryAfter, pauseAfter(tries, clock.random()), until))) return message;
      }
    }
  }

  /** Waits as long as the sink asked for, else `own` time, which the end cuts short; whether there is time for that. */
  async function pause(asked: number | undefined, own: number, until: number): Promise<boolean> {
    const wakeAt = clock.now() + (asked ?? own);
    while (clock.now() < wakeAt) {
      if (wakeAt >= Math.min(end, until)) return false;
      const wasClosing = closing.signal.aborted;
      await clock.sleep(wakeAt - clock.now(), wasClosing ? over.signal : closing.signal);
      if (asked === undefined && !wasClosing && closing.signal.aborted) return true;
    }
    return true;
  }

  return {
    size: () => size,
    put(what, delivery) {
      size += 1;
      last = last.then(async () => {
        const why = await deliver(delivery);
        size -= 1;
        if (why !== undefined) onGivenUp(what, why);
      });
    },
    async close(milliseconds, enough) {
      end = clock.now() + milliseconds;
      const { signal, release } = clock.limit(milliseconds);
      for (const reason of [signal, ...(enough ? [enough] : [])]) {
        if (reason.aborted) over.abort();
        reason.addEventListener('abort', () => over.abort());
      }
      closing.abort();
      await last;
      release();
    },
  };
}

/** Twice as long after each try, less a random part of up to a half, so that many do not come back together. */
export function pauseAfter(tries: number, random: number): number {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1));
  return Math.round(longest * (1 - random / 2));
}
