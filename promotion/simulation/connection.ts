import type { ReplicaSet } from '../cluster/objects.ts';
import { type Cluster, ClusterError } from '../cluster/port.ts';
import type { ApiServer } from './api-server.ts';
import { answerOf, type HealthBehaviour } from './http.ts';
import { logOf } from './pods.ts';
import type { Scheduler } from './scheduler.ts';

/** What goes wrong between one client and the API server. Requests are counted from 1. */
export interface Faults {
  /** The process ends at that request: with it lost on its way, or served but its answer lost. */
  readonly dies?: { readonly at: number; readonly served: boolean };
  /** The process stands still at that request for so many milliseconds, as a paused machine does, and then goes on. */
  readonly freezes?: { readonly at: number; readonly for: number };
  /** The share of requests that fail: half of them lost, half of them served but their answer lost. */
  readonly failing?: number;
  /** The share of watch events after which the watch ends. */
  readonly dropping?: number;
  /** The longest time of a request or an event on its way, in milliseconds. @default 8 */
  readonly latency?: number;
}

/** One client of the simulated API server. */
export interface Connection {
  readonly cluster: Cluster;
  /** Resolves when the process has died; never without that fault or `kill`. */
  readonly died: Promise<void>;
  /** Ends the process now, whatever it is about. */
  readonly kill: () => void;
}

/** The port's adapter: each request takes virtual time on its way to the server and back. */
export function newConnection(
  api: ApiServer,
  scheduler: Scheduler,
  namespace: string,
  healthOf: (set: ReplicaSet) => HealthBehaviour | undefined,
  faults: Faults,
): Connection {
  const { failing = 0, dropping = 0, latency = 8 } = faults;
  let requests = 0;
  let isDead = false;
  let frozenUntil = 0;
  let onDeath: () => void = () => {};
  const died = new Promise<void>((resolve) => {
    onDeath = resolve;
  });

  /** Something that happens in the process: not while it stands still, and never again once it is dead. */
  function happen(delay: number, task: () => void): void {
    const run = () => {
      if (isDead) return;
      if (scheduler.now() < frozenUntil) happen(frozenUntil - scheduler.now(), task);
      else task();
    };
    scheduler.after(delay, run, true);
  }

  function request<T>(serve: () => T): Promise<T> {
    requests += 1;
    const number = requests;
    // Read at each request: when a process dies may be decided on the way.
    const { dies, freezes } = faults;
    if (freezes?.at === number) frozenUntil = scheduler.now() + freezes.for;
    const isLast = dies?.at === number;
    const fails = !isLast && failing > 0 && scheduler.random() < failing;
    const isServed = isLast ? dies?.served : !fails || scheduler.random() < 0.5;
    return new Promise((resolve, reject) => {
      // What was sent arrives, whatever becomes of the sender.
      scheduler.after(
        scheduler.between(1, latency),
        () => {
          let answer = () => reject(new ClusterError('unreachable', 'connection reset'));
          if (isServed) {
            try {
              const result = serve();
              if (!fails) answer = () => resolve(result);
            } catch (error) {
              if (!fails) answer = () => reject(error);
            }
          }
          if (isLast) {
            isDead = true;
            onDeath();
          }
          happen(scheduler.between(1, latency), answer);
        },
        isLast,
      );
    });
  }

  const cluster: Cluster = {
    namespace,
    requests: () => requests,
    now: () => new Date(scheduler.now()),
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const over = () => {
          signal?.removeEventListener('abort', over);
          resolve();
        };
        happen(milliseconds, over);
        signal?.addEventListener('abort', over);
        if (signal?.aborted) over();
      }),
    list: ({ plural }) => request(() => ({ items: api.list(plural), resourceVersion: api.version() })),
    logs: (pod, container, { previous = false }) => request(() => logOf(api, pod, container, previous)),
    listMetadata: ({ plural }) =>
      request(() => api.list(plural).map(({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }))),
    get: ({ plural }, name) =>
      request(() => {
        const object = api.get(plural, name);
        if (!object) throw new ClusterError('not-found', `${plural} ${name} not found`);
        return object;
      }),
    exists: ({ plural }, name) => request(() => api.get(plural, name) !== undefined),
    patch: ({ plural }, name, patch, subresource) => request(() => api.patch(plural, name, patch, subresource)),
    create: ({ plural }, object) => request(() => api.create(plural, object)),
    remove: ({ plural }, name, { uid, resourceVersion }) =>
      request(() => {
        const metadata = api.get(plural, name)?.metadata;
        if (
          metadata &&
          (metadata.uid !== uid || (resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion)
        )
          throw new ClusterError('precondition', `${plural} ${name} is another one`);
        api.remove(plural, name);
      }),
    watch({ plural }, from, on, signal) {
      requests += 1;
      let lastAt = scheduler.now();
      let isOver = false;
      const stopped = () => end();
      const end = (error?: ClusterError) => {
        if (isOver) return;
        isOver = true;
        stop();
        signal.removeEventListener('abort', stopped);
        on({ type: 'END', ...(error ? { error } : {}) });
      };
      const stop = api.listen((changed, event) => {
        if (changed !== plural) return;
        // Events of one watch arrive in their order, each some time after it happened.
        lastAt = Math.max(lastAt, scheduler.now() + scheduler.between(1, 4 * latency));
        happen(lastAt - scheduler.now(), () => {
          if (!isOver) on(event);
          if (dropping > 0 && scheduler.random() < dropping) end(new ClusterError('gone', 'too old resource version'));
        });
      }, from);
      signal.addEventListener('abort', stopped);
    },
    http: (target, timeout) =>
      new Promise((resolve, reject) => {
        happen(Math.min(timeout, scheduler.between(5, 40)), () => {
          try {
            resolve(answerOf(api, target, healthOf, scheduler.now()));
          } catch (error) {
            reject(error);
          }
        });
      }),
  };
  const kill = () => {
    isDead = true;
    // Whoever waits for the death wakes up.
    scheduler.after(0, onDeath, true);
  };
  return { cluster, died, kill };
}
