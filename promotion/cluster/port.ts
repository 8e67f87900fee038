import type {
  AnalysisRun,
  Application,
  EndpointSlice,
  HorizontalPodAutoscaler,
  Job,
  KubeObject,
  Pod,
  ReplicaSet,
  Rollout,
  Service,
} from './objects.ts';

/** A kind of object that a promotion reads or writes, with its place in the API. */
export interface Resource {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Listed and watched is only the object of that name, which RBAC can grant. @default all of a namespace */
  readonly only?: string;
}

/** The kinds that a promotion watches, by the name it knows them by. */
export const RESOURCES = {
  rollouts: { kind: 'Rollout', group: 'argoproj.io', version: 'v1alpha1', plural: 'rollouts' },
  analysisRuns: { kind: 'AnalysisRun', group: 'argoproj.io', version: 'v1alpha1', plural: 'analysisruns' },
  replicaSets: { kind: 'ReplicaSet', group: 'apps', version: 'v1', plural: 'replicasets' },
  services: { kind: 'Service', group: '', version: 'v1', plural: 'services' },
  endpointSlices: { kind: 'EndpointSlice', group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' },
  jobs: { kind: 'Job', group: 'batch', version: 'v1', plural: 'jobs' },
  pods: { kind: 'Pod', group: '', version: 'v1', plural: 'pods' },
  autoscalers: {
    kind: 'HorizontalPodAutoscaler',
    group: 'autoscaling',
    version: 'v2',
    plural: 'horizontalpodautoscalers',
  },
} as const satisfies Record<string, Resource>;

/** Where a release keeps what it has decided, and who may act on it; read and written, not watched. */
export const CONFIG_MAPS: Resource = { kind: 'ConfigMap', group: '', version: 'v1', plural: 'configmaps' };
/** Whose pods, now or later, may need a ConfigMap: asked once a release has settled. AnalysisRuns make Jobs. */
export const CONFIG_USERS: readonly Resource[] = [
  RESOURCES.rollouts,
  RESOURCES.replicaSets,
  RESOURCES.analysisRuns,
  RESOURCES.jobs,
  RESOURCES.pods,
  { kind: 'Deployment', group: 'apps', version: 'v1', plural: 'deployments' },
  { kind: 'StatefulSet', group: 'apps', version: 'v1', plural: 'statefulsets' },
  { kind: 'DaemonSet', group: 'apps', version: 'v1', plural: 'daemonsets' },
  // What a StatefulSet or DaemonSet can be taken back to.
  { kind: 'ControllerRevision', group: 'apps', version: 'v1', plural: 'controllerrevisions' },
  { kind: 'CronJob', group: 'batch', version: 'v1', plural: 'cronjobs' },
];
/** Only ever asked whether they are there. */
export const SECRETS: Resource = { kind: 'Secret', group: '', version: 'v1', plural: 'secrets' };
/** Argo CD's; in its namespace, which is seldom the release's. */
export const APPLICATIONS: Resource = {
  kind: 'Application',
  group: 'argoproj.io',
  version: 'v1alpha1',
  plural: 'applications',
};
export const LEASES: Resource = { kind: 'Lease', group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** The name under which this tool's writes stand in an object's `metadata.managedFields`. */
export const FIELD_MANAGER = 'moneywise-deploy';

export type Watched = keyof typeof RESOURCES;

/** What the cluster says about its objects; listed when a release has failed. */
export const CLUSTER_EVENTS: Resource = { kind: 'Event', group: '', version: 'v1', plural: 'events' };

/** What the objects of each kind look like that can be watched. */
export interface Objects {
  rollouts: Rollout;
  analysisRuns: AnalysisRun;
  replicaSets: ReplicaSet;
  services: Service;
  endpointSlices: EndpointSlice;
  jobs: Job;
  pods: Pod;
  autoscalers: HorizontalPodAutoscaler;
  applications: Application;
}

/** RFC 6902. A `test` that does not hold makes the API server refuse the whole patch with 422. */
export type JsonPatch = readonly (
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
)[];

/** Which object it is, and perhaps in which state: the API server checks both. */
export interface Identity {
  readonly uid: string;
  readonly resourceVersion?: string;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** The watch is over: by `error`, or because the server closed it. The reader lists again and watches from there. */
  | { readonly type: 'END'; readonly error?: ClusterError };

/** An HTTP request of a question; `url` is absolute or, through the API server's proxy, a Service's path. */
export type HttpTarget =
  | { readonly url: string }
  | {
      readonly service: string;
      /** @default the release's */
      readonly namespace?: string | undefined;
      readonly port: number | string;
      readonly path: string;
      readonly scheme: 'http' | 'https';
    };

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Where a redirect leads, as the header says it. */
  readonly location?: string;
}

/**
 * Everything a promotion does to the world, in one namespace. Two adapters exist: a real cluster, and a simulation with
 * virtual time. All errors thrown are `ClusterError`s.
 */
export interface Cluster {
  readonly namespace: string;
  /** How many requests were sent so far. */
  readonly requests: () => number;
  readonly now: () => Date;
  /** Resolves after that many milliseconds of the cluster's time, or at once when `signal` is aborted. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly list: (resource: Resource) => Promise<{ items: KubeObject[]; resourceVersion: string }>;
  /** The same, of each its metadata alone: no value of a ConfigMap is sent. */
  readonly listMetadata: (resource: Resource) => Promise<KubeObject[]>;
  readonly get: (resource: Resource, name: string) => Promise<KubeObject>;
  /** Whether there is one of that name; asks for its metadata alone, so no value of a Secret is ever sent. */
  readonly exists: (resource: Resource, name: string) => Promise<boolean>;
  /** Rejects with `precondition` when there is one of that name. */
  readonly create: (resource: Resource, object: KubeObject) => Promise<KubeObject>;
  /** Streams what changes after `resourceVersion` until `signal` is aborted; always ends with one `END`. */
  readonly watch: (
    resource: Resource,
    resourceVersion: string,
    on: (event: WatchEvent) => void,
    signal: AbortSignal,
  ) => void;
  readonly patch: (
    resource: Resource,
    name: string,
    patch: JsonPatch,
    subresource?: 'status' | 'scale',
  ) => Promise<KubeObject>;
  /**
   * Deletes that very object, with a `resourceVersion` only as it was seen; rejects with `precondition` otherwise. One that is
   * gone already is no error.
   */
  readonly remove: (resource: Resource, name: string, as: Identity) => Promise<void>;
  /** The last lines that a container wrote, or its `previous` try before it restarted; each begins with its time, RFC 3339. */
  readonly logs: (pod: string, container: string, want: { lines: number; previous?: boolean }) => Promise<string>;
  /**
   * One request on a connection of its own. Follows no redirect. Rejects with `unreachable` when there is
   * no answer within the time, with `untrusted` when the server's certificate does not prove that it is the one asked for.
   */
  readonly http: (target: HttpTarget, timeoutMilliseconds: number) => Promise<HttpAnswer>;
}

export type ClusterErrorCode =
  /** No answer, or an answer that says try again (429, 5xx, an expired watch). */
  | 'unreachable'
  /** 404: the object, or its whole kind. */
  | 'not-found'
  /** 409 or 422: a precondition of the write does not hold any more. */
  | 'precondition'
  /** 410: that resource version is gone; list again. */
  | 'gone'
  /** 401: the credentials are not accepted. */
  | 'unauthenticated'
  /** 403: they are, but that user may not do this. */
  | 'forbidden'
  /** A certificate that is expired, of another name, or of an authority that is not trusted here. */
  | 'untrusted'
  /** Any other refusal. */
  | 'rejected';

/** What an API server says a refusal rests on, as its `Status` has it. */
export type Causes = readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];

export class ClusterError extends Error {
  readonly code: ClusterErrorCode;
  /** Of `unreachable`: nobody listens there, or the name stands for no address. */
  readonly isRefused: boolean;
  readonly causes: Causes;
  constructor(code: ClusterErrorCode, message: string, more: { isRefused?: boolean; causes?: Causes } = {}) {
    super(message);
    this.name = 'ClusterError';
    this.code = code;
    this.isRefused = more.isRefused ?? false;
    this.causes = more.causes ?? [];
  }
}

/** For a read of something that need not be there; any other error is thrown on. */
export function undefinedIfNotFound(error: unknown): undefined {
  if (error instanceof ClusterError && error.code === 'not-found') return undefined;
  throw error;
}
