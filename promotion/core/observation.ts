import type { KubeObject } from '../cluster/objects.ts';
import type { Objects, Watched } from '../cluster/port.ts';

/** The watched objects of the cluster at one moment, by kind and name. */
export type Seen = { readonly [Kind in Watched]: ReadonlyMap<string, Objects[Kind]> };

/** What is known of the cluster at one moment. */
export interface Observation extends Seen {
  /** Answers to the questions asked so far, by their names: health checks, queries, and the way back of each member. */
  readonly checks: ReadonlyMap<string, Verdict>;
  /** ReplicaSets of which everything was kept that their pods leave behind; absent when nobody keeps any. */
  readonly collected?: ReadonlySet<string>;
  /** When everything was last listed afresh, in milliseconds since 1970: a watch may lag behind, a list does not. */
  readonly listedAt: number;
}

/**
 * What a gate says. `unknown` is missing, stale, empty, terminated, foreign or too little evidence, and never promotes;
 * while it is not `final` it may still become one of the others.
 */
export interface Verdict {
  readonly verdict: 'pass' | 'fail' | 'unknown';
  readonly final: boolean;
  /** One sentence for people, naming the values it rests on. */
  readonly reason: string;
  /** When an answer was given that can be asked for again, in milliseconds since 1970. */
  readonly at?: number;
}

/** Whether an object has that Rollout as its owner; a name alone may belong to an earlier one. */
export function ownedBy(object: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}
