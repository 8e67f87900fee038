import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DOCUMENT, reportOf } from '../../scripts/bench/report.ts';
import { type Figure, readResults } from '../../scripts/bench/results.ts';
import { simulation } from '../../scripts/bench/simulation.ts';

// `npm run bench` in short, as far as it needs no cluster.

/** What was measured of whom, where it is a quantity above zero. */
const measured = (figures: readonly Figure[]) =>
  figures.flatMap((figure) => ('median' in figure && figure.median > 0 ? [`${figure.what}, ${figure.who}`] : []));

describe('the benchmark', { timeout: 300_000 }, () => {
  it('measures the simulation', async () => {
    expect(measured(await simulation({ n: 1, seeds: 0, batch: 1 }))).toEqual([
      'releases of the fault campaign, simulation',
      'a release of 30 minutes, simulation',
    ]);
  });

  it('is what docs/benchmarks.md says', async () => {
    expect(await readFile(DOCUMENT, 'utf8')).toBe(reportOf(await readResults()));
  });
});
