import type { Folder } from '../../promotion/evidence/folder.ts';
import type { World } from '../../promotion/simulation/world.ts';

/** A folder in memory that remembers when what was written, in milliseconds of the world's time. */
export interface Kept extends Folder {
  readonly files: Map<string, string>;
  readonly writes: { readonly at: number; readonly name: string; readonly text: string }[];
}

export function folderInMemory(world: World): Kept {
  const files = new Map<string, string>();
  const writes: { at: number; name: string; text: string }[] = [];
  return {
    files,
    writes,
    path: () => 'memory',
    async write(name, text) {
      files.set(name, text);
      writes.push({ at: world.scheduler.now(), name, text });
    },
  };
}

/** A folder on a disk that never answers. */
export const hanging: Folder = { path: () => 'nowhere', write: () => new Promise(() => {}) };

/** A folder on a full disk. */
export const full: Folder = {
  path: () => 'nowhere',
  write: async () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  },
};
