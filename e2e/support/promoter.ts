import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Result, RunEvent } from '../../promotion/report/events.ts';
import { newFolder } from './folder.ts';
import { run } from './kubectl.ts';

export interface Promotion {
  readonly exitCode: number;
  readonly result: Result | undefined;
  readonly events: readonly RunEvent[];
  readonly stderr: string;
  /** The files of its evidence, by their names; none where it kept none. */
  readonly evidence: ReadonlyMap<string, string>;
}

/** Hears each event as it is printed and may interfere, also by a signal to the process. */
type Listener = (event: RunEvent, signal: Signal) => void;

/** Sends a signal to the process. */
export type Signal = (signal: NodeJS.Signals) => void;

/**
 * Runs a command on a release as a user does, in a process of its own; `onStart` hears how to signal it, before any event.
 * Its evidence goes with the folders of the suite.
 */
export async function carryOut(
  command: 'promote' | 'abort' | 'rollback' | 'settle',
  folder: string,
  args: readonly string[] = [],
  at: Listener = () => {},
  onStart: (signal: Signal) => void = () => {},
): Promise<Promotion> {
  const events: RunEvent[] = [];
  const own = await newFolder('evidence');
  const argv = ['scripts/launch.mjs', command, '--manifests', folder, '--output', 'json', '--evidence', own, ...args];
  const heard = (line: string, child: ChildProcess) => {
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    at(event, (signal) => child.kill(signal));
  };
  const { code, stderr } = await run('node', argv, undefined, heard, (child) => onStart((s) => child.kill(s)));
  const last = events.at(-1);
  const kept = events.find((event) => event.code === 'EVIDENCE')?.data as { folder: string } | undefined;
  const evidence = await filesIn(kept?.folder);
  const result = last?.code === 'RESULT' ? (last.data as Result) : undefined;
  return { exitCode: code, events, stderr, evidence, result };
}

async function filesIn(folder: string | undefined): Promise<Map<string, string>> {
  if (folder === undefined) return new Map();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.map(async (file) => [relative(folder, file), await readFile(file, 'utf8')] as [string, string]),
    ),
  );
}

export function promote(folder: string, args?: readonly string[], at?: Listener): Promise<Promotion> {
  return carryOut('promote', folder, args, at);
}

/** Whether an event says that the run is in that phase now. */
export function isPhase({ code, data }: RunEvent, phase: string): boolean {
  return code === 'PHASE' && (data as { phase: string }).phase === phase;
}

/** Whether an event says that a member is at that stage now. */
export function isStage({ code, data }: RunEvent, stage: string): boolean {
  return code === 'MEMBER' && (data as { stage: string }).stage === stage;
}
