import { type ParseEntry, parse } from 'shell-quote';

/**
 * The command lines of a piece of shell: a line each, joined where it goes on (a backslash, a pipe, `&&` at its end),
 * without comments.
 */
export function commandLines(shell: string): string[] {
  const lines: string[] = [];
  let begun = '';
  for (const line of shell.split('\n').map(withoutComment)) {
    const whole = [begun, line.trim()].filter(Boolean).join(' ');
    const goesOn = /(\\|\||&&)$/.exec(whole)?.[1];
    begun = goesOn === undefined ? '' : whole.replace(/\s*\\$/, '');
    if (goesOn === undefined && whole !== '') lines.push(whole);
  }
  return begun ? [...lines, begun] : lines;
}

function withoutComment(line: string): string {
  const comment = tokensOf(line)
    .map((token) => (typeof token === 'object' && 'comment' in token ? `#${token.comment}` : undefined))
    .find((text) => text !== undefined);
  return (comment === undefined ? line : line.slice(0, -comment.length)).trimEnd();
}

/** The words of each command of a line, apart at `&&`, `|` and their like; variables stay as they are written. */
export function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const token of tokensOf(line)) {
    if (typeof token === 'object' && 'op' in token && token.op !== 'glob') {
      if (!REDIRECTIONS.has(token.op)) commands.push([]);
    } else commands.at(-1)?.push(wordOf(token));
  }
  return commands.filter((words) => words.length > 0);
}

const REDIRECTIONS = new Set<string>(['<', '>', '>>', '>&', '<(']);

const wordOf = (token: ParseEntry): string =>
  typeof token === 'string' ? token : 'pattern' in token ? token.pattern : '';

const tokensOf = (line: string): ParseEntry[] => parse(line, (name) => `$${name}`);

/** The words of a command behind the variables that are set for it, e.g. `A=b npm test`. */
export function withoutVariables(words: readonly string[]): readonly string[] {
  return words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)));
}
