import { expect, it } from 'vitest';
import { BACK, DECISION, decisions } from '../../scripts/bench/decisions.ts';

// `npm run bench -- decisions` in short: one release of two members by each contender.
it('the benchmark measures the decisions of every contender', async () => {
  const figures = await decisions({ n: 1, sizes: [2], say: () => {} });
  for (const who of ['promoter', 'plugin in a loop', 'bare controller']) {
    const left = figures.find((figure) => figure.what === 'releases left in part' && figure.who === who);
    expect(left, who).toMatchObject({ of: 1 });
    // A promote that the controller has lost is lost to a loop for good.
    if (who !== 'promoter' && left && 'count' in left && left.count > 0) continue;
    for (const what of [DECISION, BACK]) {
      const figure = figures.find((one) => one.what === what && one.who === who);
      expect(figure && 'median' in figure && figure.median, `${what}, ${who}`).toBeGreaterThan(0);
    }
  }
});
