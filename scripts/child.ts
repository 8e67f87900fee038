import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** Thrown where a signal has stopped what was under way. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
  }
}

/** What a shell makes of a process that Ctrl-C has ended. */
export const EXIT_INTERRUPTED = 130;

export interface ChildOptions {
  /** Once aborted, the child and all that it has started are sent SIGTERM; what outlives the child is killed. */
  readonly stop: AbortSignal;
  /** It gives way to all else, and says what it has to say when it has ended; default: false. */
  readonly isBehind?: boolean;
}

/**
 * Runs a command, which says what it says where this process does, and waits for its end.
 * @returns its exit code; where a signal ended it, 128 and the signal's number
 * @throws {@link Interrupted} when it was stopped, but only once it has ended: what it used may be taken away then
 */
export function runChild(
  [command = '', ...args]: readonly string[],
  { stop, isBehind = false }: ChildOptions,
): Promise<number> {
  if (stop.aborted) return Promise.reject(new Interrupted());
  return new Promise((resolve, reject) => {
    const output = isBehind ? 'pipe' : 'inherit';
    // A process group of its own: vitest, told to end, leaves its workers, which wait for a cluster that is taken down meanwhile.
    const child = spawn(command, args, { stdio: ['ignore', output, output], detached: true });
    if (isBehind && child.pid) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => said.push(part));
    const end = () => signalGroup(child.pid, 'SIGTERM');
    stop.addEventListener('abort', end);
    child.on('error', reject);
    child.on('exit', () => {
      if (stop.aborted) signalGroup(child.pid, 'SIGKILL');
    });
    child.on('close', (code, signal) => {
      stop.removeEventListener('abort', end);
      process.stdout.write(Buffer.concat(said));
      if (stop.aborted) reject(new Interrupted());
      else resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (leader) process.kill(-leader, signal);
  } catch (error) {
    // It has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
