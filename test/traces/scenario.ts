import type { KubeObject } from '../../promotion/cluster/objects.ts';
import type { Facts } from './facts.ts';

/**
 * How a version's analysis ends: `hold` measures for minutes, `short-hold` for some seconds before it fails, `late` is a Job
 * that is not over by its deadline, and `argued` and `secret` pass if their argument is the Rollout's name, which `argued` is
 * given and `secret` finds in a Secret.
 */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'error' | 'hold' | 'short-hold' | 'late' | 'argued' | 'secret';

/** One template or several, whose metrics the controller puts into one AnalysisRun. */
export type Analysis = Verdict | 'none' | readonly Verdict[];

/** A version of the shop: what is in its pod template, and the fields of the Rollout that are not the usual ones. */
export interface Version {
  readonly name: 'A' | 'B' | 'C';
  /** @default 'pass' */
  readonly before?: Analysis;
  /** @default 'pass' */
  readonly after?: Analysis;
  /** Gives no argument to an analysis that wants one. */
  readonly withoutArguments?: boolean;
  /** Its pods never become ready by themselves. */
  readonly neverReady?: boolean;
}

/** What a person, a tool or a kubelet does. `$A` in a value stands for the hash of version A, `$now` for the time. */
export type Stimulus =
  /** A merge patch (RFC 7396), of the status if it is one of that. */
  | { readonly say: string; readonly kind: Kind; readonly name: string; readonly merge: object }
  /** Puts a version's template in, with its analysis as `kubectl apply` does or alone as `undo` does. */
  | { readonly say: string; readonly template: Version; readonly alone: boolean; readonly more?: object }
  | { readonly say: string; readonly remove: Kind; readonly name: string }
  | { readonly say: string; readonly create: KubeObject }
  /** So many pods of that version's ReplicaSet are available. */
  | { readonly say: string; readonly available: number; readonly of: Version['name'] };

export type Kind =
  | 'rollouts'
  | 'services'
  | 'replicasets'
  | 'analysisruns'
  | 'analysistemplates'
  | 'ingresses'
  | 'poddisruptionbudgets'
  | 'secrets';

export interface Step {
  /** Waits until the facts include these; then, as always, until nothing has changed for a while. */
  readonly when?: Facts;
  readonly give: readonly Stimulus[];
}

export interface Scenario {
  readonly name: string;
  /** The first version, and fields of its strategy that are not the usual ones. */
  readonly first?: Version;
  readonly strategy?: object;
  /**
   * A canary of four pods in its place: 25 %, the analysis before, the pause, 50 %, the analysis after. `routed`: its first pod
   * comes up without traffic, of which a router gives it 50 % after the pause.
   */
  readonly canary?: 'divided' | 'routed';
  /** Further fields of the Rollout's spec. */
  readonly spec?: object;
  /** Why the simulation has no such thing; then it is recorded for the reader and not replayed. */
  readonly notModelled?: string;
  readonly steps: readonly Step[];
  /** What the facts are to include when all is over; the rest of them is in the trace. */
  readonly end: Facts;
}

const ROLLOUT = { kind: 'rollouts', name: 'shop' } as const;
const status = (say: string, merge: object): Stimulus => ({ say, ...ROLLOUT, merge: { status: merge } });

export const promote = status('promote', { pauseConditions: null });
export const promoteFull = status('promote --full', { pauseConditions: null, promoteFull: true });
export const abort = status('abort', { abort: true });
export const retry = status('retry', { abort: false });
export const spec = (say: string, merge: object): Stimulus => ({ say, ...ROLLOUT, merge: { spec: merge } });
export const pause = spec('pause', { paused: true });
export const unpause = spec('unpause', { paused: false });
export const scale = (replicas: number): Stimulus => spec(`scale to ${replicas}`, { replicas });
export const apply = (template: Version, more?: object): Stimulus => ({
  say: `apply ${template.name}${more ? ` and ${JSON.stringify(more)}` : ''}`,
  template,
  alone: false,
  ...(more ? { more } : {}),
});
export const undo = (template: Version): Stimulus => ({ say: `undo to ${template.name}`, template, alone: true });
export const available = (of: Version['name'], count: number): Stimulus => ({
  say: `${count} pods of ${of} are available`,
  available: count,
  of,
});
export const select = (service: 'shop' | 'shop-preview', version: Version['name'] | null): Stimulus => ({
  say: version ? `point ${service} at ${version}` : `strip the hash from ${service}`,
  kind: 'services',
  name: service,
  merge: { spec: { selector: { 'rollouts-pod-template-hash': version ? `$${version}` : null } } },
});
export const terminate = (run: string): Stimulus => ({
  say: `terminate ${run}`,
  kind: 'analysisruns',
  name: `shop-$${run}`,
  merge: { spec: { terminate: true } },
});
export const remove = (kind: Kind, name: string): Stimulus => ({ say: `delete ${kind}/${name}`, remove: kind, name });
export const annotate = (say: string, kind: Kind, name: string, annotations: object): Stimulus => ({
  say,
  kind,
  name,
  merge: { metadata: { annotations } },
});
export const label = (say: string, labels: object): Stimulus => ({ say, ...ROLLOUT, merge: { metadata: { labels } } });
