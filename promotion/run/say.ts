import { type Emit, EVENTS, type EventCode, type Level } from '../report/events.ts';

/** Reports an event; its level is the code's own unless another is given. */
export type Say = (code: EventCode, message: string, more?: { member?: string; data?: unknown; level?: Level }) => void;

export function sayTo(emit: Emit, now: () => Date): Say {
  return (code, message, more = {}) =>
    emit({ time: now().toISOString(), code, level: EVENTS[code].level, message, ...more });
}
