import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { filled } from './documented.ts';
import { commandLinesOf } from './markdown.ts';
import { problemsOf } from './program.ts';
import { simpleCommands } from './shell.ts';

const folder = mkdtempSync(join(tmpdir(), 'markdown-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The command lines of a document with that text. */
function linesOf(text: string) {
  const file = join(folder, 'document.md');
  writeFileSync(file, text);
  return commandLinesOf(file);
}

it('a command line goes on behind a backslash and a pipe, ends before its comment, and knows its heading', () => {
  const lines = linesOf(
    [
      '# One',
      '',
      '    a --b="c # d" \\',
      '      --e   # why',
      '    f |',
      '      g',
      '## Two',
      '```sh',
      'h',
      '```',
    ].join('\n'),
  );
  expect(lines.map(({ heading, text }) => [heading, text])).toEqual([
    ['One', 'a --b="c # d" --e'],
    ['One', 'f | g'],
    ['Two', 'h'],
  ]);
});

it('a mark in front of a block is for that block alone', () => {
  const text = '<!-- not run here: a\nreason -->\n\n    a\n\nText.\n\n    b\n';
  expect(linesOf(text).map(({ notRunHere }) => notRunHere)).toEqual(['a reason', undefined]);
});

it('a block says which language it is in, and other languages than the shell are no command lines', () => {
  expect(linesOf('```yaml\na: 1\n```')).toEqual([]);
  expect(() => linesOf('```\na\n```')).toThrow('say after the backquotes');
});

it('commands of one line are told apart at the words of the shell', () => {
  expect(simpleCommands("A=b npm test && kubectl get pods -o jsonpath='{.items[*]}' > file | jq '.a'")).toEqual([
    ['A=b', 'npm', 'test'],
    ['kubectl', 'get', 'pods', '-o', 'jsonpath={.items[*]}', 'file'],
    ['jq', '.a'],
  ]);
});

it.each([
  ['npx moneywise-deploy promote staging --fast', "unknown option '--fast'"],
  ['true && npx moneywise-deploy promotes staging', "unknown command 'promotes'"],
  ['npm run nothing', 'package.json has no script nothing'],
])('%s is told to be wrong', async (line, problem) => {
  expect(await problemsOf(line)).toEqual([expect.stringContaining(problem)]);
});

it('a placeholder that a line has not is a mistake', () => {
  expect(filled('get NAME', { NAME: 'a' })).toBe('get a');
  expect(() => filled('get NAME', { NAMES: 'a' })).toThrow('no NAMES');
});
