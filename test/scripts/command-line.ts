import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as `npm run build` bundles it, but of today's sources and in a file of its own. */
const CLI = join('build', `command-line-under-test-${process.pid}.js`);

export async function buildCommandLine(): Promise<void> {
  await build({
    entryPoints: ['scripts/moneywise-deploy.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    outfile: CLI,
    logLevel: 'warning',
  });
}

/** Runs `moneywise-deploy` with `args` as a user does, who has no kubeconfig but what they name. */
export function moneywiseDeploy(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Said> {
  const { KUBECONFIG: _, KUBERNETES_SERVICE_HOST: __, ...rest } = process.env;
  const env = { ...rest, HOME: '/nonexistent', ...environment };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
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
