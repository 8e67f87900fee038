import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, NOTHING_SEEN, type ShareTest, seenMore } from '../../promotion/performance/share.ts';
import { chanceOf, mostWrong } from './chance.ts';

const test: ShareTest = { good: 0.025, bad: 0.05, wrongPass: 0.01, wrongFail: 0.01 };

/** What the test says of a stream of hits of that share, and after how many trials. */
function answerTo(
  test: ShareTest,
  share: number,
  chance: () => number,
  most = 20_000,
): { answer: Answer; trials: number } {
  let seen = NOTHING_SEEN;
  while (seen.answer === 'unknown' && seen.trials < most) seen = seenMore(test, seen, chance() < share);
  return seen;
}

/** How often of `runs` streams of that share the answer is `wrong`. */
function wrongAnswers(test: ShareTest, share: number, wrong: Answer, runs: number, seed: number): number {
  const chance = chanceOf(seed);
  return Array.from({ length: runs }, () => answerTo(test, share, chance).answer).filter((answer) => answer === wrong)
    .length;
}

const RUNS = 2000;

describe('the test of a share', () => {
  it.each([0, 0.01, 0.02, 0.025])('fails a good share of %d at most as often as it may', (share) => {
    expect(wrongAnswers(test, share, 'fail', RUNS, 1)).toBeLessThanOrEqual(mostWrong(RUNS, test.wrongFail));
  });

  it.each([0.05, 0.06, 0.2, 1])('passes a bad share of %d at most as often as it may', (share) => {
    expect(wrongAnswers(test, share, 'pass', RUNS, 2)).toBeLessThanOrEqual(mostWrong(RUNS, test.wrongPass));
  });

  it('keeps to the probabilities that it is given, whatever they and the shares are', () => {
    const tests = fc.record({
      good: fc.double({ min: 0.02, max: 0.4, noNaN: true }),
      factor: fc.double({ min: 1.5, max: 2.4, noNaN: true }),
      wrongPass: fc.double({ min: 0.01, max: 0.2, noNaN: true }),
      wrongFail: fc.double({ min: 0.01, max: 0.2, noNaN: true }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(tests, ({ factor, good, seed, wrongFail, wrongPass }) => {
        const test = { good, bad: good * factor, wrongPass, wrongFail };
        expect(wrongAnswers(test, test.good, 'fail', 400, seed)).toBeLessThanOrEqual(mostWrong(400, wrongFail));
        expect(wrongAnswers(test, test.bad, 'pass', 400, seed)).toBeLessThanOrEqual(mostWrong(400, wrongPass));
      }),
      { numRuns: 30 },
    );
  });

  it('is done with as soon as it is certain: seven failures, or 178 requests without one', () => {
    expect(answerTo(test, 1, () => 0)).toMatchObject({ answer: 'fail', trials: 7 });
    expect(answerTo(test, 0, () => 0.5)).toMatchObject({ answer: 'pass', trials: 178 });
  });

  it('keeps its answer, and has none of nothing', () => {
    expect(NOTHING_SEEN.answer).toBe('unknown');
    const failed = { trials: 7, hits: 7, answer: 'fail' } as const;
    expect(seenMore(test, failed, false)).toEqual(failed);
  });
});
