import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInThisContext } from 'node:vm';
import { type BuildOptions, build, transform } from 'esbuild';
import type { SourceMutant } from './source-mutants.ts';

/** A CommonJS module that has not run yet: it can be run again and again, without being compiled again. */
type Body = (module: { exports: object }, exports: object, require: (name: string) => unknown, url: string) => void;

const folders = ['charts', 'overlays', 'promotion', 'imports', 'test/overlays'];
const ofPackage = createRequire(resolve('package.json'));
const options = {
  format: 'cjs',
  logLevel: 'silent',
  // CommonJS has none.
  define: { 'import.meta.url': 'moduleUrl' },
} satisfies BuildOptions;

/**
 * Loads the charts with a mistake in one file, as often as it is asked. Compiling is most of the work, so every other file is
 * compiled once, and what lies outside charts/ is run once as well: it knows nothing of charts.
 */
export async function newChartsLoader() {
  const bodies = await compileAll();
  const shared = new Map<string, { exports: object }>();

  function run(path: string, own: Map<string, { exports: object }>, mutant?: Mutated): object {
    const loaded = isChart(path) ? own : shared;
    const known = loaded.get(path);
    if (known) return known.exports;
    const body = mutant?.path === path ? mutant.body : bodies.get(path);
    if (!body) throw new Error(`${path} is in none of ${folders.join(', ')}`);
    const module = { exports: {} };
    loaded.set(path, module);
    const require = (name: string) =>
      name.startsWith('.') ? run(resolve(dirname(path), name), own, mutant) : ofPackage(name);
    body(module, module.exports, require, pathToFileURL(path).href);
    return module.exports;
  }

  /** What some files export, together. */
  return async <Exports extends object>(files: readonly string[], mutant?: SourceMutant): Promise<Exports> => {
    const mutated = mutant && (await compileMutant(mutant));
    const own = new Map();
    return Object.assign({}, ...files.map((file) => run(resolve(file), own, mutated)));
  };
}

const isChart = (path: string) => path.startsWith(resolve('charts'));

interface Mutated {
  readonly path: string;
  readonly body: Body;
}

async function compileMutant({ file, text }: SourceMutant): Promise<Mutated> {
  const path = resolve(file);
  const { code } = await transform(text, { ...options, loader: 'ts' });
  return { path, body: bodyOf(path, code) };
}

async function compileAll(): Promise<Map<string, Body>> {
  const entryPoints = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`),
  );
  const out = resolve('compiled');
  const { outputFiles } = await build({ ...options, entryPoints, write: false, outbase: '.', outdir: out });
  return new Map(
    outputFiles.map(({ path: written, text }) => {
      const path = written.replace(out, resolve('.')).replace(/\.js$/, '.ts');
      return [path, bodyOf(path, text)];
    }),
  );
}

function bodyOf(path: string, code: string): Body {
  return runInThisContext(`(function (module, exports, require, moduleUrl) {${code}\n})`, { filename: path });
}
