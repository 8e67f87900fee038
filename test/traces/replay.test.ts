import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { divergences } from './compare.ts';
import { documentOf } from './document.ts';
import { scenarios } from './scenarios.ts';
import { playSimulated } from './simulated.ts';
import { controllerVersion, readTrace } from './trace.ts';

// What was recorded from the real controller, replayed against the model of it. Record with `npm run traces`.
describe('the simulated controller does what the real one did', () => {
  const modelled = scenarios.filter(({ notModelled }) => !notModelled);

  it.each(modelled.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const { steps } = await readTrace(scenario);
    for (const seed of [1, 2, 3]) expect(divergences(steps, await playSimulated(scenario, seed))).toEqual([]);
  });

  it.each(scenarios.filter(({ notModelled }) => notModelled).map((scenario) => [scenario.name, scenario] as const))(
    'but for what it does not model: %s',
    async (_, scenario) => {
      const { steps } = await readTrace(scenario);
      const differ = await playSimulated(scenario, 1).then(
        (model) => divergences(steps, model).length > 0,
        () => true,
      );
      expect(differ, 'the simulation models this now; say so in the scenario').toBe(true);
    },
  );

  it('and docs/traces.md says what was recorded', async () => {
    expect(await readFile(new URL('../../docs/traces.md', import.meta.url), 'utf8')).toBe(await documentOf());
  });

  it('and was recorded in the version that the testbed runs', async () => {
    const versions = await Promise.all(scenarios.map(async (scenario) => (await readTrace(scenario)).argoRollouts));
    expect([...new Set(versions)]).toEqual([await controllerVersion()]);
  });
});
