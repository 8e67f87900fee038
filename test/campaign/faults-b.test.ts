import { describe, it } from 'vitest';
import { batches, expectPromisesKept, RUNS } from './campaign.ts';
import { scenarioOf } from './scenario.ts';

// The second half of the random runs; a file each, so that two cores share them.
describe('a release under random faults ends in a state of the contract', () => {
  it.each(batches(1 + RUNS / 2, RUNS / 2).map((seeds) => ({ seeds, from: seeds[0] })))(
    'seeds from $from on',
    async ({ seeds }) => {
      await expectPromisesKept(seeds.map(scenarioOf));
    },
  );
});
