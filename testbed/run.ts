import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

export interface RunOptions {
  /** Text for the command's standard input; default: none. */
  input?: string;
  /** Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/**
 * Runs a command to its end and gives its standard output.
 * @throws an Error that names the command, its exit and the end of what it said, when it does not exit with 0.
 */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [command = '', ...args] = argv;
  return new Promise((done, failed) => {
    const { input, ...rest } = options;
    const child = spawn(command, args, { ...rest, stdio: 'pipe' });
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', (error) => failed(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) done(out);
      else failed(new Error(`${shorten(argv.join(' '), 200)} ended with ${code ?? signal}: ${lastLines(said || out)}`));
    });
    child.stdin.on('error', () => {}); // a command that ends without reading its input
    child.stdin.end(input ?? '');
  });
}

/** Whether the command exits with 0. */
export const succeeds = (argv: readonly string[], options: RunOptions = {}): Promise<boolean> =>
  run(argv, options).then(
    () => true,
    () => false,
  );

/**
 * Asks again and again, five times a second, until the answer is true.
 * An answer that throws counts as not yet.
 * @throws after `seconds`, with the reason of the last refusal.
 */
export async function until(what: string, seconds: number, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    let reason = '';
    try {
      if (await holds()) return;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      reason = `: ${messageOf(error)}`;
    }
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}${reason}`);
    await pause(200);
  }
}

/** Thrown inside `until` when more waiting cannot help. */
export class Hopeless extends Error {}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const lastLines = (text: string, count = 5): string => text.trimEnd().split('\n').slice(-count).join('\n');

const shorten = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);

export type Say = (message: string) => void;

/** Says things with the seconds since this call in front. */
export function stopwatch(print: (line: string) => void): Say {
  const start = performance.now();
  return (message) => print(`${((performance.now() - start) / 1000).toFixed(1).padStart(7)} s  ${message}`);
}
