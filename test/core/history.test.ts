import { describe, expect, it } from 'vitest';
import { type History, historyAfter, releaseBefore } from '../../promotion/core/history.ts';
import type { Journal } from '../../promotion/core/journal.ts';

/** A release of two members that is over, from and to revisions that are named by number. */
function over(from: number | undefined, to: number, more: Partial<Journal> = {}): Journal {
  const member = (name: string) => ({
    uid: `${name}-uid`,
    ...(from === undefined ? {} : { from: `${name}${from}` }),
    to: `${name}${to}`,
    switched: true,
    unchanged: false,
    asked: {},
  });
  const members = { a: member('a'), b: member('b') };
  return { ask: 'promote', phase: 'over', since: 1000 * to, members, outcome: 'promoted', ...more };
}
const revisions = (n: number) => ({ a: `a${n}`, b: `b${n}` });
const settled = (n: number) => ({ version: `v${n}`, at: 1000 * n, revisions: revisions(n) });
const rolledBack = (from: number, to: number, more: Partial<Journal> = {}) =>
  over(from, to, { ask: 'rollback', outcome: 'restored', ...more });
const ASKED = { code: 'asked', message: 'asked' } as const;

describe('the history of releases', () => {
  it('begins with what was found live, of which neither version nor time are known', () => {
    expect(historyAfter([], over(1, 2), 'v2')).toEqual([settled(2), { revisions: revisions(1) }]);
  });

  it('is the release alone after a first deployment', () => {
    expect(historyAfter([], over(undefined, 1), undefined)).toEqual([{ at: 1000, revisions: revisions(1) }]);
    expect(historyAfter([settled(2)], over(undefined, 3), 'v3')).toEqual([settled(3), settled(2)]);
  });

  it('has the newest release first, then the one that was live before it, then the others, each once', () => {
    const history = [settled(3), settled(2), settled(1)];
    expect(historyAfter(history, over(3, 4), 'v4')).toEqual([settled(4), settled(3), settled(2), settled(1)]);
    expect(historyAfter(history, over(1, 4), 'v4')).toEqual([settled(4), settled(1), settled(3), settled(2)]);
    expect(historyAfter(history, over(3, 1), 'v1')).toEqual([settled(1), settled(3), settled(2)]);
  });

  it('tells releases apart in which only one member differs', () => {
    const other = { revisions: { a: 'a2', b: 'b1' } };
    expect(historyAfter([other], over(2, 3), 'v3')).toEqual([settled(3), { revisions: revisions(2) }, other]);
  });

  it('keeps ten', () => {
    const history = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map(settled);
    const after = historyAfter(history, over(10, 11), 'v11');
    expect(after).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map(settled));
  });

  it.each(['refused', 'rolled-back', 'unchanged', 'stuck'] as const)('stays after a release that was %s', (outcome) => {
    const history = [settled(2), settled(1)];
    expect(historyAfter(history, over(1, 2, { outcome }), 'v2')).toBe(history);
    expect(historyAfter(history, over(2, 1, { outcome, ask: 'rollback' }), 'v1')).toBe(history);
  });

  it('stays after an abort, which brought back what had settled last', () => {
    const history = [settled(2), settled(1)];
    expect(historyAfter(history, over(1, 2, { ask: 'abort', outcome: 'restored', cause: ASKED }), 'v2')).toBe(history);
  });

  it('loses what was rolled back: at once, back to where it came from, or through the gates, to where it went', () => {
    const history = [settled(3), settled(2), settled(1)];
    expect(historyAfter(history, rolledBack(2, 3, { cause: ASKED }), 'v3')).toEqual([settled(2), settled(1)]);
    expect(historyAfter(history, rolledBack(3, 2), 'v3')).toEqual([settled(2), settled(1)]);
    expect(historyAfter(history, rolledBack(9, 3), 'v3')).toEqual(history);
    expect(historyAfter(history, rolledBack(3, 9), 'v3')).toBe(history);
  });
});

describe('the release before', () => {
  const history: History = [settled(3), settled(2), settled(1)];

  it('is the one that settled before what is live', () => {
    expect(releaseBefore(history, revisions(3))).toEqual(settled(2));
    expect(releaseBefore(history, revisions(2))).toEqual(settled(1));
  });

  it('is the last that settled where what is live never did, and none where nothing did', () => {
    expect(releaseBefore(history, revisions(9))).toEqual(settled(3));
    expect(releaseBefore(history, revisions(1))).toBeUndefined();
    expect(releaseBefore([], revisions(1))).toBeUndefined();
  });

  it('is not the same release once more', () => {
    expect(releaseBefore([settled(3), { revisions: revisions(3) }, settled(1)], revisions(3))).toEqual(settled(1));
  });
});
