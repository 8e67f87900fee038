import { writeFileSync } from 'node:fs';
import { selectors } from '../charts/queries.ts';
import { sample } from '../overlays/samples.ts';

/** Where a scrape of an exporter that CI does not run is kept. */
export const recordOf = (exporter: string): string => `test/metrics/recorded/${exporter}.prom`;

/** The lines of a scrape that a record keeps: the names and types of all metrics, and of those asked for our series. */
export function kept(scrape: string): string[] {
  const { namespace } = sample();
  const asked = new Set(selectors.map(({ metric }) => metric));
  return scrape.split('\n').filter((line) => {
    if (line.startsWith('# TYPE ')) return true;
    if (!asked.has(line.slice(0, line.indexOf('{')))) return false;
    return line.includes(`"${namespace}"`) || line.includes(`"${namespace}-`);
  });
}

/** Writes a record. */
export function record(exporter: string, version: string, scrape: string): void {
  const day = new Date().toISOString().slice(0, 10);
  writeFileSync(recordOf(exporter), `${[`# ${exporter} ${version}, scraped ${day}`, ...kept(scrape)].join('\n')}\n`);
}
