import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the testbed's own sources. */
export const sources = resolve(fileURLToPath(import.meta.url), '..');

/** What may be deleted at any time and is then made again: binaries, images, and the state of clusters that are up. */
export const cache = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moneywise-deploy', 'testbed');

/** The folder of all clusters' state, one folder a cluster. */
export const clusters = (): string => join(cache(), 'clusters');

/** Everything that one cluster writes lies below this folder; `down` deletes it. */
export const stateOf = (name: string): string => join(clusters(), name);

/** A cluster's network namespace, its cgroups and its node all have this name. */
export const idOf = (name: string): string => `testbed-${name}`;

/** @throws when `name` could not be the name of a network namespace, a node and a part of socket paths at once. */
export function checkName(name: string): void {
  if (!/^[a-z][a-z0-9]{0,11}$/.test(name)) {
    throw new Error(`"${name}" cannot name a testbed: use one to twelve of a-z and 0-9, a letter first`);
  }
}
