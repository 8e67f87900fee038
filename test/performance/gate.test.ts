import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findingsOf,
  type Limits,
  NOTHING,
  type Pair,
  type Seen,
  type Shot,
  verdictOf,
  withPairs,
} from '../../promotion/performance/gate.ts';
import type { Answer } from '../../promotion/performance/share.ts';
import { chanceOf, mostWrong } from './chance.ts';

const limits: Limits = { errorPercent: 5, p95Seconds: 1, slowdown: 1.5, errorProbability: 0.01 };

/** How a version answers: durations are exponential, as long as `milliseconds` in the mean. */
interface Version {
  readonly milliseconds: number;
  readonly failing?: number;
  readonly silent?: number;
}

function shotOf({ failing = 0, milliseconds, silent = 0 }: Version, chance: () => number): Shot {
  if (chance() < silent) return {};
  return { status: chance() < failing ? 500 : 200, milliseconds: -milliseconds * Math.log(1 - chance()) };
}

/** What is seen of that pair of versions until the verdict is certain or there are `most` requests. */
function seenOf(preview: Version, stable: Version, seed: number, most = 5000): Seen {
  const chance = chanceOf(seed);
  let seen = NOTHING;
  while (verdictOf(seen) === 'unknown' && seen.pairs.length < most) {
    const pairs = Array.from(
      { length: 20 },
      (): Pair => ({
        preview: shotOf(preview, chance),
        stable: shotOf(stable, chance),
      }),
    );
    seen = withPairs(limits, seen, pairs);
  }
  return seen;
}

const RUNS = 200;
function count(answer: Answer, preview: Version, stable: Version): number {
  return Array.from({ length: RUNS }, (_, seed) => verdictOf(seenOf(preview, stable, seed))).filter(
    (verdict) => verdict === answer,
  ).length;
}

const usual: Version = { milliseconds: 100 };

describe('the verdict under load', () => {
  it.each<[string, Version, Version]>([
    ['is as fast as the stable one', usual, usual],
    ['fails in half as many requests as are too much', { ...usual, failing: 0.025 }, { ...usual, failing: 0.025 }],
    ['fails as often as the stable one, and is one and a half times as slow', { milliseconds: 150 }, usual],
    ['stands beside a stable one that only fails', usual, { ...usual, failing: 1 }],
    ['is twice as fast', { milliseconds: 50 }, usual],
  ])('fails a version that %s at most as often as it may', (_, preview, stable) => {
    expect(count('fail', preview, stable)).toBeLessThanOrEqual(mostWrong(RUNS, limits.errorProbability));
  });

  it.each<[string, Version, Version]>([
    ['fails in as many requests as are too much', { ...usual, failing: 0.05 }, { ...usual, failing: 0.05 }],
    ['does not answer as many', { ...usual, silent: 0.05 }, { ...usual, silent: 0.05 }],
    ['takes longer than a second for five of 100', { milliseconds: 1000 / Math.log(20) }, { milliseconds: 334 }],
    // Twice the odds of more than one and a half times the baseline: 2 ln(20) / (ln(20) - ln(2)) of its mean.
    ['is far slower than the stable one', { milliseconds: 100 * 1.5 * 1.32 }, usual],
    ['is within its limits and fails where the stable one does not', { ...usual, failing: 0.1 }, usual],
  ])('passes a version that %s at most as often as it may', (_, preview, stable) => {
    expect(count('pass', preview, stable)).toBeLessThanOrEqual(mostWrong(RUNS, limits.errorProbability));
  });

  it('needs some hundred requests for what is good, and one burst for what is down', () => {
    const lengths = Array.from({ length: RUNS }, (_, seed) => seenOf(usual, usual, seed).pairs.length);
    expect(Math.max(...lengths)).toBeLessThan(2000);
    expect(seenOf({ ...usual, silent: 1 }, usual, 1).pairs).toHaveLength(20);
  });

  it('is unknown without a stable version that answers, however good the new one is', () => {
    const seen = seenOf(usual, { ...usual, silent: 1 }, 1, 2000);
    expect(verdictOf(seen)).toBe('unknown');
    expect(findingsOf(limits, seen)).toEqual([
      { question: 'errors', verdict: 'pass', value: 0, limit: 5, samples: 178 },
      { question: 'duration', verdict: 'pass', value: expect.any(Number), limit: 1, samples: expect.any(Number) },
      { question: 'ratio', verdict: 'unknown', value: null, limit: 1.5, samples: 0 },
    ]);
  });

  it('follows machines that get faster meanwhile, and is certain all the same', () => {
    const chance = chanceOf(3);
    let seen = NOTHING;
    while (verdictOf(seen) === 'unknown' && seen.pairs.length < 3000) {
      // Both the same: ten times as slow to begin with.
      const version = { milliseconds: seen.pairs.length < 150 ? 300 : 30 };
      seen = withPairs(limits, seen, [{ preview: shotOf(version, chance), stable: shotOf(version, chance) }]);
    }
    expect(verdictOf(seen)).toBe('pass');
  });

  it('is unknown of too few requests', () => {
    expect(verdictOf(NOTHING)).toBe('unknown');
    expect(verdictOf(seenOf(usual, usual, 1, 160))).toBe('unknown');
    expect(findingsOf(limits, NOTHING).map(({ value }) => value)).toEqual([null, null, null]);
  });

  it('is the same however the pairs are cut into bursts', () => {
    const chance = chanceOf(7);
    const pairs = Array.from(
      { length: 900 },
      (): Pair => ({
        preview: shotOf({ milliseconds: 120, failing: 0.01 }, chance),
        stable: shotOf(usual, chance),
      }),
    );
    const whole = withPairs(limits, NOTHING, pairs);
    fc.assert(
      fc.property(fc.array(fc.nat(900), { maxLength: 5 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), 900];
        const bursts = at.slice(1).map((end, i) => pairs.slice(at[i], end));
        expect(bursts.reduce((seen, burst) => withPairs(limits, seen, burst), NOTHING)).toEqual(whole);
      }),
    );
  });
});
