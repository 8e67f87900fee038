import { Chalk } from 'chalk';
import type { Output } from './options.ts';

/** One line about one thing. */
export interface Row {
  readonly sign: keyof typeof COLOURS;
  readonly cells: readonly string[];
}

/** Signs with their colours, so that colour is never the only difference. */
const COLOURS = { '✔': undefined, '✖': 'red', '!': 'yellow', '?': 'yellow' } as const;

/** Rows under each other, all cells but the last as wide as the widest in their column. */
export function table(rows: readonly Row[], output: Output): string[] {
  const paint = output === 'tty' ? new Chalk() : new Chalk({ level: 0 });
  const width = (column: number) => Math.max(...rows.map(({ cells }) => cells[column]?.length ?? 0));
  const widths = (rows[0]?.cells ?? []).map((_, column) => width(column));
  return rows.map(({ sign, cells }) => {
    const last = cells.length - 1;
    const padded = cells.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column] ?? 0)));
    const line = [sign, padded.join('  ')].join(' ');
    const colour = COLOURS[sign];
    return colour === undefined ? line : paint[colour](line);
  });
}
