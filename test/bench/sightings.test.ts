import { describe, expect, it } from 'vitest';
import type { Request } from '../../scripts/bench/load.ts';
import { afterglow, isWrong, type Sighting } from '../../scripts/bench/sightings.ts';

const seen = (at: number, version: string): Sighting => ({ member: 'web', at, version });
const answered = (version: string, start: number, end = start + 5, opened = start): Request => ({
  member: 'web',
  mode: 'fresh',
  opened,
  start,
  end,
  version,
});
const switched = [seen(0, 'v1'), seen(10_000, 'v2')];

describe('an answer is of the wrong version', () => {
  it.each([
    ['by the old version before the switch is read back', answered('v1', 9_999), false],
    ['by the old version after that', answered('v1', 10_001), true],
    ['by the new version', answered('v2', 10_001), false],
    ['by the new version a moment before the switch is read back', answered('v2', 9_500), false],
    ['by the new version long before', answered('v2', 5_000), true],
    ['by the old version on a connection from before the switch', answered('v1', 15_000, 15_005, 9_000), false],
    ['by the old version on a kept connection from after it', answered('v1', 15_000, 15_005, 10_500), true],
    ['by nobody', { ...answered('v1', 10_001), version: undefined, failed: 'ECONNRESET' }, false],
  ])('%s: %s', (_, request, expected) => {
    expect(isWrong(request, switched)).toBe(expected);
  });

  it('never before anything was read back', () => {
    expect(isWrong(answered('v2', 1), [seen(10, 'v1')])).toBe(false);
  });
});

describe('how long a version goes on to answer', () => {
  it('is counted from when its switch was read back to the end of its last answer, and is nothing without one', () => {
    const requests = [answered('v1', 9_000), answered('v1', 10_100), answered('v1', 10_200), answered('v2', 10_300)];
    expect(afterglow(requests, switched)).toEqual([205]);
    expect(afterglow([answered('v2', 10_300)], switched)).toEqual([0]);
  });

  it('ends when the version is live again', () => {
    const back = [...switched, seen(20_000, 'v1')];
    expect(afterglow([answered('v1', 10_100), answered('v1', 30_000)], back)).toEqual([105, 0]);
  });
});
