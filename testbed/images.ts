import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { bundle } from '../scripts/bundle.ts';
import { type LayerName, pause, promoter, recipes } from './catalogue.ts';
import { buildLayers, type DebianLayer, debianLayers } from './layers.ts';
import { type Layer, packLayer, readLayer, writeLayout } from './oci.ts';
import { cache, sources, stateOf } from './paths.ts';
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

/** What MoneyWise's images load before the application: the stand-in's have it, too. */
const preload = join('..', 'images', 'node', 'max-connection-age.cjs');

async function layoutFolder(): Promise<string> {
  const bundled = ['esbuild', 'ioredis', 'pg'].map((name) => join('..', 'node_modules', name, 'package.json'));
  const key = await keyOf(
    ['catalogue.ts', 'images.ts', 'oci.ts', ...(await filesIn('app')), preload, ...bundled],
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
    const debian = await builtLayers(scratch, say);
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

/**
 * Builds the promoter's image of today's sources, as images/promoter/Dockerfile does, and imports it into the node in whose
 * network this process runs. Apart from the others, so that a change of the promoter does not make all of them anew.
 * @returns its reference by digest.
 */
export async function importPromoter(cluster: string): Promise<string> {
  const scratch = await mkdtemp(join(cache(), 'images', 'promoter-'));
  try {
    const root = join(scratch, 'root');
    await bundle(join(root, 'app', 'moneywise-deploy.mjs'));
    const { base, node, git } = await builtLayers(scratch, () => {});
    const layout = join(scratch, 'layout');
    await copyFile(join(sources, '../scripts/askpass.sh'), join(root, 'app', 'askpass.sh'));
    const layers = [base, node, git, await packed(root, scratch)];
    const references = await writeLayout(layout, [{ ...promoter, layers }]);
    const archive = join(scratch, 'image.tar');
    await run(['tar', '-C', layout, '-cf', archive, '.']);
    await run([
      'ctr',
      '-a',
      join(stateOf(cluster), 'run', 'containerd.sock'),
      '-n',
      'k8s.io',
      'images',
      'import',
      archive,
    ]);
    return references[promoter.name] ?? '';
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A folder as a layer that anybody may read. */
async function packed(root: string, scratch: string): Promise<Layer> {
  const archive = join(scratch, `${basename(root)}.tar`);
  await run(['chmod', '-R', 'u=rwX,go=rX', root]);
  await packLayer(root, archive);
  return readLayer(archive);
}

/** The layers of Debian packages, which seldom change and take longest, are kept apart from the images. */
async function builtLayers(scratch: string, say: Say): Promise<Record<DebianLayer, Layer>> {
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
  const layers = await Promise.all(
    debianLayers.map(async (name) => [name, await readLayer(join(folder, `${name}.tar`))] as const),
  );
  return Object.fromEntries(layers) as Record<DebianLayer, Layer>;
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
    await copyFile(join(sources, preload), join(root, 'app', basename(preload)));
    return packed(root, scratch);
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
