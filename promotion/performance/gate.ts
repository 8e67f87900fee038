import { type Answer, NOTHING_SEEN, type ShareSeen, type ShareTest, seenMore } from './share.ts';

// What the answers of the new version and of the stable one, asked side by side, say about the new one. Pure: docs/performance-gate.md
// has the statistics in words.

/** One request's end. */
export interface Shot {
  /** The HTTP status; undefined when no whole answer came, or none in time. */
  readonly status?: number;
  /** Until the answer was there, its connection included; absent with the status. */
  readonly milliseconds?: number;
}

/** The same request to both versions, sent at the same time. */
export interface Pair {
  readonly preview: Shot;
  readonly stable: Shot;
}

/** What the new version must keep to. */
export interface Limits {
  /** The share of failed requests that is too much, in percent. */
  readonly errorPercent: number;
  /** What 95 of 100 requests take at most, in seconds. */
  readonly p95Seconds: number;
  /** How many times as long 95 of 100 requests may take as those of the stable version. */
  readonly slowdown: number;
  /** How probable a wrong answer may be, of either kind. */
  readonly errorProbability: number;
}

/** How many answers of the stable version, the latest, say how long 95 of 100 of its requests take. */
export const BASELINE_REQUESTS = 100;
/** The share that a percentile of 95 leaves. */
const TAIL = 0.05;

export interface Seen {
  readonly errors: ShareSeen;
  readonly duration: ShareSeen;
  /** Of the pairs of which one was slow and the other was not, those whose slow one was the preview's. */
  readonly ratio: ShareSeen;
  /** Every pair that was judged. */
  readonly pairs: readonly Pair[];
  /** How long the stable version's latest answers took, in milliseconds; what is slow is known when there are enough of them. */
  readonly baseline: readonly number[];
}

export const NOTHING: Seen = {
  errors: NOTHING_SEEN,
  duration: NOTHING_SEEN,
  ratio: NOTHING_SEEN,
  pairs: [],
  baseline: [],
};

/** One question and its answer. */
export interface Finding {
  readonly question: 'errors' | 'duration' | 'ratio';
  readonly verdict: Answer;
  /** What was measured; null where nothing was. Percent, seconds, and how many times as long. */
  readonly value: number | null;
  readonly limit: number;
  /** What the verdict rests on: requests, or pairs of which one was slow. */
  readonly samples: number;
}

/** What more pairs add. They come in the order in which they were sent, or the slow ones would be missing. */
export function withPairs(limits: Limits, seen: Seen, pairs: readonly Pair[]): Seen {
  const tests = testsOf(limits);
  let { baseline, duration, errors, ratio } = seen;
  for (const { preview, stable } of pairs) {
    errors = seenMore(tests.errors, errors, !isGood(preview));
    duration = seenMore(tests.duration, duration, timeOf(preview) > 1000 * limits.p95Seconds);
    // What the stable version did not answer tells nothing about how it answers.
    if (!isAnswered(stable) || ratio.answer !== 'unknown') continue;
    // By what went before, so that it follows a machine that gets slower or faster, and this pair has no part in it.
    const isKnown = baseline.length === BASELINE_REQUESTS;
    const p95 = p95Of(baseline);
    const isPreviewSlow = goodTimeOf(preview) > limits.slowdown * p95 || !isGood(preview);
    const isStableSlow = goodTimeOf(stable) > p95 || !isGood(stable);
    if (isKnown && isPreviewSlow !== isStableSlow) ratio = seenMore(tests.ratio, ratio, isPreviewSlow);
    baseline = [...baseline.slice(isKnown ? 1 : 0), goodTimeOf(stable)];
  }
  return { errors, duration, ratio, pairs: [...seen.pairs, ...pairs], baseline };
}

/** One bad answer fails, and only three good ones pass. */
export function verdictOf({ errors, duration, ratio }: Seen): Answer {
  const answers = [errors.answer, duration.answer, ratio.answer];
  if (answers.includes('fail')) return 'fail';
  return answers.includes('unknown') ? 'unknown' : 'pass';
}

/** What was asked, and what the answers are so far. */
export function findingsOf(limits: Limits, { duration, errors, pairs, ratio }: Seen): Finding[] {
  const previews = pairs.map(({ preview }) => preview);
  const stables = pairs.map(({ stable }) => stable).filter(isAnswered);
  const finding = (
    question: Finding['question'],
    { answer, trials }: ShareSeen,
    value: number,
    limit: number,
  ): Finding => ({ question, verdict: answer, value: Number.isFinite(value) ? value : null, limit, samples: trials });
  return [
    finding('errors', errors, (100 * errors.hits) / errors.trials, limits.errorPercent),
    finding('duration', duration, p95Of(previews.map(timeOf)) / 1000, limits.p95Seconds),
    finding('ratio', ratio, p95Of(previews.map(goodTimeOf)) / p95Of(stables.map(goodTimeOf)), limits.slowdown),
  ];
}

/**
 * The three tests. A version that is bad in one way must pass that one, so each may err with the whole probability there; one that is
 * good can fail in three ways, which share it.
 */
function testsOf({ errorPercent, errorProbability }: Limits): Record<'errors' | 'duration' | 'ratio', ShareTest> {
  const sure = { wrongPass: errorProbability, wrongFail: errorProbability / 3 };
  return {
    errors: { good: errorPercent / 200, bad: errorPercent / 100, ...sure },
    duration: { good: TAIL / 2, bad: TAIL, ...sure },
    // Slow as often as the stable version, against twice the odds: of pairs that differ, one half against two thirds.
    ratio: { good: 1 / 2, bad: 2 / 3, ...sure },
  };
}

const isAnswered = ({ status }: Shot): boolean => status !== undefined;
const isGood = ({ status = 0 }: Shot): boolean => status >= 200 && status < 400;

/** How long an answer took, whatever it said; one that did not come took for ever. */
const timeOf = ({ milliseconds = Number.POSITIVE_INFINITY }: Shot): number => milliseconds;
/** How long a good answer took; any other is worse than the slowest. */
const goodTimeOf = (shot: Shot): number => (isGood(shot) ? timeOf(shot) : Number.POSITIVE_INFINITY);

/** What 95 of 100 took at most; NaN of none. */
function p95Of(took: readonly number[]): number {
  const sorted = [...took].sort((a, b) => a - b);
  return sorted[Math.ceil((1 - TAIL) * sorted.length) - 1] ?? Number.NaN;
}
