import type { EventCode, Level, Result, RunEvent } from './events.ts';

/** What a person wants to see of a run at a glance, folded from its events. */
export interface Progress {
  readonly startedAt?: string;
  readonly release: string;
  readonly phase: string;
  readonly members: readonly MemberProgress[];
  /** What happened last, oldest first. */
  readonly recent: readonly RunEvent[];
  readonly result?: Result;
}

export interface MemberProgress {
  readonly name: string;
  readonly stage: string;
  readonly reason: string;
  readonly active: string | null;
  readonly stable: string | null;
}

const RECENT = 8;
/** Events that the members' table and the header already show. */
const SHOWN_ELSEWHERE: readonly EventCode[] = ['MEMBER', 'PHASE', 'STARTED', 'RESULT'];

export const NOTHING: Progress = { release: '', phase: '', members: [], recent: [] };

/** The progress after one more event. */
export function advance(progress: Progress, event: RunEvent): Progress {
  const recent = SHOWN_ELSEWHERE.includes(event.code) ? progress.recent : [...progress.recent, event].slice(-RECENT);
  switch (event.code) {
    case 'STARTED': {
      const { members } = event.data as { members: readonly string[] };
      return {
        ...progress,
        startedAt: event.time,
        release: event.message,
        members: members.map((name) => ({ name, stage: '…', reason: '', active: null, stable: null })),
      };
    }
    case 'PHASE':
      return { ...progress, phase: event.message };
    case 'MEMBER': {
      const data = event.data as { stage: string; active: string | null; stable: string | null };
      const reason = event.message.replace(/^.*? is .*?: /, '');
      return {
        ...progress,
        members: progress.members.map((m) => (m.name === event.member ? { ...m, ...data, reason } : m)),
      };
    }
    case 'RESULT':
      return { ...progress, phase: event.message, result: event.data as Result };
    default:
      return { ...progress, recent };
  }
}

/** A sign for each level, so that colour is never the only difference. */
export const SIGNS: Readonly<Record<Level, string>> = { info: '·', warning: '!', error: '✗' };
