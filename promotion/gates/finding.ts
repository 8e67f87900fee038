import type { Verdict } from '../core/observation.ts';

/** What one piece of evidence says by itself; several make a verdict. */
export interface Finding {
  readonly verdict: Verdict['verdict'];
  /** One sentence for people, naming the values it rests on. */
  readonly reason: string;
}
