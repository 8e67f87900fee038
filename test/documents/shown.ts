import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { z } from 'zod';
import { documentedLines } from './documented.ts';

/** A command line that is run as it stands by something else than `documented`. */
const entrySchema = z.strictObject({
  /** The line as `commandLines` gives it. */
  command: z.string(),
  /** The file that runs it. */
  in: z.string(),
  /** What of that file runs it; by default the line itself. */
  as: z.string().optional(),
});
export type Entry = z.output<typeof entrySchema>;

/** What `commands.yaml` lists. */
export function listed(): Entry[] {
  return z.array(entrySchema).parse(load(readFileSync('test/documents/commands.yaml', 'utf8')));
}

/** What is wrong with an entry: the file does not exist, or does not say so. */
export function problemsOfEntry({ as, command, in: file }: Entry): string[] {
  if (!existsSync(file)) return [`${command}: ${file} does not exist`];
  const wanted = as ?? command;
  return readFileSync(file, 'utf8').includes(wanted) ? [] : [`${command}: ${file} has no "${wanted}"`];
}

const CALL = /\bdocumented\(\s*'([^']+)',\s*'((?:[^'\\]|\\.)+)'(?:,\s*'((?:[^'\\]|\\.)+)')?,?\s*\)/g;
const unescaped = (text: string) => text.replace(/\\(.)/g, '$1');

/** The command lines that tests take from a document: what `documented` is called with. */
export function takenFromDocuments(): Set<string> {
  const taken = new Set<string>();
  for (const test of tracked('test/*.ts', 'e2e/*.ts')) {
    for (const [, file = '', heading = '', part] of readFileSync(test, 'utf8').matchAll(CALL))
      for (const line of documentedLines(file, unescaped(heading), part && unescaped(part)))
        taken.add(likened(line.text));
  }
  return taken;
}

/** A command line as it is written for production: tests type it for staging as well, and the other way round. */
export const likened = (text: string): string => text.replaceAll('staging', 'production');

/** Files of this repository, also those that are not committed yet. */
export function tracked(...patterns: readonly string[]): string[] {
  const options = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const files = execFileSync('git', options, { encoding: 'utf8' }).split('\n').filter(Boolean);
  return files.filter((file) => existsSync(file));
}
