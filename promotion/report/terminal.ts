import { Chalk, type ChalkInstance } from 'chalk';
import { createLogUpdate } from 'log-update';
import type { Emit } from './events.ts';
import { plainReport } from './plain.ts';
import { advance, NOTHING, type Progress, SIGNS } from './progress.ts';

/**
 * A frame that is redrawn in place while the run goes on; at its end the whole story stays on the screen as plain lines.
 * `close` stops the clock in the frame.
 */
export function terminalReport(stream: NodeJS.WriteStream): { emit: Emit; close: () => void } {
  const paint = new Chalk();
  const update = createLogUpdate(stream);
  let progress = NOTHING;
  const story: string[] = [];
  const tell = plainReport((line) => story.push(line));
  const draw = () => update(frame(progress, new Date(), stream.columns ?? 100, paint));
  const clock = setInterval(draw, 1000);
  return {
    emit(event) {
      progress = advance(progress, event);
      tell(event);
      if (event.code !== 'RESULT') return draw();
      clearInterval(clock);
      draw();
      update.done();
      stream.write(`\n${story.join('\n')}\n`);
    },
    close: () => clearInterval(clock),
  };
}

/** How each stage looks at a glance; those left out are under way: yellow. */
export const STAGE_COLOURS: Readonly<Record<string, 'green' | 'cyan' | 'yellow' | 'red'>> = {
  settled: 'green',
  held: 'cyan',
  prepared: 'cyan',
  rejected: 'red',
  aborted: 'red',
  superseded: 'red',
  withdrawn: 'red',
  unguarded: 'red',
  absent: 'red',
  invalid: 'red',
};

/** The frame as text of at most `width` columns. */
export function frame(progress: Progress, now: Date, width: number, paint: ChalkInstance): string {
  const elapsed = progress.startedAt ? Math.round((now.getTime() - Date.parse(progress.startedAt)) / 1000) : 0;
  const nameWidth = Math.max(6, ...progress.members.map((m) => m.name.length));
  const stageWidth = Math.max(5, ...progress.members.map((m) => m.stage.length));
  const { result } = progress;
  const head = result
    ? result.exitCode === 0
      ? paint.green.bold(cut(progress.phase, width))
      : paint.red.bold(cut(progress.phase, width))
    : paint.bold(cut(progress.phase, width));
  return [
    `${paint.bold(progress.release)}  ${paint.dim(`${elapsed} s`)}`,
    head,
    '',
    ...progress.members.map((m) => {
      const colour = STAGE_COLOURS[m.stage] ?? 'yellow';
      const hashes = `live ${m.active ?? '–'}  stable ${m.stable ?? '–'}`;
      return `  ${m.name.padEnd(nameWidth)}  ${paint[colour](m.stage.padEnd(stageWidth))}  ${paint.dim(hashes)}  ${cut(m.reason, width - nameWidth - stageWidth - hashes.length - 10)}`;
    }),
    '',
    ...progress.recent.map((event) => {
      const line = `  ${SIGNS[event.level]} ${cut(event.message, width - 5)}`;
      return event.level === 'error'
        ? paint.red(line)
        : event.level === 'warning'
          ? paint.yellow(line)
          : paint.dim(line);
    }),
  ].join('\n');
}

function cut(text: string, width: number): string {
  const line = text.replaceAll('\n', ' ');
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
