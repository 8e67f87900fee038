import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../cluster/objects.ts';
import { UsageError } from './plan.ts';

/**
 * All objects of a manifests folder: its `.yaml`, `.yml` and `.json` files, in the order of their names.
 * Throws `UsageError` for a folder that is missing, empty or holds something that is no Kubernetes object.
 */
export async function readManifests(folder: string): Promise<KubeObject[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read (${(error as Error).message})`;
    throw new UsageError(
      `manifests folder ${folder} ${why}: render it with \`npx cdk8s synth\`, or name another with --manifests`,
    );
  }
  if (names.length === 0) throw new UsageError(`manifests folder ${folder} holds no .yaml, .yml or .json file`);
  const files = await Promise.all(
    names.map((name) => readFile(join(folder, name), 'utf8').then((text) => ({ name, text }))),
  );
  return files.flatMap(({ name, text }) => objectsIn(join(folder, name), text));
}

function objectsIn(file: string, text: string): KubeObject[] {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    throw new UsageError(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document, i) => {
      const object = document as Partial<KubeObject> & { items?: unknown };
      if (object.kind === 'List' && Array.isArray(object.items)) return object.items as KubeObject[];
      if (typeof object !== 'object' || !object.apiVersion || !object.kind || !object.metadata?.name) {
        throw new UsageError(
          `${file}: document ${i + 1} is no Kubernetes object: it needs apiVersion, kind and metadata.name`,
        );
      }
      return [object as KubeObject];
    });
}
