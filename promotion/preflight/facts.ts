import type { Application, Job, KubeObject, Pod, Rollout, Service } from '../cluster/objects.ts';
import type { Permission } from '../cluster/permissions.ts';

/** What a look at the cluster can fail to give: it has no such thing, or this user may not see it. */
export type Seen<T> = T | 'absent' | 'hidden';

/** What `preflight` asks a cluster. Each answer is a promise that rejects only when the cluster does not answer. */
export interface Facts {
  readonly namespace: string;
  /** Plural names of the kinds of `argoproj.io/v1alpha1`. */
  readonly argoKinds: () => Promise<Seen<readonly string[]>>;
  readonly controllers: () => Promise<Seen<readonly Controller[]>>;
  /** The verbs of a permission that this user lacks. */
  readonly missingVerbs: (permission: Permission) => Promise<readonly string[]>;
  /** Names of the keys of a Secret; its values are not asked for. `hidden` also when nothing says which keys it has. */
  readonly secretKeys: (name: string) => Promise<Seen<readonly string[]>>;
  readonly rollout: (name: string) => Promise<Seen<Rollout>>;
  readonly service: (name: string) => Promise<Seen<Service>>;
  readonly job: (name: string) => Promise<Seen<Job>>;
  /** The pods that a Job has made and that are still there. */
  readonly podsOfJob: (name: string) => Promise<Seen<readonly Pod[]>>;
  readonly quotas: () => Promise<Seen<readonly Quota[]>>;
  /** Argo CD's, in its namespace. */
  readonly application: (namespace: string, name: string) => Promise<Seen<Application>>;
}

/** A Deployment of the Rollouts controller. */
export interface Controller {
  readonly namespace: string;
  readonly name: string;
  /** Of its image's tag, e.g. `v1.9.1`; undefined when that says none. */
  readonly version?: string;
  readonly available: number;
}

export interface Quota extends KubeObject {
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}
