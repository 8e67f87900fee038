import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve as resolvePath } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from '../../scripts/build.mjs';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as `npm run build` bundles it, but of today's sources and in a file of its own. */
const CLI = join('build', `command-line-under-test-${process.pid}.js`);

export const buildCommandLine = (): Promise<void> => build('moneywise-deploy', CLI);

/** Starts `moneywise-deploy` with `args` as a user does, who has no kubeconfig but what they name. */
export function startMoneywiseDeploy(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  cwd = process.cwd(),
): ChildProcessByStdio<null, Readable, Readable> {
  const { KUBECONFIG: _, KUBERNETES_SERVICE_HOST: __, ...rest } = process.env;
  const env = { ...rest, HOME: '/nonexistent', ...environment };
  return spawn(process.execPath, [resolvePath(CLI), ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs it until it ends. */
export function moneywiseDeploy(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  cwd = process.cwd(),
): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = startMoneywiseDeploy(args, environment, cwd);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

const folders: string[] = [];

/** A folder with these files, which `cleanUp` removes. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moneywise-cli-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** Removes what these helpers wrote. */
export async function cleanUp(): Promise<void> {
  await Promise.all([rm(CLI, { force: true }), ...folders.splice(0).map((folder) => rm(folder, { recursive: true }))]);
}
