import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../promotion/cluster/objects.ts';

const folders: string[] = [];

/** An empty folder that `removeFolders` removes; `label` makes it findable. */
export async function newFolder(label: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `moneywise-${label}-`));
  folders.push(folder);
  return folder;
}

/** Writes objects into a manifests folder of their own and returns that folder. */
export async function writeManifests(label: string, items: readonly KubeObject[]): Promise<string> {
  const folder = await newFolder(label);
  await writeFile(join(folder, 'release.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return folder;
}

/** Removes what the suite wrote. */
export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
}
