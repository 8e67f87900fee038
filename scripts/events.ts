import { readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../promotion/core/journal.ts';
import { EVENTS } from '../promotion/report/events.ts';

// Writes docs/events.md from the registry of codes; with --check it only says whether the file is what it should be.

const FILE = new URL('../docs/events.md', import.meta.url);

const text = `# Events

Made by \`npm run events\` from \`promotion/report/events.ts\`. With \`--output json\` each line is one event:
\`{"time","code","level","member"?,"message","data"?}\`. Rely on codes and data; messages are for people and may change.

| code | level | meaning |
| --- | --- | --- |
${Object.entries(EVENTS)
  .map(([code, { level, meaning }]) => `| \`${code}\` | ${level} | ${meaning} |`)
  .join('\n')}

## Outcomes

| outcome | exit code |
| --- | --- |
${Object.entries(EXIT_CODES)
  .map(([outcome, code]) => `| \`${outcome}\` | ${code} |`)
  .join('\n')}
`;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('docs/events.md is not what the registry says: run npm run events');
  process.exitCode = 1;
}
