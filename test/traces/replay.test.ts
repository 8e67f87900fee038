import { describe, expect, it } from 'vitest';
import { divergences } from './compare.ts';
import { scenarios } from './scenarios.ts';
import { playSimulated } from './simulated.ts';
import { controllerVersion, readTrace } from './trace.ts';

// What was recorded from the real controller, replayed against the model of it. Record with `npm run traces`.
describe('the simulated controller does what the real one did', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const { steps } = await readTrace(scenario);
    for (const seed of [1, 2, 3]) expect(divergences(steps, await playSimulated(scenario, seed))).toEqual([]);
  });

  it('and was recorded in the version that the testbed runs', async () => {
    const versions = await Promise.all(scenarios.map(async (scenario) => (await readTrace(scenario)).argoRollouts));
    expect([...new Set(versions)]).toEqual([await controllerVersion()]);
  });
});
