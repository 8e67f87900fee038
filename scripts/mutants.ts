import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { z } from 'zod';

// Changes the decision core mechanically, one small change at a time, and lets the tests find each. What they let live must be
// explained in docs/mutations.yaml, by file and text, or this fails. Arguments are Stryker's: `-m FILE` for one file.

const report = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.string(),
      mutants: z.array(
        z.object({
          mutatorName: z.string(),
          replacement: z.string().default(''),
          status: z.string(),
          location: z.object({
            start: z.object({ line: z.number(), column: z.number() }),
            end: z.object({ line: z.number(), column: z.number() }),
          }),
        }),
      ),
    }),
  ),
});

const explanations = z.array(
  z.strictObject({
    /** The file below promotion/; none means all. */
    file: z.string().optional(),
    /** What stood there and what replaced it, each as one line; none means any. */
    from: z.string().optional(),
    to: z.string().optional(),
    /** A regular expression over what stood there. */
    like: z.string().optional(),
    mutator: z.string().optional(),
    why: z.string().min(20),
  }),
);

type Mutant = { file: string; mutator: string; from: string; to: string; line: number; status: string };
type Explanation = z.infer<typeof explanations>[number];

const stryker = spawnSync('npx', ['stryker', 'run', ...process.argv.slice(2)], { stdio: 'inherit' });
if (stryker.status !== 0) process.exit(stryker.status ?? 1);

// Those of sentences are not tried; see stryker.wording.mjs.
const mutants = mutantsOf(report.parse(JSON.parse(readFileSync('mutation-report/report.json', 'utf8')))).filter(
  ({ status }) => status !== 'Ignored',
);
const explained = explanations.parse(load(readFileSync('docs/mutations.yaml', 'utf8')) ?? []);
const ALIVE = ['Survived', 'NoCoverage'];
const unexplained = mutants.filter((m) => ALIVE.includes(m.status) && !explained.some((e) => explains(e, m)));

for (const file of [...new Set(mutants.map((m) => m.file))]) {
  const here = mutants.filter((m) => m.file === file);
  const count = (of: readonly Mutant[]) => String(of.length).padStart(5);
  const alive = here.filter((m) => ALIVE.includes(m.status));
  console.log(`${file.padEnd(22)} ${count(here)} mutants ${count(alive)} survived`);
}
for (const { file, line, mutator, from, to } of unexplained)
  console.log(
    `not explained: ${file}:${line} ${mutator}\n  from: ${JSON.stringify(from)}\n  to:   ${JSON.stringify(to)}`,
  );
console.log(`${mutants.length} mutants, ${unexplained.length} survivors without an explanation`);
process.exitCode = unexplained.length === 0 ? 0 : 1;

function mutantsOf({ files }: z.infer<typeof report>): Mutant[] {
  return Object.entries(files).flatMap(([path, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants.map(({ mutatorName, replacement, status, location: { start, end } }) => {
      const text = lines.slice(start.line - 1, end.line);
      text.push((text.pop() ?? '').slice(0, end.column - 1));
      text[0] = (text[0] ?? '').slice(start.column - 1);
      return {
        file: path.replace('promotion/', ''),
        mutator: mutatorName,
        from: oneLine(text.join('\n')),
        to: oneLine(replacement),
        line: start.line,
        status,
      };
    });
  });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function explains({ file, from, to, like, mutator }: Explanation, mutant: Mutant): boolean {
  return (
    (file === undefined || file === mutant.file) &&
    (from === undefined || from === mutant.from) &&
    (to === undefined || to === mutant.to) &&
    (mutator === undefined || mutator === mutant.mutator) &&
    (like === undefined || new RegExp(like, 's').test(mutant.from))
  );
}
