import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Machine } from './machine.ts';
import { type Summary, summaryOf } from './statistics.ts';

/** What was measured: of what, where, by whom. Two of the same name are comparable. */
interface Name {
  /** The quantity, e.g. `promote decision to last active selector`. */
  readonly what: string;
  /** The size or the phase, e.g. `8 members`. */
  readonly at: string;
  /** Whose figure it is, e.g. `plugin in a loop`. */
  readonly who: string;
}

/** A quantity that was measured n times. */
export interface Measured extends Name, Summary {
  readonly unit: Unit;
}

/** How many of `of` there were: requests that failed, for instance. */
export interface Counted extends Name {
  readonly count: number;
  readonly of: number;
}

/** Why there is no figure, e.g. `over 60 s`. */
export interface Missing extends Name {
  readonly why: string;
}

export type Figure = Measured | Counted | Missing;
export type Unit = 's' | 'ms' | 'MB' | 'requests' | 'objects' | 'runs/s';

export const PARTS = ['switch', 'decisions', 'rendering', 'simulation'] as const;
export type Part = (typeof PARTS)[number];

/** One part of the benchmark as it was run. */
export interface Run {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

/** Each part was run at its own time, perhaps, and for some sizes at another one than for others. */
export type Results = Readonly<Partial<Record<Part, readonly Run[]>>>;

export const figuresOf = (results: Results, part: Part): Figure[] =>
  (results[part] ?? []).flatMap(({ figures }) => figures);

/** The results once a part was run again: what it has measured, at a size or in a phase, takes the place of what was there of that. */
export function withRun(results: Results, part: Part, run: Run): Results {
  const measured = new Set(run.figures.map(({ at }) => at));
  const older = (results[part] ?? [])
    .map((old) => ({ ...old, figures: old.figures.filter(({ at }) => !measured.has(at)) }))
    .filter(({ figures }) => figures.length > 0);
  return { ...results, [part]: [...older, run] };
}

export const measured = (name: Name, unit: Unit, values: readonly number[]): Measured => ({
  ...name,
  unit,
  ...summaryOf(values),
});

/** Values by the names they were measured under, until they are summarized. */
export function newSamples() {
  const samples = new Map<string, { readonly name: Name; readonly unit: Unit; readonly values: number[] }>();
  return {
    add(name: Name, unit: Unit, value: number): void {
      const key = keyOf(name);
      const sample = samples.get(key) ?? { name, unit, values: [] };
      sample.values.push(value);
      samples.set(key, sample);
    },
    figures: (): Measured[] => [...samples.values()].map(({ name, unit, values }) => measured(name, unit, values)),
  };
}
export type Samples = ReturnType<typeof newSamples>;

export const keyOf = ({ what, at, who }: Name): string => [what, at, who].join(' | ');

/** The figure of that name, if it was measured. */
export function find(figures: readonly Figure[], what: string, at: string, who: string): Measured | undefined {
  const found = figures.find((figure) => keyOf(figure) === keyOf({ what, at, who }));
  return found && 'median' in found ? found : undefined;
}

export const RECORDED = fileURLToPath(new URL('../../docs/benchmarks.json', import.meta.url));

/** What was recorded; nothing before the first time. */
export async function readResults(file = RECORDED): Promise<Results> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return JSON.parse(text) as Results;
}

export async function writeResults(results: Results, file = RECORDED): Promise<void> {
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
}
