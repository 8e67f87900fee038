import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod } from '../../promotion/cluster/objects.ts';
import { judgePods } from '../../promotion/gates/pods.ts';

const NOW = Date.UTC(2026, 0, 1);
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString();

function pod(name: string, container: Partial<ContainerStatus> = {}, status: Partial<Pod['status']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(60) }],
      containerStatuses: [{ name: 'main', ready: true, restartCount: 0, ...container }],
      ...status,
    },
  };
}
const judge = (pods: Pod[], policy: object = {}, since = NOW - 30_000) =>
  judgePods(pods, 2, { restarts: 0, bakeSeconds: 10, ...policy }, since, NOW);
const notReady = (reason: string) => ({ conditions: [{ type: 'Ready', status: 'False', reason }] });

describe('the pods of a revision', () => {
  it('pass when each replica was ready for the whole bake and none restarted', () => {
    expect(judge([pod('a'), pod('b')]).verdict).toBe('pass');
    expect(judge([pod('a'), pod('b', { restartCount: 1 })], { restarts: 1 }).verdict).toBe('pass');
  });

  it.each([
    ['a restart', { restartCount: 1, lastState: { terminated: { reason: 'Error', exitCode: 1 } } }, 'by Error 1'],
    ['a kill for memory', { lastState: { terminated: { reason: 'OOMKilled' } } }, 'OOMKilled'],
    ['a kill for memory just now', { state: { terminated: { reason: 'OOMKilled' } } }, 'OOMKilled'],
    ['a crash loop', { state: { waiting: { reason: 'CrashLoopBackOff' } } }, 'CrashLoopBackOff'],
  ])('fail at once at %s, by the name of pod and container', (_, container, reason) => {
    const verdict = judge([pod('a'), pod('b', container)]);
    expect(verdict).toMatchObject({ verdict: 'fail', final: true });
    expect(verdict.reason).toMatch(/^pod b: container main /);
    expect(verdict.reason).toContain(reason);
  });

  it('are not known to be well while a node’s clock is so far ahead that nobody can tell since when they are ready', () => {
    const readyAt = (seconds: number) =>
      pod('b', {}, { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(-seconds) }] });
    expect(judge([pod('a'), readyAt(300)])).toEqual({
      verdict: 'unknown',
      final: false,
      reason:
        "pod b says that it is ready since a time 300 s ahead of the cluster's clock: the clock of its node is wrong",
      readyAt: NOW + 300_000,
    });
    // A few seconds are everyday, and waited for.
    expect(judge([pod('a'), readyAt(5)])).toMatchObject({ reason: expect.stringContaining('not been ready for 10 s') });
    expect(judge([pod('a'), readyAt(5)]).readyAt).toBe(NOW + 15_000);
    // One that is behind makes no bake shorter: that begins when all have traffic.
    expect(judge([pod('a'), readyAt(-600)], {}, NOW - 9_000).verdict).toBe('unknown');
  });

  it('fail at a crash of an init container, and at a crash although another pod is missing', () => {
    const init = { initContainerStatuses: [{ name: 'init', ready: false, restartCount: 2 }] };
    expect(judge([pod('a', {}, init)])).toMatchObject({ verdict: 'fail' });
  });

  it.each([
    ['one is missing', [pod('a')], '1 of 2 pods are there'],
    ['there is none', [], '0 of 2 pods are there'],
    ['one is on its way out', [pod('a'), { ...pod('b'), metadata: { name: 'b', deletionTimestamp: at(1) } }], '1 of 2'],
    ['one was evicted', [pod('a'), pod('b', {}, { phase: 'Failed', reason: 'Evicted' })], '1 of 2'],
    [
      'one is not ready',
      [pod('a'), pod('b', {}, notReady('ContainersNotReady'))],
      'pod b is not ready: ContainersNotReady',
    ],
    ['one has no status', [pod('a'), { ...pod('b'), status: {} }], 'pod b is not ready: no status'],
    ['one reports no container', [pod('a'), pod('b', {}, { containerStatuses: [] })], 'pod b does not report'],
    [
      'one does not say since when it is ready',
      [pod('a'), pod('b', {}, { conditions: [{ type: 'Ready', status: 'True' }] })],
      'since when',
    ],
  ])('are unknown while %s', (_, pods, reason) => {
    const verdict = judge(pods as Pod[]);
    expect(verdict).toMatchObject({ verdict: 'unknown', final: false });
    expect(verdict.reason).toContain(reason);
  });

  it('are unknown until the youngest has been ready, and all have been live, for the whole bake', () => {
    const young = pod('b', {}, { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(4) }] });
    expect(judge([pod('a'), young])).toMatchObject({ verdict: 'unknown', readyAt: NOW + 6000 });
    expect(judge([pod('a'), pod('b')], {}, NOW - 1000)).toMatchObject({ verdict: 'unknown', readyAt: NOW + 9000 });
  });
});
