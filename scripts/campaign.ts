import { play, scenarioOf } from '../test/campaign/scenario.ts';

// Plays one seed of the fault campaign and tells everything that happens in it.

const seed = Number(process.argv[2]);
if (!Number.isInteger(seed)) throw new Error('usage: npm run campaign SEED');
const scenario = scenarioOf(seed);
console.log(JSON.stringify(scenario, null, 2));
const { result, live, violations } = await play(scenario, ({ time, code, message }) =>
  console.log(time, code, message),
);
console.log(result.outcome, live, violations);
process.exitCode = violations.length === 0 ? 0 : 1;
