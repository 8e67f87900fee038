import { setTimeout as after } from 'node:timers/promises';

/** The time that deliveries go by, so that tests have one that needs no waiting. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after that many milliseconds, or at once when `signal` is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** A signal that is aborted after that many milliseconds unless it is released before. */
  readonly limit: (milliseconds: number) => { readonly signal: AbortSignal; readonly release: () => void };
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

export const realClock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (milliseconds, signal) => after(milliseconds, undefined, { signal }).catch(() => {}),
  limit(milliseconds) {
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), milliseconds);
    return { signal: control.signal, release: () => clearTimeout(timer) };
  },
};
