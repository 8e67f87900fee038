/** What is known of a quantity that was measured several times. */
export interface Summary {
  /** How often it was measured. */
  readonly n: number;
  readonly median: number;
  /** The value that 99 % are not above (nearest rank): of fewer than 100 values the greatest. */
  readonly p99: number;
  /** Between these the true median lies, with a probability of 99 % (order statistics; of fewer than 8 values, the least and the greatest). */
  readonly low: number;
  readonly high: number;
}

/** @throws where there is nothing to summarize */
export function summaryOf(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (rank: number) => sorted[rank - 1] as number;
  const n = sorted.length;
  const rank = rankBelow(n, 0.005);
  return {
    n,
    median: (at(Math.ceil(n / 2)) + at(Math.floor(n / 2) + 1)) / 2,
    p99: at(Math.ceil(0.99 * n)),
    low: at(rank),
    high: at(n + 1 - rank),
  };
}

/** The greatest rank whose value is above the median with at most that probability; the first one where none is. */
function rankBelow(n: number, probability: number): number {
  // P(fewer than `rank` of n values lie below the median), which each does with a half.
  let [rank, term, sum] = [0, 0.5 ** n, 0.5 ** n];
  while (sum <= probability && rank < n / 2) {
    rank += 1;
    term *= (n - rank + 1) / rank;
    sum += term;
  }
  return Math.max(1, rank);
}
