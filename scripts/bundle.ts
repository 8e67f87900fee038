import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

// `npm run bundle FILE` writes the command line and every library that it uses into one file, which node runs without
// node_modules: the whole of the promoter's image.

/** Always the same bytes for the same sources and libraries. */
export const bundle = (outfile: string): Promise<void> => build('moneywise-deploy', outfile, true);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , outfile] = process.argv;
  if (outfile === undefined) {
    console.error('name the file to write: npm run bundle FILE');
    process.exitCode = 2;
  } else await bundle(outfile);
}
