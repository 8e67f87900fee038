import { writeFile } from 'node:fs/promises';
import { stopwatch } from '../../testbed/run.ts';
import { decisions } from './decisions.ts';
import { underLoad } from './switch.ts';

// A part that needs a cluster, inside a testbed: `inside.ts PART N FILE [MEMBERS...]` writes its figures.

const say = stopwatch(console.error);
const [, , part = '', n = '', file = '', ...members] = process.argv;
const figures = await (part === 'switch'
  ? underLoad({ requests: Math.ceil((10_000 * Number(n)) / 30), perSecond: 220, delay: 20, say })
  : decisions({ n: Number(n), sizes: members.map(Number), say }));
await writeFile(file, JSON.stringify(figures));
process.exit();
