import { workflowCommandLines } from '../workflows/workflow.ts';
import { type CommandLine, commandLinesOf } from './markdown.ts';

/**
 * What a document tells people to type below a heading, or what a job of a workflow runs of this project, so that a test runs those very
 * words: the lines of its blocks in their order, or the one line with `part` in it. Marked lines are left out. The harness in `commands.test.ts` finds
 * the calls of this function in the sources of the tests by their arguments, which must be literals.
 * @throws where nothing, or for `part` more than one line, is found.
 */
export function documented(file: string, heading: string): string[];
export function documented(file: string, heading: string, part: string): string;
export function documented(file: string, heading: string, part?: string): string | string[] {
  const found = documentedLines(file, heading, part).map(({ text }) => text);
  // A line that is there twice is typed twice, but is one line to ask for.
  const lines = part === undefined ? found : [...new Set(found)];
  const wanted = part === undefined ? 'a command line' : `one command line with "${part}" in it`;
  if (lines.length === 0 || (part !== undefined && lines.length > 1))
    throw new Error(`${file}: expected ${wanted} below "${heading}", found ${lines.length}`);
  return part === undefined ? lines : (lines[0] as string);
}

/** The same with where they are; empty where there are none. */
export function documentedLines(file: string, heading: string, part?: string): CommandLine[] {
  const all = file.endsWith('.md') ? commandLinesOf(file) : workflowCommandLines().filter((line) => line.file === file);
  const below = all.filter((line) => line.heading === heading && line.notRunHere === undefined);
  return below.filter(({ isBlock, text }) => (part === undefined ? isBlock : text.includes(part)));
}

/**
 * A command line with its placeholders filled in, e.g. `NAMESPACE`.
 * @throws for a placeholder that the line does not have.
 */
export function filled(line: string, placeholders: Readonly<Record<string, string>>): string {
  return Object.entries(placeholders).reduce((text, [placeholder, value]) => {
    if (!text.includes(placeholder)) throw new Error(`no ${placeholder} is in: ${text}`);
    return text.replaceAll(placeholder, value);
  }, line);
}
