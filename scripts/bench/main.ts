import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { binaries, buildBinaries } from '../../testbed/binaries.ts';
import { messageOf, type Say, stopwatch } from '../../testbed/run.ts';
import { down, type UpOptions, up } from '../../testbed/testbed.ts';
import { EXIT_INTERRUPTED, Interrupted, runChild } from '../child.ts';
import { outputOf, stopSignal } from '../options.ts';
import { table } from '../table.ts';
import { compare } from './check.ts';
import { FEW, MANY_QPS } from './decisions.ts';
import { machine } from './machine.ts';
import { PROXIES } from './proxies.ts';
import { MOST_SERVICES, rendering } from './rendering.ts';
import { DOCUMENT, reportOf } from './report.ts';
import { type Figure, PARTS, type Part, type Run, readResults, withRun, writeResults } from './results.ts';
import { simulation } from './simulation.ts';

// `npm run bench`: measures, writes docs/benchmarks.json and from it docs/benchmarks.md. With `--check` it writes nothing and compares
// with what was recorded.

const say = stopwatch(console.error);

/** How each part is run, given how often each quantity is measured. */
const RUN: Readonly<Record<Part, (n: number, members: readonly number[]) => Promise<Figure[]>>> = {
  switch: async (n) => {
    const figures: Figure[] = [];
    for (const proxy of PROXIES) {
      // What explains a figure needs fewer requests than what is promised.
      const often = proxy.delay === undefined ? n : Math.ceil(n / 5);
      const own = await inTestbed({ kind: 'node', ...(proxy.delay && { proxyDelay: proxy.delay }) }, 'switch', often);
      figures.push(...own.map((figure) => ({ ...figure, who: proxy.named(figure.who) })));
    }
    return figures;
  },
  decisions: async (n, members) => {
    const [few, many] = [members.filter((count) => count <= FEW), members.filter((count) => count > FEW)];
    const figures = few.length > 0 ? await inTestbed({ kind: 'fake' }, 'decisions', n, few) : [];
    if (many.length === 0) return figures;
    const own = await inTestbed({ kind: 'fake', qps: MANY_QPS }, 'decisions', n, many);
    return [
      ...figures,
      ...own.map((figure) => ({ ...figure, at: `${figure.at}, controller at ${MANY_QPS} requests/s` })),
    ];
  },
  rendering: async (n) => {
    await buildBinaries('bench', say);
    const [kubectl, helm] = [(await binaries('fake')).of('kubectl'), (await binaries('bench')).of('helm')];
    return rendering({ n, services: [10, 100, 1000, MOST_SERVICES], kubectl, helm, say });
  },
  simulation: (n) => simulation({ n, seeds: 3, batch: 20 }),
};

const NAME = 'bench';

/** Runs a part where a cluster of its own can be reached, and takes that down whatever happens. */
async function inTestbed(
  kind: Omit<UpOptions, 'name'>,
  part: Part,
  n: number,
  members: readonly number[] = [],
): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const file = join(folder, 'figures.json');
  const { signal: stop, release } = stopSignal();
  try {
    await down(NAME); // what a killed run may have left
    const testbed = await up({ name: NAME, say, ...kind });
    const inside = [
      'node',
      '--import',
      'tsx',
      'scripts/bench/inside.ts',
      part,
      String(n),
      file,
      ...members.map(String),
    ];
    const code = await runChild(testbed.argv(inside), { stop });
    if (code !== 0) throw new Error(`${part}: ended with ${code}`);
    return JSON.parse(await readFile(file, 'utf8')) as Figure[];
  } finally {
    await down(NAME);
    await rm(folder, { recursive: true });
    release();
  }
}

async function run(part: Part, { members, n }: Options, print: Say): Promise<Run> {
  print(part);
  const before = machine();
  const [date, start] = [new Date().toISOString(), performance.now()];
  const figures = await RUN[part](n, members);
  const minutes = Math.round((performance.now() - start) / 6000) / 10;
  const sizes = part === 'decisions' && members !== DEFAULT_MEMBERS ? ` --members ${members.join(',')}` : '';
  const command = `npm run bench -- ${part}${sizes}${n === DEFAULT_N ? '' : ` --n ${n}`}`;
  return { date, command, minutes, machine: before, figures };
}

const DEFAULT_N = 30;
const DEFAULT_MEMBERS: readonly number[] = [2, 8, 32, 100];

interface Options {
  readonly n: number;
  readonly members: readonly number[];
  readonly check: boolean;
}

async function main(parts: readonly Part[], options: Options): Promise<void> {
  const recorded = await readResults();
  let isWorse = false;
  for (const part of parts.length > 0 ? parts : PARTS) {
    const now = await run(part, options, say);
    if (options.check) {
      const found = compare(recorded, { [part]: [now] });
      const signs = { fine: '✔', worse: '✖', 'not comparable': '?' } as const;
      const rows = found.map(({ name, verdict, words }) => ({ sign: signs[verdict], cells: [name, words] }));
      for (const line of table(rows, outputOf({}))) console.log(line);
      isWorse ||= found.some(({ verdict }) => verdict === 'worse');
      continue;
    }
    // After each part: the next one may take an hour, and fail.
    const results = withRun(await readResults(), part, now);
    await writeResults(results);
    await writeFile(DOCUMENT, reportOf(results));
  }
  if (isWorse) process.exitCode = 1;
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0, e.g. 30.');
  return Number(text);
}

const sizes = (text: string): number[] => text.split(',').map(positive);

const program = new Command('bench')
  .description('measure this project beside what one would take instead, and write docs/benchmarks.md')
  .addArgument(new Argument('[part...]', 'what to measure (default: all)').choices(PARTS))
  .option(
    '--n <count>',
    'how often each quantity is measured; 30 means 10,000 requests in each phase under load',
    positive,
    DEFAULT_N,
  )
  .option(
    '--members <counts>',
    'sizes of sets whose decisions are measured; others stay as recorded',
    sizes,
    DEFAULT_MEMBERS,
  )
  .option('--check', 'write nothing; fail with 1 when a figure is worse than the recorded one beyond noise', false)
  // 1 is what --check fails with.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(main);

program.parseAsync().catch((error) => {
  console.error(`bench: ${messageOf(error)}`);
  process.exitCode = error instanceof Interrupted ? EXIT_INTERRUPTED : 70;
});
