import type { Folder } from './folder.ts';

/** Writes each file one version after the other; of several that wait only the newest is written. */
export interface Queue {
  /** `text` is asked for when its turn comes. */
  readonly put: (name: string, text: () => string) => void;
  /** Resolves when nothing waits any more; never, while the disk hangs. */
  readonly idle: () => Promise<void>;
}

/** `onError` hears what the disk says; nothing is thrown. */
export function newQueue(folder: Folder, onError: (name: string, error: unknown) => void): Queue {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, () => string>();

  async function drain(name: string): Promise<void> {
    for (let text = waiting.get(name); text; text = waiting.get(name)) {
      waiting.delete(name);
      try {
        await folder.write(name, text());
      } catch (error) {
        onError(name, error);
      }
    }
    running.delete(name);
  }

  return {
    put(name, text) {
      waiting.set(name, text);
      // One turn later, so that what is told together is written together.
      if (!running.has(name))
        running.set(
          name,
          Promise.resolve().then(() => drain(name)),
        );
    },
    async idle() {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}
