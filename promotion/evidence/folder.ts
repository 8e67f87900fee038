import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileName } from './bundle.ts';

/** Where evidence is written to. */
export interface Folder {
  /** Where a person finds it. */
  readonly path: () => string;
  /** Writes a file, all of it or nothing. Rejects with what the disk says. */
  readonly write: (name: string, text: string) => Promise<void>;
}

/**
 * A new folder below `parent`, made with the first file: `<release>-<version>-<time>`. It is for its owner's eyes only,
 * because redaction knows most secrets, not all.
 */
export function folderBelow(parent: string, release: string, version: string | undefined, at: Date): Folder {
  const time = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const name = `${fileName(release)}-${fileName(version ?? 'release')}-${time}`;
  let path = join(parent, name);
  let made: Promise<void> | undefined;

  async function make(): Promise<void> {
    await mkdir(parent, { recursive: true });
    for (let tries = 2; ; tries += 1) {
      try {
        return await mkdir(path, { mode: 0o700 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        path = join(parent, `${name}-${tries}`);
      }
    }
  }

  return {
    path: () => path,
    async write(file, text) {
      made ??= make().catch((error) => {
        made = undefined;
        throw error;
      });
      await made;
      const target = join(path, file);
      if (dirname(target) !== path) await mkdir(dirname(target), { recursive: true });
      const draft = `${target}.part`;
      try {
        await writeFile(draft, text);
        await rename(draft, target);
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {});
        throw error;
      }
    },
  };
}
