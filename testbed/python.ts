import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installPackages } from './host.ts';
import { cache, sources } from './paths.ts';
import { run, type Say, succeeds } from './run.ts';

/** What is had from PyPI, each file by its hash. */
const requirements = join(sources, 'lint', 'requirements.txt');

async function folder(): Promise<string> {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${await readFile(requirements, 'utf8')}`,
  );
  return join(cache(), 'bin', `python-${hash.digest('hex').slice(0, 16)}`);
}

/** Installs the tools that come from PyPI where the cache lacks them: some seconds, and Python's own venv and pip. */
export async function buildPythonTools(say: Say): Promise<void> {
  const target = await folder();
  if (existsSync(target)) return say('tools of PyPI are there');
  if (!(await succeeds(['python3', '-c', 'import ensurepip, venv']))) await installPackages(['python3-venv'], say);
  await mkdir(join(cache(), 'bin'), { recursive: true });
  const scratch = await mkdtemp(join(cache(), 'bin', 'new-'));
  try {
    const [venv, tools] = [join(scratch, 'venv'), join(scratch, 'tools')];
    await run(['python3', '-m', 'venv', venv]);
    const pip = [join(venv, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    // Into a folder that can be moved, which a venv cannot: both tools are programs of their own.
    await run([...pip, '--require-hashes', '--only-binary=:all:', '--target', tools, '-r', requirements]);
    await rename(tools, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  say('tools of PyPI installed');
}

/**
 * The path of a tool from PyPI.
 * @throws when `build` was not run for these sources.
 */
export async function pythonTool(name: 'hadolint' | 'zizmor'): Promise<string> {
  const path = join(await folder(), 'bin', name);
  if (!existsSync(path)) throw new Error(`${name} is not built: run \`npm run testbed -- build\``);
  return path;
}
