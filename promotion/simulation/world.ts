import {
  type AnalysisRun,
  type KubeObject,
  type Metric,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
} from '../cluster/objects.ts';
import { type Cluster, ClusterError, type HttpAnswer, type HttpTarget, type Resource } from '../cluster/port.ts';
import { policyOf } from '../plan/plan.ts';
import type { Policy } from '../plan/policy.ts';
import { type Measurement, startAnalysis } from './analysis-controller.ts';
import { type ApiServer, newApiServer, same } from './api-server.ts';
import { serviceBehind } from './ingress.ts';
import { reconcileRollout } from './rollouts-controller.ts';
import { newScheduler, type Scheduler } from './scheduler.ts';
import { type PodBehaviour, startWorkloads } from './workloads.ts';

/** How one version behaves; everything left out is well. */
export interface VersionBehaviour extends PodBehaviour {
  /** What the analysis of that time measures. */
  readonly analysis?: { readonly before?: Measurement; readonly after?: Measurement };
  /** Whether its health checks are answered well, by where they are asked. */
  readonly health?: { readonly preview?: boolean; readonly active?: boolean };
}

export interface WorldOptions {
  /** Same seed, same events. */
  readonly seed: number;
  readonly namespace: string;
  /** How the version in that ReplicaSet behaves. */
  readonly behaviourOf: (set: ReplicaSet) => VersionBehaviour;
}

/** An in-memory cluster with virtual time. */
export interface World {
  readonly cluster: Cluster;
  readonly api: ApiServer;
  readonly scheduler: Scheduler;
  /** What `kubectl apply` does: creates or changes, and leaves the controller's fields alone. */
  readonly apply: (objects: readonly KubeObject[]) => void;
  /** Lets virtual time pass until `task` is done, and returns what it returns. */
  readonly play: <T>(task: Promise<T>, limitSeconds?: number) => Promise<T>;
}

const START = Date.UTC(2026, 0, 1, 3);

export function newWorld(options: WorldOptions): World {
  const scheduler = newScheduler(options.seed, START);
  const api = newApiServer(scheduler.now);
  startWorkloads(api, scheduler, (set) => ({ readyAfter: 2000, ...options.behaviourOf(set) }));
  startAnalysis(api, scheduler, (run, metric) => measurementOf(api, options, run, metric));
  startRolloutsController(api, scheduler);
  return {
    api,
    scheduler,
    cluster: clusterOf(api, scheduler, options),
    apply: (objects) => {
      for (const object of objects) applyObject(api, object);
    },
    async play(task, limitSeconds = 24 * 3600) {
      let over = false;
      const settled = task.finally(() => {
        over = true;
      });
      settled.catch(() => {});
      await scheduler.runUntil(() => over, limitSeconds * 1000);
      return settled;
    },
  };
}

/**
 * Looks at a Rollout again soon after anything changed that belongs to it. Like the real controller it works on a cache
 * that follows the API server, and after a pass that wrote it puts its own answer into that cache, also over something
 * newer that came in meanwhile (controller.go, writeBackToInformer): such a request goes unseen until the next change.
 */
function startRolloutsController(api: ApiServer, scheduler: Scheduler): void {
  const cache = new Map<string, Rollout>();
  const queued = new Set<string>();
  const busy = new Set<string>();

  function enqueue(name: string, delay: number): void {
    if (queued.has(name)) return;
    queued.add(name);
    scheduler.after(delay, () => take(name));
  }

  function take(name: string): void {
    if (busy.has(name)) {
      scheduler.after(5, () => take(name));
      return;
    }
    queued.delete(name);
    const rollout = cache.get(name);
    if (!rollout) return;
    const { wakeAt, written } = reconcileRollout(api, rollout, scheduler.now());
    if (wakeAt !== undefined) scheduler.after(wakeAt - scheduler.now(), () => enqueue(name, 1));
    busy.add(name);
    scheduler.after(scheduler.between(10, 120), () => {
      busy.delete(name);
      if (written && cache.has(name)) cache.set(name, written);
    });
  }

  api.listen((plural, { type, object }) => {
    const delay = scheduler.between(1, 40);
    if (plural === 'rollouts') {
      scheduler.after(scheduler.between(1, 10), () => {
        if (type === 'DELETED') cache.delete(object.metadata.name);
        else cache.set(object.metadata.name, object as Rollout);
        enqueue(object.metadata.name, delay);
      });
    }
    if (plural === 'replicasets' || plural === 'analysisruns') {
      const owner = object.metadata.ownerReferences?.[0];
      if (owner) enqueue(owner.name, delay);
    }
    // The controller passes over a Service that has no hash in its selector (service.go, syncService).
    if (plural === 'services' && (object as Service).spec.selector?.[POD_HASH]) {
      for (const rollout of api.list<Rollout>('rollouts')) {
        const { activeService, previewService } = rollout.spec.strategy?.blueGreen ?? {};
        if (object.metadata.name === activeService || object.metadata.name === previewService)
          enqueue(rollout.metadata.name, delay);
      }
    }
  });
}

function measurementOf(api: ApiServer, options: WorldOptions, run: AnalysisRun, metric: Metric): Measurement {
  if (metric.name === policyIn(api).holdMetric) return 'Failed';
  const hash = run.metadata.labels?.[POD_HASH];
  const set = api.list<ReplicaSet>('replicasets').find((s) => s.metadata.labels?.[POD_HASH] === hash);
  const { analysis } = set ? options.behaviourOf(set) : {};
  const before = run.metadata.labels?.['rollout-type'] === 'PrePromotion';
  return (before ? analysis?.before : analysis?.after) ?? 'Successful';
}

