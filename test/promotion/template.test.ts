import { describe, expect, it } from 'vitest';
import type { ReplicaSet } from '../../promotion/cluster/objects.ts';
import { amount, difference, templateOf } from '../../promotion/core/template.ts';

const container = (more: object) => ({ spec: { containers: [{ name: 'main', image: 'a@sha256:1', ...more }] } });

describe('difference between a live pod template and the wanted one', () => {
  it.each([
    ['defaults that a server filled in', container({ imagePullPolicy: 'Always' }), container({})],
    [
      'zero and empty fields that the controller dropped',
      container({}),
      container({ tty: false, workingDir: '', args: [], resources: {}, lifecycle: { preStop: {} } }),
    ],
    [
      'memory in its canonical form',
      container({ resources: { limits: { memory: '1Gi' } } }),
      container({ resources: { limits: { memory: '1024Mi' } } }),
    ],
    [
      'CPU in its canonical form',
      container({ resources: { requests: { cpu: '1' } } }),
      container({ resources: { requests: { cpu: '1000m' } } }),
    ],
    [
      'a number for a quantity',
      container({ resources: { requests: { cpu: '2' } } }),
      container({ resources: { requests: { cpu: 2 } } }),
    ],
  ])('passes over %s', (_, live, wanted) => {
    expect(difference(live, wanted)).toBeUndefined();
  });

  it.each([
    ['another image', container({ image: 'a@sha256:2' }), container({}), 'template.spec.containers[0].image'],
    [
      'another amount of memory',
      container({ resources: { limits: { memory: '2Gi' } } }),
      container({ resources: { limits: { memory: '1024Mi' } } }),
      'template.spec.containers[0].resources.limits.memory',
    ],
    [
      'a value that only looks like a quantity',
      container({ env: [{ name: 'A', value: '1Gi' }] }),
      container({ env: [{ name: 'A', value: '1024Mi' }] }),
      'template.spec.containers[0].env[0].value',
    ],
    ['a container less', { spec: { containers: [] } }, container({}), 'template.spec.containers'],
    ['a missing field', container({}), container({ workingDir: '/app' }), 'template.spec.containers[0].workingDir'],
    [
      'a false that became true',
      container({ tty: true }),
      container({ tty: false }),
      'template.spec.containers[0].tty',
    ],
  ])('names %s', (_, live, wanted, path) => {
    expect(difference(live, wanted)).toBe(path);
  });
});

describe('a difference', () => {
  it.each<[unknown, unknown, string | undefined]>([
    [undefined, [], undefined],
    [undefined, ['a'], 'template'],
    [['a'], [], 'template'],
    ['text', [], 'template'],
    [undefined, {}, undefined],
    [null, { a: {} }, undefined],
    [undefined, { a: { b: 1 } }, 'template'],
    [undefined, { a: { b: 0 } }, 'template'],
    [undefined, { a: null }, 'template'],
    ['text', { a: 1 }, 'template'],
    [undefined, null, undefined],
    [{ a: 1 }, null, 'template'],
    [undefined, 0, undefined],
    [1, 0, 'template'],
  ])('between %j and %j is at %s', (live, wanted, path) => {
    expect(difference(live, wanted)).toBe(path);
  });

  it.each([
    ['limits', 'template.spec.containers[0].resources.limits.memory', true],
    ['a volume', 'template.spec.volumes[0].emptyDir.sizeLimit', true],
    ['a field reference', 'template.spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor', true],
    ['an annotation', 'template.metadata.annotations.resources.limits.memory', false],
    ['a part of another object', 'the.template.spec.x.resources.limits.memory', false],
    ['what begins as a volume', 'template.spec.volumes[0].emptyDir.sizeLimits', false],
    ['what begins as a field reference', 'template.spec.a.resourceFieldRef.divisors', false],
  ])('of amounts counts only where the API has them: %s', (_, path, isQuantity) => {
    expect(difference('1Gi', '1024Mi', path)).toBe(isQuantity ? undefined : path);
  });
});

describe('an amount', () => {
  it.each([
    ['1', 1],
    ['+1.5', 1.5],
    ['-2k', -2000],
    ['1e3', 1000],
    ['1E3', 1000],
    ['1e-3', 0.001],
    ['12e+10', 12e10],
    ['100m', 0.1],
    ['3n', 3e-9],
    ['3u', 3e-6],
    ['2M', 2e6],
    ['2G', 2e9],
    ['2T', 2e12],
    ['2P', 2e15],
    ['2E', 2e18],
    ['1Ki', 1024],
    ['1Mi', 1024 ** 2],
    ['1Gi', 1024 ** 3],
    [2, 2],
  ])('%s', (text, value) => {
    expect(amount(text)).toBe(value);
  });

  it.each(['', 'x1', '1x', '1 Gi', '1mi', '1i', '*1', 'Gi', '1e', '1ex', 'ten', undefined, null, true, {}])(
    'is not %j',
    (text) => {
      expect(amount(text)).toBeUndefined();
    },
  );
});

describe('large amounts', () => {
  it.each([
    ['1Ti', '1099511627776', '1099511627775'],
    ['1Pi', '1024Ti', '1023Ti'],
    ['1Ei', '1024Pi', '1023Pi'],
    ['1Mi', '1024Ki', '1023Ki'],
  ])('%s is %s, and not %s', (text, same, other) => {
    expect(amount(text)).toBe(amount(same));
    expect(amount(text)).not.toBe(amount(other));
  });
});

describe('the template of a ReplicaSet as its Rollout had it', () => {
  const set = (metadata: object | undefined, annotations?: Record<string, string>): ReplicaSet =>
    ({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'a', ...(annotations ? { annotations } : {}) },
      spec: { template: { ...(metadata ? { metadata } : {}), spec: { containers: [] } } },
    }) as unknown as ReplicaSet;
  const ROLE = {
    'rollout.argoproj.io/ephemeral-metadata': JSON.stringify({
      labels: { role: 'active' },
      annotations: { seen: 'yes' },
    }),
  };
  const HASH = { 'rollouts-pod-template-hash': '1' };

  it.each<[string, ReplicaSet, object]>([
    ['without its hash', set({ labels: { app: 'a', ...HASH } }), { metadata: { labels: { app: 'a' } } }],
    [
      'without what its role adds',
      set({ labels: { app: 'a', role: 'active', ...HASH }, annotations: { seen: 'yes', by: 'me' } }, ROLE),
      { metadata: { labels: { app: 'a' }, annotations: { by: 'me' } } },
    ],
    [
      'with what only looks like that',
      set({ labels: { app: 'a', role: 'active' }, annotations: { seen: 'yes' } }, { other: '{}' }),
      { metadata: { labels: { app: 'a', role: 'active' }, annotations: { seen: 'yes' } } },
    ],
    [
      'with annotations that were all of its role',
      set({ labels: {}, annotations: { seen: 'yes' } }, ROLE),
      { metadata: { labels: {}, annotations: {} } },
    ],
    [
      'with its other metadata',
      set({ name: 'x', labels: {} }, { 'rollout.argoproj.io/ephemeral-metadata': 'no JSON' }),
      { metadata: { name: 'x', labels: {} } },
    ],
    ['with none', set(undefined), { metadata: { labels: {} } }],
  ])('%s', (_, of, wanted) => {
    expect(templateOf(of)).toEqual({ spec: { containers: [] }, ...wanted });
  });

  it('is empty where that has none', () => {
    const none = { ...set({}), spec: {} };
    expect(templateOf(none)).toEqual({ metadata: { labels: {} } });
  });
});
