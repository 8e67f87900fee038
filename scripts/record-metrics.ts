import { text } from 'node:stream/consumers';
import { record } from '../test/metrics/record.ts';

// `curl -s ADDRESS/metrics | npm run record-metrics -- EXPORTER VERSION`: what test/metrics/recorded.test.ts holds rules and
// panels against. The cluster that is scraped has the sample of test/overlays/samples.ts applied.

const [exporter, version] = process.argv.slice(2);
if (!exporter || !version) {
  console.error('usage: curl -s ADDRESS/metrics | npm run record-metrics -- EXPORTER VERSION');
  process.exitCode = 2;
} else {
  record(exporter, version, await text(process.stdin));
}
