import {
  type AnalysisRun,
  type KubeObject,
  type Metric,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
  STEP_INDEX,
} from '../cluster/objects.ts';
import type { Cluster } from '../cluster/port.ts';
import { type Measure, type Measurement, startAnalysis } from './analysis-controller.ts';
import { type ApiServer, newApiServer } from './api-server.ts';
import { reconcileCanary } from './canary-controller.ts';
import { type Connection, type Faults, newConnection } from './connection.ts';
import { type HealthBehaviour, policyIn } from './http.ts';
import { reconcileRollout } from './rollouts-controller.ts';
import { newScheduler, type Scheduler } from './scheduler.ts';
import { type PodBehaviour, startWorkloads } from './workloads.ts';

/** How one version behaves; everything left out is well. */
export interface VersionBehaviour extends PodBehaviour {
  /** What the analysis of that time measures. */
  readonly analysis?: { readonly before?: Measurement; readonly after?: Measurement };
  readonly health?: HealthBehaviour;
}

export interface WorldOptions {
  /** Same seed, same events. */
  readonly seed: number;
  readonly namespace: string;
  /** How the version in that ReplicaSet behaves. */
  readonly behaviourOf: (set: ReplicaSet) => VersionBehaviour;
  /** What a measurement says, in the place of the version's behaviour. */
  readonly measure?: Measure;
}

/** An in-memory cluster with virtual time. */
export interface World {
  /** A client without faults. */
  readonly cluster: Cluster;
  /** A further client, a process of its own, with faults. */
  readonly connect: (faults: Faults) => Connection;
  readonly api: ApiServer;
  readonly scheduler: Scheduler;
  /** What `kubectl apply` does: creates or changes, and leaves the controller's fields alone. */
  readonly apply: (objects: readonly KubeObject[]) => void;
  /** Lets virtual time pass until `task` is done, and returns what it returns. */
  readonly play: <T>(task: Promise<T>, limitSeconds?: number) => Promise<T>;
}

/** Label that gives a Rollout to the controller of that name; this one has none, and takes those without. */
const INSTANCE_ID = 'argo-rollouts.argoproj.io/controller-instance-id';
const START = Date.UTC(2026, 0, 1, 3);

export function newWorld(options: WorldOptions): World {
  const scheduler = newScheduler(options.seed, START);
  const api = newApiServer(scheduler.now);
  startWorkloads(api, scheduler, (set) => ({ readyAfter: 2000, ...options.behaviourOf(set) }));
  startAnalysis(api, scheduler, options.measure ?? ((run, metric) => measurementOf(api, options, run, metric)));
  startRolloutsController(api, scheduler);
  const connect = (faults: Faults) =>
    newConnection(api, scheduler, options.namespace, (set) => options.behaviourOf(set).health, faults);
  return {
    api,
    scheduler,
    cluster: connect({}).cluster,
    connect,
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
    const reconcile = rollout.spec.strategy?.canary ? reconcileCanary : reconcileRollout;
    const { wakeAt, written } = reconcile(api, rollout, scheduler.now());
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
        if (type === 'DELETED' || object.metadata.labels?.[INSTANCE_ID]) cache.delete(object.metadata.name);
        else cache.set(object.metadata.name, object as Rollout);
        enqueue(object.metadata.name, delay);
      });
    }
    if (plural === 'replicasets' || plural === 'analysisruns') {
      const owner = object.metadata.ownerReferences?.[0];
      if (owner) enqueue(owner.name, delay);
    }
    // The controller passes over a Service that is gone, or has no hash in its selector (service.go, syncService).
    if (plural === 'services' && type !== 'DELETED' && (object as Service).spec.selector?.[POD_HASH]) {
      for (const rollout of api.list<Rollout>('rollouts')) {
        const { blueGreen, canary } = rollout.spec.strategy ?? {};
        const services = [blueGreen?.activeService, blueGreen?.previewService, canary?.canaryService];
        if (services.includes(object.metadata.name)) enqueue(rollout.metadata.name, delay);
      }
    }
  });
}

function measurementOf(api: ApiServer, options: WorldOptions, run: AnalysisRun, metric: Metric): Measurement {
  if (metric.name === policyIn(api).holdMetric) return 'Failed';
  const hash = run.metadata.labels?.[POD_HASH];
  const set = api.list<ReplicaSet>('replicasets').find((s) => s.metadata.labels?.[POD_HASH] === hash);
  const { analysis } = set ? options.behaviourOf(set) : {};
  return (isBefore(api, run) ? analysis?.before : analysis?.after) ?? 'Successful';
}

/** Whether an analysis comes before the promotion: of a canary, before the step that waits for it. */
function isBefore(api: ApiServer, { metadata: { labels, ownerReferences } }: AnalysisRun): boolean {
  const step = labels?.[STEP_INDEX];
  if (step === undefined) return labels?.['rollout-type'] === 'PrePromotion';
  const { canary } = api.get<Rollout>('rollouts', ownerReferences?.[0]?.name ?? '')?.spec.strategy ?? {};
  const promotion = canary?.steps?.findIndex(({ pause }) => pause && pause.duration === undefined) ?? 0;
  return Number(step) < promotion;
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
export function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  return name.endsWith('s') ? `${name}es` : name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
}
