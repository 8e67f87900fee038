import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type LayerName, pause, recipes } from './catalogue.ts';
import { buildLayers } from './layers.ts';
import { type Layer, packLayer, readLayer, writeLayout } from './oci.ts';
import { cache, sources } from './paths.ts';
import { run, type Say } from './run.ts';

/** What the sources below the testbed's folder, this node and these libraries make is always the same. */
async function keyOf(files: readonly string[], more: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.version} ${process.arch} ${more}`);
  for (const file of files) hash.update(await readFile(join(sources, file)));
  return hash.digest('hex').slice(0, 16);
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(join(sources, folder))).sort().map((file) => join(folder, file));
}

const debianKey = async (): Promise<string> =>
  keyOf(
    ['debian.ts', 'layers.ts', ...(await filesIn('image'))],
    await readFile('/etc/debian_version', 'utf8').catch(() => ''),
  );

async function layoutFolder(): Promise<string> {
  const bundled = ['esbuild', 'ioredis', 'pg'].map((name) => join('..', 'node_modules', name, 'package.json'));
  const key = await keyOf(
    ['catalogue.ts', 'images.ts', 'oci.ts', ...(await filesIn('app')), ...bundled],
    await debianKey(),
  );
  return join(cache(), 'images', key);
}

/** Builds the images that the cache lacks: half a minute the first time, seconds after a change of the application. */
export async function buildImages(say: Say): Promise<void> {
  const folder = await layoutFolder();
  if (existsSync(folder)) return say('images are there');
  await mkdir(join(cache(), 'images'), { recursive: true });
  const scratch = await mkdtemp(join(cache(), 'images', 'new-'));
  try {
    const debian = await debianLayers(scratch, say);
    const application = await applicationLayers(scratch);
    const layers: Record<LayerName, Layer> = { ...debian, ...application };
    const images = recipes.map((recipe) => ({ ...recipe, layers: recipe.layers.map((name) => layers[name]) }));
    const layout = join(scratch, 'layout');
    const references = await writeLayout(join(layout, 'oci'), images);
    await writeFile(join(layout, 'images.json'), `${JSON.stringify(references, null, 2)}\n`);
    await rename(layout, folder);
    say(`${images.length} images built`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The layers of Debian packages, which seldom change and take longest, are kept apart from the images. */
async function debianLayers(scratch: string, say: Say) {
  const folder = join(cache(), 'layers', await debianKey());
  if (!existsSync(folder)) {
    if (process.getuid?.() !== 0) throw new Error('building images needs root: run `npm run testbed -- build` as root');
    const folders = await buildLayers(scratch, say);
    const packed = join(scratch, 'packed');
    await mkdir(packed);
    for (const [name, path] of Object.entries(folders)) await packLayer(path, join(packed, `${name}.tar`));
    await mkdir(join(cache(), 'layers'), { recursive: true });
    await rename(packed, folder);
  }
  const [base, node, postgres, redis] = await Promise.all(
    ['base', 'node', 'postgres', 'redis'].map((name) => readLayer(join(folder, `${name}.tar`))),
  );
  return { base, node, postgres, redis } as Record<'base' | 'node' | 'postgres' | 'redis', Layer>;
}

/** Bundles the stand-in application, each program with its libraries into one file. */
async function applicationLayers(scratch: string) {
  const layer = async (name: string, programs: Record<string, string>): Promise<Layer> => {
    const root = join(scratch, name);
    await build({
      entryPoints: Object.fromEntries(Object.entries(programs).map(([out, file]) => [out, join(sources, 'app', file)])),
      outdir: join(root, 'app'),
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      external: ['pg-native'],
      logLevel: 'warning',
    });
    await run(['chmod', '-R', 'u=rwX,go=rX', root]);
    await packLayer(root, join(scratch, `${name}.tar`));
    return readLayer(join(scratch, `${name}.tar`));
  };
  const backend = await layer('backend', { server: 'backend.ts', migrate: 'migrate.ts' });
  return { backend, web: await layer('web', { server: 'web.ts' }) };
}

/** The built images, for a node to import. */
export async function builtImages(): Promise<{ layout: string; pause: string }> {
  const folder = await layoutFolder();
  if (!existsSync(folder)) throw new Error('the images are not built: run `npm run testbed -- build`');
  return { layout: join(folder, 'oci'), pause };
}

/**
 * Each image's name → its reference by digest, for example
 * `testbed.local/moneywise/backend:v1` → `testbed.local/moneywise/backend@sha256:…`.
 * @throws when `build` was not run for these sources.
 */
export async function images(): Promise<Record<string, string>> {
  const { layout } = await builtImages();
  return JSON.parse(await readFile(join(layout, '..', 'images.json'), 'utf8'));
}
