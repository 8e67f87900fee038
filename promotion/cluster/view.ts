import type { KubeObject } from './objects.ts';
import { type Cluster, ClusterError, type Objects, type Resource, type Watched } from './port.ts';

/** A live copy of some kinds of objects in one namespace: those that a promotion watches, if nothing else is said. */
export interface View<Kind extends keyof Objects = Watched> {
  readonly objects: { readonly [K in Kind]: ReadonlyMap<string, Objects[K]> };
  /** When everything was last listed afresh, in milliseconds since 1970. */
  listedAt(): number;
  /** Since when one of the kinds could not be listed, in milliseconds since 1970; undefined while the view follows all. */
  blindSince(): number | undefined;
  /** Which kind cannot be listed, and why; undefined while the view follows all of them. */
  blindTo(): string | undefined;
  /** Resolves at the next change. */
  changed(): Promise<void>;
  /** Takes over what a write answered, so that the writer sees its own write at once. */
  put(kind: Kind, object: KubeObject): void;
  /** Forgets an object that a write deleted. */
  drop(kind: Kind, name: string): void;
  /** Lists everything again, each kind by `trying`. */
  refresh(trying?: Trying): Promise<void>;
  /** Reads one object again. */
  refetch(kind: Kind, name: string): Promise<void>;
  close(): void;
}

/** How something is asked of the cluster: once, or until it answers. */
export type Trying = <T>(perform: () => Promise<T>) => Promise<T>;

const once: Trying = (perform) => perform();

/** How long to wait before listing again after a watch ended by an error, in milliseconds; doubled up to the last. */
const BACKOFF = [200, 400, 800, 1600, 3200, 5000];

/**
 * Lists the objects of these kinds, then follows them until `close`. Throws `ClusterError` when the first listing fails, each
 * kind by `trying`.
 */
export async function openView<Kind extends keyof Objects>(
  cluster: Cluster,
  resources: Readonly<Record<Kind, Resource>>,
  trying: Trying = once,
): Promise<View<Kind>> {
  const kinds = Object.keys(resources) as Kind[];
  const objects = Object.fromEntries(kinds.map((kind) => [kind, new Map<string, KubeObject>()])) as Record<
    Kind,
    Map<string, KubeObject>
  >;
  const closing = new AbortController();
  let listedAt = 0;
  const blind = new Map<Kind, { since: number; why: string }>();
  let notify: () => void = () => {};
  let next = newSignal();

  function newSignal(): Promise<void> {
    return new Promise((resolve) => {
      notify = resolve;
    });
  }
  function changed(): void {
    const wake = notify;
    next = newSignal();
    wake();
  }

  async function list(kind: Kind): Promise<string> {
    const { items, resourceVersion } = await cluster.list(resources[kind]);
    const listed = new Map(items.map((item) => [item.metadata.name, item]));
    // A write of ours may be newer than the list.
    for (const [name, object] of listed)
      if (isNewer(objects[kind].get(name), object)) listed.set(name, objects[kind].get(name) as KubeObject);
    objects[kind].clear();
    for (const [name, object] of listed) objects[kind].set(name, object);
    return resourceVersion;
  }

  async function follow(kind: Kind, from: string): Promise<void> {
    let failures = 0;
    let version = from;
    while (!closing.signal.aborted) {
      const error =
        version &&
        (await watchOnce(kind, version, () => {
          failures = 0;
        }));
      if (closing.signal.aborted) return;
      version = '';
      if (error || failures > 0) {
        await cluster.sleep(BACKOFF[Math.min(failures, BACKOFF.length - 1)] as number, closing.signal);
        failures += 1;
      }
      try {
        version = await list(kind);
        blind.delete(kind);
      } catch (failure) {
        if (!(failure instanceof ClusterError)) throw failure;
        failures += 1;
        blind.set(kind, { since: blind.get(kind)?.since ?? cluster.now().getTime(), why: failure.message });
      }
      changed();
    }
  }

  function watchOnce(kind: Kind, version: string, onEvent: () => void): Promise<ClusterError | undefined> {
    return new Promise((resolve) => {
      cluster.watch(
        resources[kind],
        version,
        (event) => {
          if (event.type === 'END') return resolve(event.error);
          onEvent();
          const { name } = event.object.metadata;
          if (isNewer(objects[kind].get(name), event.object)) return;
          if (event.type === 'DELETED') objects[kind].delete(name);
          else objects[kind].set(name, event.object);
          changed();
        },
        closing.signal,
      );
    });
  }

  async function refresh(trying: Trying): Promise<string[]> {
    const startedAt = cluster.now().getTime();
    // Each kind by itself: on a bad line all of them at once may never succeed.
    const versions = await Promise.all(kinds.map((kind) => trying(() => list(kind))));
    listedAt = startedAt;
    changed();
    return versions;
  }

  const versions = await refresh(trying);
  const followers = kinds.map((kind, i) => follow(kind, versions[i] as string));
  // A bug in a follower must end the run, not leave it waiting for events that no longer come.
  Promise.all(followers).catch((error) => queueMicrotask(() => Promise.reject(error)));

  return {
    objects: objects as unknown as View<Kind>['objects'],
    listedAt: () => listedAt,
    blindSince: () => (blind.size === 0 ? undefined : Math.min(...[...blind.values()].map(({ since }) => since))),
    blindTo: () => [...blind.values()][0]?.why,
    changed: () => next,
    put(kind, object) {
      if (!isNewer(objects[kind].get(object.metadata.name), object)) objects[kind].set(object.metadata.name, object);
      changed();
    },
    drop(kind, name) {
      objects[kind].delete(name);
      changed();
    },
    async refresh(trying = once) {
      await refresh(trying);
    },
    async refetch(kind, name) {
      try {
        const object = await cluster.get(resources[kind], name);
        if (!isNewer(objects[kind].get(name), object)) objects[kind].set(name, object);
      } catch (error) {
        if (!(error instanceof ClusterError && error.code === 'not-found')) throw error;
        objects[kind].delete(name);
      }
      changed();
    },
    close: () => closing.abort(),
  };
}

/** Whether `held` is a newer state of the object than `other`. Resource versions are decimal numbers (KEP-5504). */
function isNewer(held: KubeObject | undefined, other: KubeObject): boolean {
  if (!held || held.metadata.uid !== other.metadata.uid) return false;
  return Number(held.metadata.resourceVersion) > Number(other.metadata.resourceVersion);
}
