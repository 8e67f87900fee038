import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { selectors, selects } from '../charts/queries.ts';
import { recordOf } from './record.ts';

// What CI does not scrape is held against what a real scrape has shown; the first line of a record says of which version.

const exporters = { kube: 'kube-state-metrics', traefik: 'traefik' } as const;
const askedOf = (prefix: string) => selectors.filter(({ metric }) => metric.startsWith(`${prefix}_`));

describe.each(Object.entries(exporters))(
  'metrics called %s_… are those of a real scrape of %s:',
  (prefix, exporter) => {
    const lines = readFileSync(recordOf(exporter), 'utf8').split('\n');

    it.each(askedOf(prefix).map((selector) => [selector.text, selector] as const))('%s', (_, selector) => {
      expect(lines.filter((line) => selects(selector, line))).not.toEqual([]);
    });
  },
);

it('every metric that a query names is scraped in CI or recorded', () => {
  const scraped = ['container', 'kubelet', 'pg', 'redis', 'rollout'];
  const known = new RegExp(`^(${[...scraped, ...Object.keys(exporters)].join('|')})_`);
  expect(selectors.map(({ metric }) => metric).filter((metric) => !known.test(metric))).toEqual([]);
});
