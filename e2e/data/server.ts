import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../test/charts/objects.ts';
import { run, until } from '../../testbed/run.ts';

// Data stores of Debian packages as processes of their own folder and port, started with what the charts render.

/** Where Debian keeps the server and tools of PostgreSQL 15. */
export const postgresBin = '/usr/lib/postgresql/15/bin';

/** Servers refuse to run as root; the user is the one of Debian's packages. */
const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];

/** Of every login in these tests. */
export const password = 'only-for-tests';

/** A container's plain variables, and those from Secrets as the test's password. */
export const variables = (container: KubeObject): Record<string, string> =>
  Object.fromEntries(container.env.map(({ name, value }: KubeObject) => [name, value ?? password]));

export interface Server {
  readonly port: number;
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  readonly said: () => string;
  /** Ends it and removes its folder. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** A folder that the servers' user owns. */
export async function ownFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  if (asUser.length > 0) await run(['chown', 'postgres:postgres', folder]);
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}

/** Runs a command as the servers' user. */
export const runAs = (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> =>
  run([...asUser, ...argv], { env: { ...process.env, PATH: `${postgresBin}:${process.env.PATH}`, ...env }, cwd: '/' });

interface StartOptions {
  readonly port: number;
  /** Is removed when it ends. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly ready: () => Promise<boolean>;
}

/** Starts a server as the servers' user and waits until it says yes. */
export const start = (argv: readonly string[], options: StartOptions): Promise<Server> =>
  startOwn([...asUser, ...argv], options);

/** The same as the user of this process, for what lies in its home. */
export async function startOwn([file = '', ...args]: readonly string[], options: StartOptions): Promise<Server> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...process.env, ...options.env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const code = await ended;
    await rm(options.folder, { recursive: true, force: true });
    return code;
  };
  try {
    await until([file, ...args].join(' ').slice(0, 80), 20, options.ready);
  } catch (error) {
    await stop('SIGKILL');
    throw new Error(`${(error as Error).message}\n${output}`);
  }
  return { port: options.port, child, said: () => output, stop };
}
