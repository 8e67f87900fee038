import { cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Changed, Place } from './remote.ts';
import { newThrowaway } from './throwaway.ts';

/** A change that needs nothing of Git: it edits the files of a folder. */
export type FileChange = (place: Pick<Place, 'folder'>) => Promise<Changed>;

/** What a change of the working tree ended with. */
export type TreeEnd =
  | { readonly outcome: 'changed' /** Below the root, sorted. */; readonly files: readonly string[] }
  | { readonly outcome: 'nothing-to-do'; readonly words: string };

/**
 * Makes a change in a copy of `reads` and `writes`, paths below `root`, and then brings over what it changed below `writes`: all of
 * it, or nothing if one file cannot be written. What the change throws leaves everything as it was.
 */
export async function changeTree(
  root: string,
  { reads, writes }: { readonly reads: readonly string[]; readonly writes: readonly string[] },
  change: FileChange,
): Promise<TreeEnd> {
  const base = await newThrowaway();
  const folder = join(base, 'repository');
  try {
    for (const path of [...reads, ...writes]) {
      if (await exists(join(root, path))) await cp(join(root, path), join(folder, path), { recursive: true });
    }
    const changed = await change({ folder });
    if ('nothing' in changed) return { outcome: 'nothing-to-do', words: changed.nothing };
    if ('conflict' in changed) throw new Error(changed.why);
    const files = new Map<string, Buffer | undefined>();
    for (const path of writes) {
      const [before, after] = await Promise.all([filesBelow(root, path), filesBelow(folder, path)]);
      for (const [file, content] of after) if (!before.get(file)?.equals(content)) files.set(file, content);
      for (const file of before.keys()) if (!after.has(file)) files.set(file, undefined);
    }
    await replaceFiles(root, files);
    return { outcome: 'changed', files: [...files.keys()].sort() };
  } finally {
    await rm(base, { recursive: true, force: true }).catch(() => {});
  }
}

const BESIDE = '.moneywise-new';

/**
 * Gives files another content, or none: all of them, or none of them. Each is written beside its place before the first is put
 * there; if one cannot be put there, those before it get back what they had.
 */
export async function replaceFiles(root: string, files: ReadonlyMap<string, Buffer | undefined>): Promise<void> {
  const before = new Map<string, Buffer | undefined>();
  const beside = [...files].flatMap(([file, content]) => (content === undefined ? [] : [join(root, file) + BESIDE]));
  try {
    for (const [file, content] of files) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      if (content !== undefined) await writeFile(join(root, file) + BESIDE, content);
    }
    for (const [file, content] of files) {
      const path = join(root, file);
      const had = (await exists(path)) ? await readFile(path) : undefined;
      if (content === undefined) await rm(path);
      else await rename(path + BESIDE, path);
      before.set(file, had);
    }
  } catch (error) {
    for (const [file, had] of before) {
      if (had === undefined) await rm(join(root, file), { force: true });
      else await writeFile(join(root, file), had);
    }
    throw error;
  } finally {
    await Promise.all(beside.map((path) => rm(path, { force: true }).catch(() => {})));
  }
}

/** Path below the root → content, of a file or of all files of a folder. */
async function filesBelow(root: string, path: string): Promise<Map<string, Buffer>> {
  const full = join(root, path);
  if (!(await exists(full))) return new Map();
  if (!(await lstat(full)).isDirectory()) return new Map([[path, await readFile(full)]]);
  const entries = await readdir(full);
  const inside = await Promise.all(entries.map((name) => filesBelow(root, join(path, name))));
  return new Map(inside.flatMap((files) => [...files]));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
