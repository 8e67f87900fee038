import fastJsonPatch from 'fast-json-patch';
import type { KubeObject } from '../cluster/objects.ts';
import { ClusterError, type JsonPatch, type WatchEvent } from '../cluster/port.ts';

type Listener = (plural: string, event: Extract<WatchEvent, { object: KubeObject }>) => void;

/** The objects of one namespace, with what an API server adds: uids, resource versions, generations, a change feed. */
export interface ApiServer {
  readonly get: <T extends KubeObject>(plural: string, name: string) => T | undefined;
  readonly list: <T extends KubeObject>(plural: string) => T[];
  /** Creates an object. Throws `precondition` when there is one of that name. */
  readonly create: <T extends KubeObject>(plural: string, object: T) => T;
  /** Writes an object as `change` returns it; undefined or the same object writes nothing. */
  readonly update: <T extends KubeObject>(
    plural: string,
    name: string,
    change: (object: T) => T | undefined,
  ) => T | undefined;
  /** Applies a JSON patch, all of it or none. Throws `not-found` or `precondition`. */
  readonly patch: (plural: string, name: string, patch: JsonPatch, subresource?: string) => KubeObject;
  readonly remove: (plural: string, name: string) => void;
  readonly version: () => string;
  /** Hears every change after that version, from now on if it is left out; returns how to stop. */
  readonly listen: (listener: Listener, after?: string) => () => void;
}

/** Kinds without a status subresource: their status is a field like any other. */
const WITHOUT_STATUS = ['applications'];

export function newApiServer(now: () => number): ApiServer {
  const objects = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<Listener>();
  const history: { version: number; plural: string; event: Parameters<Listener>[1] }[] = [];
  const undelivered: Parameters<Listener>[] = [];
  let version = 1;
  let uids = 0;

  const of = (plural: string) => {
    const found = objects.get(plural) ?? new Map<string, KubeObject>();
    objects.set(plural, found);
    return found;
  };

  function store(plural: string, type: 'ADDED' | 'MODIFIED', object: KubeObject): KubeObject {
    version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    of(plural).set(stored.metadata.name, stored);
    publish(plural, { type, object: stored });
    return stored;
  }

  function publish(plural: string, event: Parameters<Listener>[1]): void {
    history.push({ version, plural, event });
    undelivered.push([plural, event]);
    if (undelivered.length > 1) return;
    // A listener that writes makes the next event; everybody hears this one first, so that all hear them in their order.
    for (let next = undelivered[0]; next; next = undelivered[0]) {
      for (const listener of listeners) listener(...next);
      undelivered.shift();
    }
  }

  function write(plural: string, old: KubeObject, changed: KubeObject): KubeObject {
    if (same(old, changed)) return old;
    const spec = (o: KubeObject) => (o as { spec?: unknown }).spec;
    const generation = (old.metadata.generation ?? 1) + (same(spec(old), spec(changed)) ? 0 : 1);
    return store(plural, 'MODIFIED', { ...changed, metadata: { ...changed.metadata, generation } });
  }

  return {
    get: (plural, name) => of(plural).get(name) as never,
    list: (plural) => [...of(plural).values()] as never,
    create(plural, object) {
      if (of(plural).has(object.metadata.name))
        throw new ClusterError('precondition', `${plural} ${object.metadata.name} already exists`);
      uids += 1;
      return store(plural, 'ADDED', {
        ...object,
        metadata: {
          creationTimestamp: new Date(now()).toISOString(),
          ...object.metadata,
          uid: `uid-${uids}`,
          generation: 1,
        },
      }) as never;
    },
    update(plural, name, change) {
      const old = of(plural).get(name);
      const changed = old && change(old as never);
      return (old && changed ? write(plural, old, changed) : old) as never;
    },
    patch(plural, name, patch, subresource) {
      const old = of(plural).get(name);
      if (!old) throw new ClusterError('not-found', `${plural} ${name} not found`);
      let changed: KubeObject;
      try {
        // Validated, and on a copy.
        changed = fastJsonPatch.applyPatch(old, patch as fastJsonPatch.Operation[], true, false).newDocument;
      } catch (error) {
        throw new ClusterError(
          'precondition',
          `the server rejected the patch of ${plural} ${name}: ${(error as Error).message.split('\n')[0]}`,
        );
      }
      // A status write leaves everything else as it was, and the other way round.
      const statusOf = (o: KubeObject) => (o as { status?: unknown }).status;
      if (WITHOUT_STATUS.includes(plural)) return write(plural, old, changed);
      const kept =
        subresource === 'status' ? { ...old, status: statusOf(changed) } : { ...changed, status: statusOf(old) };
      return write(plural, old, kept as KubeObject);
    },
    remove(plural, name) {
      const old = of(plural).get(name);
      if (!old) return;
      of(plural).delete(name);
      version += 1;
      publish(plural, {
        type: 'DELETED',
        object: { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } },
      });
    },
    version: () => String(version),
    listen(listener, after) {
      for (const past of after === undefined ? [] : history)
        if (past.version > Number(after)) listener(past.plural, past.event);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Whether two JSON values say the same; an absent field and an undefined one do. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  // Asked of every write, so it makes nothing on its way.
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (!same(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && !(key in left)) return false;
  return true;
}
