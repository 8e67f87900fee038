import { expect, it } from 'vitest';
import { rendering } from '../../scripts/bench/rendering.ts';

// `npm run bench -- rendering` in short: one overlay, once, by what Node alone runs.
it('the benchmark measures rendering as whole processes', { timeout: 300_000 }, async () => {
  const figures = await rendering({ n: 1, services: [], say: () => {} });
  for (const who of ['npm run synth', 'npx cdk8s synth'])
    for (const what of ['time', 'processor time', 'memory']) {
      const figure = figures.find((one) => one.what === what && one.who === who);
      expect(figure && 'median' in figure && figure.median, `${what}, ${who}`).toBeGreaterThan(0);
    }
});
