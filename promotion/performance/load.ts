import { setMaxListeners } from 'node:events';
import { burst } from './burst.ts';
import {
  BASELINE_REQUESTS,
  type Finding,
  findingsOf,
  type Limits,
  NOTHING,
  type Pair,
  type Seen,
  verdictOf,
  withPairs,
} from './gate.ts';
import type { Answer } from './share.ts';

/** What is sent to whom, and for how long. */
export interface Load {
  /** Absolute URLs of the new version and of the stable one, the same paths in the same order. */
  readonly preview: readonly string[];
  readonly stable: readonly string[];
  /** How many requests a second each of the two gets. */
  readonly requestsPerSecond: number;
  /** After so long without a certain answer it is unknown. */
  readonly seconds: number;
  /** How long after its first answer the new version is asked without being judged, in seconds. */
  readonly warmUpSeconds: number;
  /** How long one answer may take, in whole seconds. */
  readonly timeoutSeconds: number;
}

/** Sends a burst and tells how each of its requests ended: `burst`, or a stand-in of tests. */
export type Send = typeof burst;

/** How it ended. */
export interface Judgement {
  readonly verdict: Answer;
  readonly findings: readonly Finding[];
  /** Why it is not known, in words. */
  readonly why?: string;
  /** Pairs that were judged. */
  readonly requests: number;
  readonly seconds: number;
}

/** Requests that are sent at once. */
const BURST = 5;

/**
 * Sends bursts at a fixed rate, however long the answers take, to both versions at once, and judges them in the order in which they
 * were sent. Ends as soon as the verdict is certain.
 */
export async function judgedUnderLoad(load: Load, limits: Limits, send: Send = burst): Promise<Judgement> {
  const began = performance.now();
  const ended = new AbortController();
  const { signal } = ended;
  // As many bursts listen as are on their way.
  setMaxListeners(0, signal);
  let seen = NOTHING;
  let warmAt: number | undefined;
  let judging: Promise<unknown> = Promise.resolve();
  const rounds = Math.floor((load.seconds * load.requestsPerSecond) / BURST);
  for (let round = 0; round < rounds && !signal.aborted; round += 1) {
    const due = began + (1000 * BURST * round) / load.requestsPerSecond;
    await pause(due - performance.now(), signal);
    if (signal.aborted) break;
    const sentAt = performance.now();
    const pairs = sent(load, round, send, signal);
    judging = Promise.all([judging, pairs]).then(([, pairs]) => {
      if (signal.aborted) return;
      if (warmAt === undefined && pairs.some(({ preview }) => preview.status !== undefined))
        warmAt = sentAt + 1000 * load.warmUpSeconds;
      if (warmAt === undefined || sentAt < warmAt) return;
      seen = withPairs(limits, seen, pairs);
      if (verdictOf(seen) !== 'unknown') ended.abort();
    });
    judging.catch(() => ended.abort());
  }
  // The last of them end with their time-out, or at once where the verdict is certain.
  await judging;
  return judgementOf(limits, seen, warmAt !== undefined, (performance.now() - began) / 1000);
}

/** Waits so many milliseconds, or until the signal. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, milliseconds));
    signal.addEventListener('abort', end);
  });
}

/** One burst to each of the two, who takes turns in being first. */
async function sent(load: Load, round: number, send: Send, signal: AbortSignal): Promise<Pair[]> {
  const { preview, stable, timeoutSeconds } = load;
  const path = round % preview.length;
  const to = (urls: readonly string[]) => send({ url: urls[path] ?? '', size: BURST, timeoutSeconds, signal });
  const both = round % 2 === 0 ? [to(preview), to(stable)] : [to(stable), to(preview)].reverse();
  const [previews = [], stables = []] = await Promise.all(both);
  return previews.map((preview, i) => ({ preview, stable: stables[i] ?? {} }));
}

function judgementOf(limits: Limits, seen: Seen, hasAnswered: boolean, seconds: number): Judgement {
  const verdict = verdictOf(seen);
  const findings = findingsOf(limits, seen);
  const requests = seen.pairs.length;
  const why =
    verdict !== 'unknown' ? undefined : !hasAnswered ? 'the new version answered no request' : whyUnknown(seen);
  return { verdict, findings, requests, seconds, ...(why === undefined ? {} : { why }) };
}

function whyUnknown({ baseline, duration, errors, pairs }: Seen): string {
  const answered = pairs.filter(({ stable }) => stable.status !== undefined).length;
  const isAllElseKnown = errors.answer === 'pass' && duration.answer === 'pass';
  if (baseline.length < BASELINE_REQUESTS && pairs.length > 0 && (isAllElseKnown || answered === 0))
    return `the stable version answered ${answered} of ${pairs.length} requests, too few to compare with`;
  return `${pairs.length} requests were not enough to be sure`;
}
