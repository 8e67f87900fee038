import type { Result, RunEvent } from '../../promotion/report/events.ts';
import { newFolder } from './folder.ts';
import { run } from './kubectl.ts';

export interface Promotion {
  readonly exitCode: number;
  readonly result: Result | undefined;
  readonly events: readonly RunEvent[];
  readonly stderr: string;
}

/** Hears each event as it is printed and may interfere, also by a signal to the process. */
type Listener = (event: RunEvent, signal: (signal: NodeJS.Signals) => void) => void;

/** Runs a command on a release as a user does, in a process of its own. Its evidence goes with the folders of the suite. */
export async function carryOut(
  command: 'promote' | 'abort' | 'rollback' | 'settle',
  folder: string,
  args: readonly string[] = [],
  at: Listener = () => {},
): Promise<Promotion> {
  const events: RunEvent[] = [];
  const own = await newFolder('evidence');
  const argv = ['build/moneywise-deploy.js', command, '--manifests', folder, '--output', 'json', '--evidence', own];
  const { code, stderr } = await run('node', [...argv, ...args], undefined, (line, child) => {
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    at(event, (signal) => child.kill(signal));
  });
  const last = events.at(-1);
  return { exitCode: code, events, stderr, result: last?.code === 'RESULT' ? (last.data as Result) : undefined };
}

export function promote(folder: string, args?: readonly string[], at?: Listener): Promise<Promotion> {
  return carryOut('promote', folder, args, at);
}
