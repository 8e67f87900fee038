import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Pods, podCounts } from '../../promotion/simulation/canary-counts.ts';

const up = (pods: number, available = pods): Pods => ({ wanted: pods, created: pods, available });

type Count = [wanted: number, available: number];
type Case = [
  what: string,
  scale: [replicas: number, weight: number, maxSurge: number | string, maxUnavailable: number | string],
  stable: Count,
  canary: Count,
  older: Count | undefined,
  expected: [stable: number, canary: number],
];

/** The controller's own table (v1.9.1, utils/replicaset/canary_test.go, TestCalculateReplicaCountsForCanary). */
const UPSTREAM: Case[] = [
  [
    'Do not add extra RSs in scaleDownCount when .Spec.Replica < AvailableReplicas',
    [10, 100, 3, 0],
    [7, 8],
    [6, 3],
    undefined,
    [7, 6],
  ],
  ['Use max surge int to scale up canary', [10, 20, 2, 0], [10, 10], [0, 0], undefined, [10, 2]],
  ['Use max surge percentage to scale up canary', [10, 20, '20%', 0], [10, 10], [0, 0], undefined, [10, 2]],
  ['Scale down extra stable replicas', [10, 20, '20%', 0], [10, 10], [2, 2], undefined, [8, 2]],
  ['Do not go past max surge', [10, 30, 2, 0], [10, 10], [0, 0], undefined, [10, 2]],
  ['Use max unavailable int to scale down stableRS', [10, 20, 0, 2], [10, 10], [0, 0], undefined, [8, 0]],
  ['Use max surge percentage to scale down stableRS', [10, 20, 0, '20%'], [10, 10], [0, 0], undefined, [8, 0]],
  ['Do not go past max unavailable', [10, 30, 0, 2], [10, 10], [0, 0], undefined, [8, 0]],
  ['Use Max Surge and Max Unavailable', [10, 50, 2, 1], [10, 10], [0, 0], undefined, [9, 2]],
  ['Scale canaryRS to zero on setWeight of 0%', [10, 0, 1, 1], [10, 10], [1, 1], undefined, [10, 0]],
  ['Scale stable to zero on setWeight of 100%', [10, 100, 1, 1], [1, 1], [10, 10], undefined, [0, 10]],
  ['Do not scale canaryRS down to zero on non-zero weight', [1, 20, 1, 0], [1, 1], [0, 0], undefined, [1, 1]],
  ['Do not scale canaryRS down to zero on non-100 weight', [1, 90, 1, 0], [1, 1], [0, 0], undefined, [1, 1]],
  ['Scale canaryRS to zero on <50 weight without surge', [1, 49, 0, 1], [1, 1], [0, 0], undefined, [1, 0]],
  ['Scale stableRS down to zero on >=50 weight without surge', [1, 51, 0, 1], [1, 1], [0, 0], undefined, [0, 0]],
  [
    'Scale canaryRS to one on >=50 weight without surge and stable replicas',
    [1, 51, 0, 1],
    [0, 0],
    [0, 0],
    undefined,
    [0, 1],
  ],
  ['Scale up Stable before canaryRS', [10, 30, 1, 0], [1, 1], [0, 0], [3, 3], [7, 1]],
  ['Scale down canaryRS and stable', [10, 30, 0, 3], [8, 5], [4, 4], undefined, [7, 3]],
  ['Scale down stable and canary available', [10, 100, 1, 0], [10, 2], [10, 8], undefined, [2, 9]],
  [
    'Do not scale down canaryRS or stable when older RS count >= scaleDownCount',
    [10, 30, 0, 1],
    [8, 6],
    [4, 2],
    [3, 3],
    [8, 4],
  ],
  ['Do not round past maxSurge with uneven setWeight divisor', [10, 5, 0, 1], [10, 10], [0, 0], undefined, [9, 0]],
  [
    'Do not round past maxSurge with uneven setWeight divisor (part 2)',
    [10, 5, 0, 1],
    [9, 9],
    [0, 0],
    undefined,
    [9, 1],
  ],
  [
    'Use maxUnavailable of 1 when percentage of maxUnavailable and maxSurge result in 0 replicas',
    [10, 10, '0%', '0%'],
    [10, 10],
    [0, 0],
    undefined,
    [9, 0],
  ],
  ['scale down to maxunavailable without exceeding maxSurge', [3, 99, 0, 2], [3, 3], [0, 0], undefined, [1, 0]],
  [
    'scale down to maxunavailable without exceeding maxSurge (part 2)',
    [3, 99, 0, 2],
    [1, 1],
    [0, 0],
    undefined,
    [1, 2],
  ],
];

describe('the pods of a canary without a router', () => {
  it.each(UPSTREAM)('%s', (_, [replicas, weight, maxSurge, maxUnavailable], stable, canary, older, expected) => {
    const counts = podCounts(
      { replicas, weight, maxSurge, maxUnavailable },
      { canary: up(...canary), stable: up(...stable), others: older ? [up(...older)] : [] },
    );
    expect([counts.stable, counts.canary]).toEqual(expected);
  });

  it('come to the weight, with never more pods than the surge allows, nor fewer than must be available', () => {
    const scales = fc.record({
      replicas: fc.integer({ min: 1, max: 30 }),
      weight: fc.integer({ min: 0, max: 100 }),
      maxSurge: fc.constantFrom(1, 2, '25%', '50%'),
      maxUnavailable: fc.constantFrom(0, 1, '25%'),
      before: fc.integer({ min: 0, max: 30 }),
      old: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(scales, ({ before, old, ...scale }) => {
        const { replicas, weight } = scale;
        let state = {
          canary: Math.min(before, replicas),
          stable: replicas - Math.min(before, replicas),
          others: [old],
        };
        const surge =
          typeof scale.maxSurge === 'number'
            ? scale.maxSurge
            : Math.ceil((Number.parseInt(scale.maxSurge, 10) * replicas) / 100);
        const most = Math.max(replicas + surge, replicas + old);
        for (let pass = 0; pass < 100; pass += 1) {
          const next = podCounts(scale, {
            canary: up(state.canary),
            stable: up(state.stable),
            others: state.others.map((n) => up(n)),
          });
          expect(next.canary + next.stable + (next.others[0] ?? 0)).toBeLessThanOrEqual(most);
          if (next.canary === state.canary && next.stable === state.stable && next.others[0] === state.others[0]) break;
          state = { ...next, others: [...next.others] };
        }
        expect(state.others).toEqual([0]);
        expect([replicas, replicas + 1]).toContain(state.canary + state.stable);
        expect(Math.abs(state.canary - (replicas * weight) / 100)).toBeLessThan(2);
        if (weight > 0 && weight < 100) expect(Math.min(state.canary, state.stable)).toBeGreaterThan(0);
        if (weight === 0) expect(state.canary).toBe(0);
        if (weight === 100) expect(state.stable).toBe(0);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('are all of the new revision where it is the stable one', () => {
    const scale = { replicas: 3, weight: 100 };
    expect(podCounts(scale, { canary: up(1), stable: undefined, others: [] })).toMatchObject({ canary: 3, stable: 0 });
  });
});
