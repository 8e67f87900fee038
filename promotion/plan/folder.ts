import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../cluster/objects.ts';
import { type Plan, planOf, type Source } from './plan.ts';
import { UsageError } from './usage.ts';

/** The plan of a manifests folder that can be promoted. Throws `UsageError`, which names the file where one is to blame. */
export async function readPlan(folder: string): Promise<Plan> {
  return (await readRelease(folder)).plan;
}

/** The same for one that is only looked at, and its objects: its image pins may stand for no image yet. */
export async function readDraft(folder: string): Promise<{ plan: Plan; objects: readonly KubeObject[] }> {
  return readRelease(folder, { allowsPlaceholders: true });
}

async function readRelease(folder: string, more: Partial<Source> = {}) {
  const files = await filesOfObjects(folder);
  const objects = [...files.keys()];
  const source = { name: `manifests folder ${folder}`, fileOf: (object: KubeObject) => files.get(object), ...more };
  return { plan: planOf(objects, source), objects };
}

/**
 * All objects of a manifests folder: its `.yaml`, `.yml` and `.json` files, in the order of their names.
 * Throws `UsageError` for a folder that is missing, empty or holds something that is no Kubernetes object.
 */
export async function readManifests(folder: string): Promise<KubeObject[]> {
  return [...(await filesOfObjects(folder)).keys()];
}

/** Each object of a folder with the file that it stands in. */
async function filesOfObjects(folder: string): Promise<ReadonlyMap<KubeObject, string>> {
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
  if (names.length === 0)
    throw new UsageError(
      `manifests folder ${folder} holds no .yaml, .yml or .json file: render it with \`npx cdk8s synth\`, or name another`,
    );
  const files = await Promise.all(names.map(async (name) => objectsIn(join(folder, name))));
  return new Map(files.flat());
}

async function objectsIn(file: string): Promise<[object: KubeObject, file: string][]> {
  let documents: unknown[];
  try {
    documents = loadAll(await readFile(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file} ${code ? 'cannot be read' : 'is not YAML'}: ${message.split('\n')[0]}`);
  }
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document, i) => {
      const { kind, items } = document as { kind?: unknown; items?: unknown };
      if (kind !== 'List' || !Array.isArray(items)) return [[asObject(document, `${file}: document ${i + 1}`), file]];
      return items.map((item, j): [KubeObject, string] => [
        asObject(item, `${file}: document ${i + 1}, item ${j + 1}`),
        file,
      ]);
    });
}

function asObject(document: unknown, at: string): KubeObject {
  const { apiVersion, kind, metadata } = (document ?? {}) as { [field in keyof KubeObject]?: unknown };
  const name = (metadata as { name?: unknown } | undefined | null)?.name;
  if (![apiVersion, kind, name].every((text) => typeof text === 'string' && text !== '')) {
    throw new UsageError(`${at} is no Kubernetes object: it needs apiVersion, kind and metadata.name`);
  }
  return document as KubeObject;
}
