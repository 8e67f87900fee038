import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import type { Say } from '../../testbed/run.ts';
import { build, bundle } from '../build.mjs';
import { costOf, type Options } from './process.ts';
import { type Figure, newSamples } from './results.ts';

// Rendering as whole processes: from the start of a command to its end, with all that it reads and writes. Kustomize and Helm are given
// the very objects that were rendered, so they neither compose nor judge anything: the least that they could be asked.

export interface RenderingOptions {
  /** How often each is run; less often with a hundred services and more. */
  readonly n: number;
  /** Numbers of services. */
  readonly services: readonly number[];
  /** The programs to run beside this project's own, as paths. @default none */
  readonly kubectl?: string;
  readonly helm?: string;
  readonly say: Say;
}

/** So many services have 25,000 objects. */
export const MOST_SERVICES = 1700;

/** With more services only this project's own command is run. */
const MOST_FOR_ALL = 1000;

/** How long a command may take, in seconds: Kustomize takes more than linear time. */
const LIMIT = 60;
/** The same for this project's own, which are to come to their end. */
const PATIENCE = 600;

/** A command that renders, by what it is called. */
interface Contender {
  readonly who: string;
  readonly argv: readonly string[];
  readonly options: Options;
}

export async function rendering({ n, services, kubectl, helm, say }: RenderingOptions): Promise<Figure[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'rendering-'));
  const many = resolve('build/environments.js');
  await Promise.all([
    build('synth'),
    bundle(fileURLToPath(new URL('environments.ts', import.meta.url)), many, true),
    writeFile(
      join(scratch, 'package.json'),
      JSON.stringify({ type: 'module', scripts: { synth: `node ${many} $SERVICES`, nothing: 'true' } }),
    ),
  ]);

  /** What renders one overlay or so many services into a folder. */
  const ours = (count: number, folder: string): Contender[] => {
    const env = { ...process.env, CDK8S_OUTDIR: folder, CDK8S_CHECK_UPGRADE: 'false', SERVICES: String(count) };
    const options = { env, limit: PATIENCE };
    const app = count === 1 ? 'node scripts/synth.mjs production' : `node ${many} ${count}`;
    const cdk8s = ['npx', 'cdk8s', 'synth', '--app', app, '--output', folder];
    return [
      {
        who: 'npm run synth',
        ...(count === 1
          ? { argv: ['npm', 'run', 'synth', '--', 'production'], options }
          : { argv: ['npm', 'run', 'synth'], options: { ...options, cwd: scratch } }),
      },
      ...(count > MOST_FOR_ALL ? [] : [{ who: 'npx cdk8s synth', argv: cdk8s, options }]),
    ];
  };

  /** What each of ours cannot do without: its runner's own start. */
  const startsOf = (env: NodeJS.ProcessEnv): Contender[] => [
    { who: 'npm run, of nothing', argv: ['npm', 'run', 'nothing'], options: { cwd: scratch, limit: LIMIT } },
    { who: 'npx cdk8s --version', argv: ['npx', 'cdk8s', '--version'], options: { env, limit: LIMIT } },
    {
      who: 'node scripts/synth.mjs',
      argv: ['node', 'scripts/synth.mjs', 'production'],
      options: { env, limit: LIMIT },
    },
  ];

  const samples = newSamples();
  const figures: Figure[] = [];
  try {
    for (const count of [1, ...services]) {
      const at = count === 1 ? '1 overlay' : `${count} services`;
      const folder = join(scratch, String(count));
      const [first] = ours(count, folder);
      if (first) await costOf(first.argv, first.options);
      const rendered = count === 1 ? join(folder, 'production') : folder;
      const objects = await objectsIn(rendered);
      say(`rendering: ${at}, ${objects} objects`);
      const others: Contender[] = [];
      if (count <= MOST_FOR_ALL) {
        const chart = await chartOf(rendered, join(scratch, `chart-${count}`));
        await kustomizationIn(rendered);
        if (kubectl)
          others.push({ who: 'kubectl kustomize', argv: [kubectl, 'kustomize', rendered], options: { limit: LIMIT } });
        if (helm) others.push({ who: 'helm template', argv: [helm, 'template', chart], options: { limit: LIMIT } });
      }
      const out = join(scratch, 'out');
      const starts = count === 1 ? startsOf({ ...process.env, CDK8S_OUTDIR: out, CDK8S_CHECK_UPGRADE: 'false' }) : [];
      const contenders = [...ours(count, out), ...others, ...starts];
      samples.add({ what: 'objects', at, who: 'npm run synth' }, 'objects', objects);
      const repeats = Math.ceil(n / (count < 100 ? 1 : count < 1000 ? 3 : 10));
      const slow = new Set<string>();
      for (let run = 0; run < repeats; run += 1) {
        for (const { who, argv, options } of contenders.filter((c) => !slow.has(c.who))) {
          const cost = await costOf(argv, options);
          if (!cost) {
            slow.add(who);
            figures.push({ what: 'time', at, who, why: `over ${options.limit} s` });
            continue;
          }
          samples.add({ what: 'time', at, who }, 's', cost.seconds);
          samples.add({ what: 'processor time', at, who }, 's', cost.cpuSeconds);
          samples.add({ what: 'memory', at, who }, 'MB', cost.megabytes);
          if (who === 'npm run synth' && count > 1)
            samples.add({ what: 'time an object', at, who }, 'ms', (1000 * cost.seconds) / objects);
        }
      }
    }
    return [...samples.figures(), ...figures];
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function objectsIn(folder: string): Promise<number> {
  const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
  return texts.reduce((sum, text) => sum + loadAll(text).length, 0);
}

async function kustomizationIn(folder: string): Promise<void> {
  const files = (await readdir(folder)).toSorted();
  await writeFile(join(folder, 'kustomization.yaml'), `resources:\n${files.map((file) => `- ${file}\n`).join('')}`);
}

/** A Helm chart whose templates are those files as they stand, their own braces escaped. */
async function chartOf(folder: string, chart: string): Promise<string> {
  await mkdir(chart);
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: rendered\nversion: 1.0.0\n');
  const templates = join(chart, 'templates');
  await cp(folder, templates, { recursive: true });
  for (const file of await readdir(templates)) {
    const text = await readFile(join(templates, file), 'utf8');
    if (text.includes('{{')) await writeFile(join(templates, file), text.replaceAll('{{', '{{ "{{" }}'));
  }
  return chart;
}
