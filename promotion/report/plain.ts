import type { Emit, RunEvent } from './events.ts';
import { SIGNS } from './progress.ts';

/** A member that stays in its stage is told of again only after this time, in milliseconds. */
const STILL_WAITING = 5000;

/** One line an event, for logs: seconds since the start, a sign, the message. `write` gets lines without their end. */
export function plainReport(write: (line: string) => void): Emit {
  let startedAt: number | undefined;
  const told = new Map<string, { stage: string; at: number }>();
  return (event) => {
    const time = Date.parse(event.time);
    startedAt ??= time;
    if (event.code === 'MEMBER' && event.member) {
      const { stage } = event.data as { stage: string };
      const last = told.get(event.member);
      if (last?.stage === stage && time - last.at < STILL_WAITING) return;
      told.set(event.member, { stage, at: time });
    }
    write(`${((time - startedAt) / 1000).toFixed(1).padStart(7)} s  ${signOf(event)} ${event.message}`);
  };
}

function signOf({ code, level }: RunEvent): string {
  if (code === 'RESULT') return level === 'info' ? '✓' : '✗';
  return code === 'NEXT' ? '→' : SIGNS[level];
}

/** One JSON object a line, for machines. */
export function jsonReport(write: (line: string) => void): Emit {
  return (event) => write(JSON.stringify(event));
}
