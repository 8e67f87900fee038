import type { KubeObject } from '../cluster/objects.ts';
import { referencesOf } from '../plan/references.ts';

/**
 * The Secrets that the pods of these objects cannot start without, by name, with the keys that they name; one that is
 * taken whole has none.
 */
export function secretsOf(objects: readonly KubeObject[]): ReadonlyMap<string, ReadonlySet<string>> {
  const secrets = new Map<string, Set<string>>();
  for (const { kind, keys, name } of objects.flatMap(referencesOf)) {
    if (kind === 'Secret') secrets.set(name, new Set([...(secrets.get(name) ?? []), ...keys]));
  }
  return secrets;
}
