import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { constants, copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** What an image says about how it is run, in the words of the OCI image specification. */
export interface ImageConfig {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  StopSignal?: string;
  ExposedPorts?: Record<string, object>;
  Volumes?: Record<string, object>;
}

export interface Image {
  /** Repository and tag. */
  name: string;
  config: ImageConfig;
  layers: readonly Layer[];
}

/** An uncompressed tar archive of a layer. */
export interface Layer {
  path: string;
  digest: string;
  size: number;
}

/** Packs a folder so that the same content always gives the same bytes. */
export async function packLayer(folder: string, path: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@0', '--numeric-owner', '--owner=0', '--group=0'];
  await run(['tar', ...same, '-C', folder, '-cf', path, '.']);
}

export async function readLayer(path: string): Promise<Layer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return { path, digest: `sha256:${hash.digest('hex')}`, size: (await stat(path)).size };
}

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
const platform = { architecture: architectures[process.arch] ?? process.arch, os: 'linux' };

/**
 * Writes images as an OCI layout into a folder. Each is listed by its tag and by its digest, so that containerd knows
 * both references and pulls neither.
 * @returns each image's name → `repository@sha256:…`.
 */
export async function writeLayout(folder: string, images: readonly Image[]): Promise<Record<string, string>> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const blobPath = (digest: string) => join(blobs, digest.replace('sha256:', ''));
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.digest, layer]));
  // Not linked: a link that another process makes meanwhile changes the file for whoever reads it, and tar fails.
  for (const [digest, layer] of layers) await copyFile(layer.path, blobPath(digest), constants.COPYFILE_FICLONE);
  const put = async (mediaType: string, content: object) => {
    const text = JSON.stringify(content);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    await writeFile(blobPath(digest), text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const kind = (name: string) => `application/vnd.oci.image.${name}`;
  const references: Record<string, string> = {};
  const manifests: object[] = [];
  for (const { name, config, layers } of images) {
    const rootfs = { type: 'layers', diff_ids: layers.map((layer) => layer.digest) };
    const manifest = await put(kind('manifest.v1+json'), {
      schemaVersion: 2,
      mediaType: kind('manifest.v1+json'),
      config: await put(kind('config.v1+json'), { ...platform, config, rootfs }),
      layers: layers.map(({ digest, size }) => ({ mediaType: kind('layer.v1.tar'), digest, size })),
    });
    const reference = `${name.replace(/:[^:/]*$/, '')}@${manifest.digest}`;
    references[name] = reference;
    for (const known of [name, reference]) {
      manifests.push({ ...manifest, platform, annotations: { 'io.containerd.image.name': known } });
    }
  }
  const index = { schemaVersion: 2, mediaType: kind('index.v1+json'), manifests };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return references;
}
