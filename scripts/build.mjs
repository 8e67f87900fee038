import { rename } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { builtOf, PROGRAMS } from './fresh.mjs';

// `npm run build` bundles every program.

/** Some libraries are CommonJS and ask for parts of Node by `require`, which a module does not have. */
const REQUIRE = "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";

/** Writes a program's bundle, to `outfile` or where it is run from, whole or as the program is by default. */
export async function build(program, outfile = builtOf(program), isWhole = PROGRAMS[program].isWhole ?? false) {
  const { entry } = PROGRAMS[program];
  await bundle(fileURLToPath(new URL(`../${entry}`, import.meta.url)), outfile, isWhole);
}

/** Writes a bundle, with its libraries if it is to be whole, all of it at once: others may be reading it. */
export async function bundle(entry, outfile, isWhole) {
  const scratch = `${outfile}.${process.pid}.new`;
  await esbuild.build({
    entryPoints: [entry],
    outfile: scratch,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    ...(isWhole ? { banner: { js: REQUIRE }, legalComments: 'none' } : { packages: 'external' }),
    logLevel: 'warning',
  });
  await rename(scratch, outfile);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await Promise.all(Object.keys(PROGRAMS).map((p) => build(p)));
