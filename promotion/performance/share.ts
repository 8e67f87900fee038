// A sequential test of a share, e.g. of failed requests: Wald's probability ratio test, with bounds that hold whenever it is
// stopped. The likelihood ratio of "bad" to "good" is a supermartingale while the true share is good or less, so that it ever reaches
// 1/e has a probability of e at most (Ville's inequality); its inverse likewise while the share is bad or more.

/** Which shares are told apart, and how sure the answer must be. */
export interface ShareTest {
  /** A share of this or less is good. */
  readonly good: number;
  /** A share of this or more is bad; between the two either answer is right. */
  readonly bad: number;
  /** The most probable that a bad share passes. */
  readonly wrongPass: number;
  /** The most probable that a good share fails. */
  readonly wrongFail: number;
}

export type Answer = 'pass' | 'fail' | 'unknown';

/** What was seen so far, and what it says. An answer that is no longer unknown stays. */
export interface ShareSeen {
  readonly trials: number;
  readonly hits: number;
  readonly answer: Answer;
}

export const NOTHING_SEEN: ShareSeen = { trials: 0, hits: 0, answer: 'unknown' };

/** One more trial that was a hit or was not. */
export function seenMore(test: ShareTest, seen: ShareSeen, isHit: boolean): ShareSeen {
  if (seen.answer !== 'unknown') return seen;
  const trials = seen.trials + 1;
  const hits = seen.hits + (isHit ? 1 : 0);
  const { good, bad, wrongPass, wrongFail } = test;
  const logRatio = hits * Math.log(bad / good) + (trials - hits) * Math.log((1 - bad) / (1 - good));
  const answer = logRatio >= -Math.log(wrongFail) ? 'fail' : logRatio <= Math.log(wrongPass) ? 'pass' : 'unknown';
  return { trials, hits, answer };
}