function applyObject(api: ApiServer, object: KubeObject): void {
  const plural = pluralOf(object.kind);
  const live = api.get<KubeObject & { spec?: { selector?: object } }>(plural, object.metadata.name);
  if (!live) {
    api.create(plural, structuredClone(object));
    return;
  }
  api.update<KubeObject>(plural, object.metadata.name, (old) => {
    const metadata = {
      ...old.metadata,
      labels: { ...old.metadata.labels, ...object.metadata.labels },
      annotations: { ...old.metadata.annotations, ...object.metadata.annotations },
    };
    const wanted = structuredClone(object) as KubeObject & { spec?: { selector?: object } };
    // Selectors are merged by key: the hash that the Rollouts controller added stays.
    const selector =
      object.kind === 'Service' && live.spec?.selector
        ? { selector: { ...live.spec.selector, ...wanted.spec?.selector } }
        : {};
    return {
      ...old,
      ...wanted,
      metadata: { ...metadata, name: old.metadata.name },
      ...(wanted.spec ? { spec: { ...wanted.spec, ...selector } } : {}),
    };
  });
}

/** `Ingress` → `ingresses`, `NetworkPolicy` → `networkpolicies`. */
function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  return name.endsWith('s') ? `${name}es` : name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
}

/** The port's adapter: each request takes virtual time on its way to the server and back. */
function clusterOf(api: ApiServer, scheduler: Scheduler, options: WorldOptions): Cluster {
  let requests = 0;
  const wait = (milliseconds: number) => new Promise<void>((resolve) => scheduler.after(milliseconds, resolve));
  async function request<T>(serve: () => T): Promise<T> {
    requests += 1;
    await wait(scheduler.between(1, 8));
    const answer = serve();
    await wait(scheduler.between(1, 8));
    return answer;
  }
  return {
    namespace: options.namespace,
    requests: () => requests,
    now: () => new Date(scheduler.now()),
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        scheduler.after(milliseconds, resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
        if (signal?.aborted) resolve();
      }),
    list: ({ plural }) => request(() => ({ items: api.list(plural), resourceVersion: api.version() })),
    get: ({ plural }, name) =>
      request(() => {
        const object = api.get(plural, name);
        if (!object) throw new ClusterError('not-found', `${plural} ${name} not found`);
        return object;
      }),
    patch: ({ plural }, name, patch, subresource) => request(() => api.patch(plural, name, patch, subresource)),
    remove: ({ plural }, name, uid) =>
      request(() => {
        const object = api.get(plural, name);
        if (object && object.metadata.uid !== uid)
          throw new ClusterError('precondition', `${plural} ${name} is another one`);
        api.remove(plural, name);
      }),
    watch: ({ plural }: Resource, from, on, signal) => {
      requests += 1;
      let lastAt = scheduler.now();
      const stop = api.listen((changed, event) => {
        if (changed !== plural) return;
        // Events of one watch arrive in their order, each some time after it happened.
        lastAt = Math.max(lastAt, scheduler.now() + scheduler.between(1, 30));
        scheduler.after(lastAt - scheduler.now(), () => {
          if (!signal.aborted) on(event);
        });
      }, from);
      signal.addEventListener('abort', () => {
        stop();
        on({ type: 'END' });
      });
    },
    async http(target) {
      await wait(scheduler.between(5, 40));
      const name = serviceBehind(api, target);
      const hash = name && api.get<Service>('services', name)?.spec.selector?.[POD_HASH];
      const set = hash && api.list<ReplicaSet>('replicasets').find((s) => s.metadata.labels?.[POD_HASH] === hash);
      if (!set || (set.status?.availableReplicas ?? 0) === 0)
        throw new ClusterError('unreachable', 'connection refused');
      const { health } = options.behaviourOf(set);
      const asPreview = name !== activeServiceOf(api, set);
      const healthy = (asPreview ? health?.preview : health?.active) ?? true;
      return healthy ? goodAnswer(policyIn(api), target, set) : { status: 500, body: '{"status":"error"}' };
    },
  };
}

/** The release policy as it is applied now. */
function policyIn(api: ApiServer): Policy {
  return policyOf(api.list('configmaps'));
}

/** What the policy's health check of that target expects to hear; but a version is that of the pods that answer. */
function goodAnswer({ healthChecks }: Policy, target: HttpTarget, set: ReplicaSet): HttpAnswer {
  const expect = healthChecks.find((check) => same(check.target, target))?.expect;
  const { annotations, labels } = set.spec.template?.metadata ?? {};
  const version = annotations?.['reported-version'] ?? labels?.['app.kubernetes.io/version'];
  const json = Object.entries({ status: 'ok', ...expect?.json, ...(version ? { version } : {}) }).reduce(
    (body, [path, value]) => put(body, path.split('.'), value),
    {},
  );
  return { status: expect?.status ?? 200, body: expect?.body ?? JSON.stringify(json) };
}

function put(object: Record<string, unknown>, [key = '', ...rest]: string[], value: unknown): Record<string, unknown> {
  return {
    ...object,
    [key]: rest.length === 0 ? value : put((object[key] ?? {}) as Record<string, unknown>, rest, value),
  };
}

function activeServiceOf(api: ApiServer, set: ReplicaSet): string | undefined {
  return api.get<Rollout>('rollouts', set.metadata.ownerReferences?.[0]?.name ?? '')?.spec.strategy?.blueGreen
    ?.activeService;
}
