import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// Programs are run from bundles, which begin to work several times sooner than their sources. Each is built anew when a source of it
// has changed since: an overlay that was edited, or that came with `git pull`, so counts in the very next command.

const root = fileURLToPath(new URL('..', import.meta.url));

/** Program → the file it begins with, and the files and folders that it is made of. */
export const PROGRAMS = {
  'moneywise-deploy': { entry: 'scripts/moneywise-deploy.ts', sources: ['overlays', 'promotion', 'scripts'] },
  synth: {
    entry: 'charts/main.ts',
    sources: ['charts', 'imports', 'overlays', 'promotion', 'package-lock.json'],
    /** Its libraries are in the bundle, too: most of its time would go into reading them one by one. */
    isWhole: true,
  },
};

/** Where the bundle of a program is. @param {keyof typeof PROGRAMS} program */
export const builtOf = (program) => join(root, 'build', `${program}.js`);

/** When a file was changed last, in milliseconds; 0 where there is none. @param {string} file */
const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** When anything below that path was changed last. @param {string} path */
function newest(path) {
  if (!statSync(path).isDirectory()) return modified(path);
  return Math.max(...readdirSync(path, { recursive: true }).map((file) => modified(join(path, String(file)))));
}

/** Runs a program of today's sources. @param {keyof typeof PROGRAMS} program */
export async function runFresh(program) {
  const built = builtOf(program);
  const since = modified(built);
  if (PROGRAMS[program].sources.some((source) => newest(join(root, source)) > since)) {
    const { build } = await import('./build.mjs');
    await build(program);
  }
  await import(pathToFileURL(built).href);
}
