import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../scripts/bench/statistics.ts';

const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);

describe('a summary', () => {
  it('has the median in its interval, and nothing outside of what was measured', () => {
    fc.assert(
      fc.property(values, (measured) => {
        const { n, low, median, high, p99 } = summaryOf(measured);
        const ordered = [Math.min(...measured), low, median, high, Math.max(...measured)];
        expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
        expect(measured).toContain(p99);
        expect(p99).toBeGreaterThanOrEqual(median);
        expect(n).toBe(measured.length);
      }),
    );
  });

  it('does not depend on the order, and scales with its values', () => {
    fc.assert(
      fc.property(values, (measured) => {
        const summary = summaryOf(measured);
        expect(summaryOf(measured.toReversed())).toEqual(summary);
        const doubled = summaryOf(measured.map((value) => 2 * value));
        expect([doubled.low, doubled.median, doubled.high]).toEqual([
          2 * summary.low,
          2 * summary.median,
          2 * summary.high,
        ]);
      }),
    );
  });

  // The ranks are in every table of the binomial test at 1 %.
  it.each([
    [7, 1, 7],
    [8, 1, 8],
    [30, 8, 23],
    [100, 37, 64],
  ])('of %i values has the 99 % interval of the median from rank %i to %i', (n, low, high) => {
    expect(summaryOf(upTo(n))).toMatchObject({ low, high });
  });

  it('has the greatest value as p99 of fewer than a hundred', () => {
    expect([summaryOf(upTo(30)).p99, summaryOf(upTo(100)).p99, summaryOf(upTo(1000)).p99]).toEqual([30, 99, 990]);
  });

  it('is none of nothing', () => {
    expect(() => summaryOf([])).toThrow('nothing was measured');
  });
});
