import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The tests that judge the mutants of `npm run mutants`: first those of the decision core, then what they let live is judged by
// whole releases in the simulation and by a bounded slice of the fault campaign, always with the same seeds.
// A third of the usual questions are asked of the properties: a mutant that lives costs all of them.
// `MUTANTS_BY=core` and `MUTANTS_BY=campaign` leave the judging to one of them.

const CAMPAIGN = 'test/campaign/**/*.test.ts';
const CORE = ['test/core/**/*.test.ts', 'test/evidence-corpus/**/*.test.ts', 'test/promotion/template.test.ts'];
const RELEASES = ['test/promotion/{promote,commands}.test.ts'];
const JUDGES: Readonly<Record<string, string[]>> = { core: CORE, campaign: [CAMPAIGN] };
/** The quick ones first, thousands of questions after them: a mutant is judged by the first test that fails. */
const ORDER = [
  /test\/evidence-corpus\//,
  /test\/core\/(?!decide)/,
  /test\/core\//,
  /test\/promotion\//,
  /test\/campaign\/faults/,
  /test\/campaign\//,
];

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => ORDER.findIndex((part) => part.test(moduleId));
    return [...files].sort((a, b) => placeOf(a) - placeOf(b) || a.moduleId.localeCompare(b.moduleId, 'en'));
  }
}

export default defineConfig({
  test: {
    include: JUDGES[process.env.MUTANTS_BY ?? ''] ?? [...CORE, ...RELEASES, CAMPAIGN],
    env: { CAMPAIGN_RUNS: '60', PROPERTY_RUNS: '1000' },
    testTimeout: 600_000,
    bail: 1,
    sequence: { sequencer: QuickFirst },
  },
});
