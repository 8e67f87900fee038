import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a process and all that it started took, from its start to its end. */
export interface Cost {
  readonly seconds: number;
  /** Of processors, user's and system's. */
  readonly cpuSeconds: number;
  /** Of the greatest process among them. */
  readonly megabytes: number;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ended after so many seconds. */
  readonly limit: number;
}

/**
 * Runs a command to its end, its output thrown away; undefined where it was ended by the limit.
 * @throws what it said, where it fails, or where GNU time is missing, which measures it
 */
export async function costOf(argv: readonly string[], { limit, ...options }: Options): Promise<Cost | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'cost-'));
  try {
    const report = join(folder, 'time');
    const args = ['-f', '%U %S %M', '-o', report, 'timeout', '-k', '5', String(limit), ...argv];
    const start = performance.now();
    const { code, said } = await ended(args, options);
    const seconds = (performance.now() - start) / 1000;
    if (code === 124 || code === 137) return undefined;
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${said.slice(-2000)}`);
    const [user = 0, system = 0, kibibytes = 0] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
    return { seconds, cpuSeconds: user + system, megabytes: (kibibytes * 1024) / 1e6 };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function ended(args: readonly string[], options: Omit<Options, 'limit'>): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/time', args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('GNU time is missing: as root, apt-get install time') : error),
    );
    child.on('close', (code) => resolve({ code: code ?? -1, said }));
  });
}
