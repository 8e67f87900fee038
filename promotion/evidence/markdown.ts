/**
 * Text that came from elsewhere, as Markdown that shows it as it is: in code nothing is a mention, a link or markup.
 * On one line.
 */
export function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return '–';
  const fence = fenceFor(line, 1);
  return line.startsWith('`') || line.endsWith('`') ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}

/** The same for text of several lines. */
export function block(text: string): string {
  const fence = fenceFor(text, 3);
  return `${fence}text\n${text}\n${fence}`;
}

/** More backticks in a row than the text has. */
function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return '`'.repeat(Math.max(least, longest + 1));
}

/** A table; a cell is Markdown. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

const CUT = '\n\n_… cut here: the folder with the evidence has the rest._';

/** At most `longest` characters, whole lines where that is possible, with a word about what is missing. */
export function cut(markdown: string, longest: number): string {
  if (markdown.length <= longest) return markdown;
  // Room for the fence of a block that is cut open: without it the block would swallow what follows.
  const kept = markdown.slice(0, longest - CUT.length - 100);
  const lines = kept.slice(0, Math.max(kept.lastIndexOf('\n'), 0)) || kept;
  const fences = lines.match(/^`{3,98}/gm) ?? [];
  return `${lines}${fences.length % 2 === 1 ? `\n${fences.at(-1)}` : ''}${CUT}`;
}
