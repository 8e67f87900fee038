import { expect, it } from 'vitest';
import { MODES } from '../../scripts/bench/load.ts';
import { PHASES, underLoad } from '../../scripts/bench/switch.ts';

// `npm run bench -- switch` in short: one release of each kind, beside other suites, so that its figures say nothing.
it('the benchmark sends requests through every phase of a release', { timeout: 600_000 }, async () => {
  const figures = await underLoad({ requests: 1, perSecond: 20, delay: 5, say: () => {} });
  for (const at of PHASES) {
    for (const who of MODES) {
      const sent = figures.find((one) => one.what === 'failed requests' && one.at === at && one.who === who);
      if (!sent || !('count' in sent)) throw new Error(`${at}, ${who}: no requests were sent`);
      expect(sent.of - sent.count, `${at}, ${who}`).toBeGreaterThan(sent.count);
    }
  }
});
