import jsonPatch, { type Operation } from 'fast-json-patch';

/**
 * A piece of degenerate evidence and the near-identical good one that it is made from: the sentence says what must not be
 * believed, `bad` is the one change that makes it so.
 */
export interface Pair {
  readonly name: string;
  /** What the good one has beyond the usual. */
  readonly given?: readonly Operation[];
  readonly bad: Operation;
}

export function set(path: string, value: unknown): Operation {
  return { op: 'add', path, value };
}

export function remove(path: string): Operation {
  return { op: 'remove', path };
}

/** The good evidence of a pair, and the bad. */
export function bothOf<T>(usual: T, { given = [], bad }: Pair): { good: T; bad: T } {
  const changed = (to: T, operations: readonly Operation[]) =>
    jsonPatch.applyPatch(structuredClone(to), structuredClone([...operations]), true).newDocument;
  const good = changed(usual, given);
  return { good, bad: changed(good, [bad]) };
}
