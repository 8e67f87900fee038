import { expect } from 'vitest';
import { play, type Scenario } from './scenario.ts';

// The fault campaign: releases of one to eight members with bad versions, failing requests, dropped watches, killed and
// frozen promoters, newer applies and operators at any moment. A failing seed is played alone by `npm run campaign SEED`.

/** How many random runs there are in all: a few on a laptop, more in CI, as many as CAMPAIGN_RUNS says. */
export const RUNS = Number(process.env.CAMPAIGN_RUNS ?? (process.env.CI === 'true' ? 20_000 : 400));

/** Plays scenarios and expects that none breaks a promise; names the seed and the promise of those that do. */
export async function expectPromisesKept(scenarios: readonly Scenario[]): Promise<void> {
  const broken: string[] = [];
  for (const scenario of scenarios) {
    const { violations, result } = await play(scenario);
    if (violations.length > 0)
      broken.push(`seed ${scenario.seed}, runs ${JSON.stringify(scenario.runs)}, ${result.outcome}: ${violations[0]}`);
  }
  expect(broken).toEqual([]);
}

/** Numbers from `first` on, in batches of at most 200, so that a failure is named early. */
export function batches(first: number, count: number): number[][] {
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  return Array.from({ length: Math.ceil(count / 200) }, (_, i) => seeds.slice(i * 200, (i + 1) * 200));
}
