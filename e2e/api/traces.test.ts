import { describe, expect, it } from 'vitest';
import { loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import { divergences } from '../../test/traces/compare.ts';
import { scenarios } from '../../test/traces/scenarios.ts';
import { readTrace } from '../../test/traces/trace.ts';
import { playReal } from '../support/real-stage.ts';

// The simulation is tested against recorded traces; these few are recorded anew each time, so that the others cannot be
// of a controller that nobody runs any more.
const AGAIN = ['a good release', 'an abort during the hold', 'a retry within the delay', 'a canary that goes live'];

describe.concurrent('the real controller still does what was recorded', () => {
  it.each(AGAIN)('%s', async (name) => {
    const scenario = scenarios.find((s) => s.name === name);
    if (!scenario) throw new Error(`there is no scenario "${name}"`);
    const { steps } = await readTrace(scenario);
    expect(divergences(steps, await playReal(scenario, loadKubeconfig({})))).toEqual([]);
  });
});
