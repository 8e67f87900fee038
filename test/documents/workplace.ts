import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { tracked } from './shown.ts';

/** A copy of this repository in which a test types what people type, and changes what it likes. */
export interface Workplace {
  readonly folder: string;
  /** Types a command line in a shell and waits for its end. */
  readonly type: (line: string, options?: TypeOptions) => Promise<Typed>;
  readonly remove: () => Promise<void>;
}

export interface TypeOptions {
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Hears what has been said so far, and may end the process group by a signal. */
  readonly heard?: (said: string, signal: (signal: NodeJS.Signals) => void) => void;
}

export interface Typed {
  /** -1 where a signal ended it. */
  readonly code: number;
  /** Output and errors as they came. */
  readonly said: string;
  readonly seconds: number;
}

/** Copies what is tracked and links the dependencies. */
export async function workplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'moneywise-workplace-'));
  const files = tracked('.');
  for (const parent of new Set(files.map((file) => dirname(join(folder, file)))))
    await mkdir(parent, { recursive: true });
  await Promise.all(files.map((file) => copyFile(file, join(folder, file))));
  await linkDependencies(folder);
  return { folder, type: (line, options) => type(folder, line, options), remove: () => remove(folder) };
}

async function remove(folder: string): Promise<void> {
  for (const pid of running) process.kill(-pid, 'SIGKILL');
  await rm(folder, { recursive: true });
}

/**
 * The dependencies of this repository, and its own command among their programs: npx then finds it there. For a package
 * that names the command as its own, it would link the folder into its cache anew at every call.
 */
async function linkDependencies(folder: string): Promise<void> {
  const manifest = JSON.parse(await readFile('package.json', 'utf8')) as { bin?: object };
  delete manifest.bin;
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const part of ['node_modules', 'node_modules/.bin']) {
    await mkdir(join(folder, part));
    const entries = (await readdir(part)).filter((entry) => entry !== '.bin' && entry !== 'moneywise-deploy');
    await Promise.all(entries.map((entry) => symlink(resolve(part, entry), join(folder, part, entry))));
  }
  const own = join(folder, 'node_modules/.bin/moneywise-deploy');
  await writeFile(own, '#!/bin/sh\nexec node "$(dirname "$0")/../../scripts/launch.mjs" "$@"\n', { mode: 0o755 });
}

/** The process groups of what was typed and has not ended. */
const running = new Set<number>();

function type(cwd: string, line: string, { env = {}, heard = () => {} }: TypeOptions = {}): Promise<Typed> {
  const since = Date.now();
  return new Promise((done, failed) => {
    const options = { cwd, env: { ...process.env, CDK8S_CHECK_UPGRADE: 'false', ...env }, detached: true } as const;
    const child = spawn('bash', ['-o', 'pipefail', '-c', line], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const { pid = 0 } = child;
    running.add(pid);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        heard(said, (signal) => running.has(pid) && process.kill(-pid, signal));
      });
    child.on('error', failed);
    child.on('exit', () => running.delete(pid));
    child.on('close', (code) => {
      done({ code: code ?? -1, said, seconds: (Date.now() - since) / 1000 });
    });
  });
}
