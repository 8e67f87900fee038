import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { configWrites } from '../../promotion/core/unneeded.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const HASHED = { 'moneywise.app/hashed-config': 'settings' };
const marked = (since: string) => ({
  'moneywise.app/unneeded-config': 'settings',
  'moneywise.app/unneeded-since': since,
});
const LONG_AGO = marked('2026-01-01');

const configMap = (name: string, labels?: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid: `uid of ${name}`, resourceVersion: '7', ...(labels ? { labels } : {}) },
});
const plan = { configs: [{ name: 'settings-new', base: 'settings' }] };
const writes = (configMaps: readonly KubeObject[], users: readonly KubeObject[] = [], now = NOW) =>
  configWrites(plan, configMaps, users, now).map(({ act, name, labels }) => [act, name, ...(labels ? [labels] : [])]);

/** Each place of a pod spec that can name a ConfigMap, one that this tool does not know included. */
const PLACES: readonly ((name: string) => object)[] = [
  (name) => ({ volumes: [{ name: 'v', configMap: { name } }] }),
  (name) => ({ volumes: [{ name: 'v', configMap: { name, optional: true } }] }),
  (name) => ({ volumes: [{ name: 'v', projected: { sources: [{ secret: {} }, { configMap: { name } }] } }] }),
  (name) => ({ containers: [{ name: 'main', envFrom: [{ prefix: 'A_' }, { configMapRef: { name } }] }] }),
  (name) => ({ containers: [{ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name, key: 'a' } } }] }] }),
  (name) => ({ initContainers: [{ name: 'first', envFrom: [{ configMapRef: { name } }] }] }),
  (name) => ({ ephemeralContainers: [{ name: 'debug', envFrom: [{ configMapRef: { name } }] }] }),
  (name) => ({ containers: [{ name: 'main', args: [`--config=configmap/${name}`] }] }),
  (name) => ({ containers: [{ name: 'main', newField: { configurations: { [name]: {} } } }] }),
];

/** Each kind of object that pods are, or are made from, around such a spec. */
const KINDS: Readonly<Record<string, (spec: object) => object>> = {
  Rollout: (spec) => ({ spec: { template: { spec } } }),
  ReplicaSet: (spec) => ({ spec: { replicas: 0, template: { spec } } }),
  Deployment: (spec) => ({ spec: { template: { spec } } }),
  StatefulSet: (spec) => ({ spec: { template: { spec } } }),
  DaemonSet: (spec) => ({ spec: { template: { spec } } }),
  ControllerRevision: (spec) => ({ data: { spec: { template: { spec } } } }),
  Job: (spec) => ({
    spec: { suspend: true, template: { spec } },
    status: { conditions: [{ type: 'Suspended', status: 'True' }] },
  }),
  CronJob: (spec) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
  AnalysisRun: (spec) => ({ spec: { metrics: [{ provider: { job: { spec: { template: { spec } } } } }] } }),
  Pod: (spec) => ({ spec, status: { phase: 'Running' } }),
};

const user = (kind: string, content: object, more: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'user' }, ...content, ...more }) as KubeObject;

const names = fc.constantFrom('settings-a', 'settings-b', 'settings-c', 'settings-new');
const users = fc
  .record({ kind: fc.constantFrom(...Object.keys(KINDS)), place: fc.constantFrom(...PLACES), name: names })
  .map(({ kind, place, name }) => ({ name, object: user(kind, KINDS[kind]?.(place(name)) ?? {}) }));
const labels = fc.constantFrom(
  undefined,
  {},
  HASHED,
  LONG_AGO,
  { ...HASHED, ...LONG_AGO },
  marked('2026-03-10'),
  marked('?'),
  {
    'moneywise.app/hashed-config': 'others',
  },
);
const configMaps = fc
  .uniqueArray(fc.tuple(names, labels), { selector: ([name]) => name })
  .map((all) => all.map(([name, its]) => configMap(name, its)));

describe('a hashed ConfigMap', () => {
  it('is never marked or deleted while anything names it, anywhere, or the folder holds it', () => {
    fc.assert(
      fc.property(configMaps, fc.array(users, { maxLength: 4 }), (maps, named) => {
        const needed = new Set(['settings-new', ...named.map(({ name }) => name)]);
        for (const { act, name } of configWrites(
          plan,
          maps,
          named.map(({ object }) => object),
          NOW,
        ))
          expect([name, needed.has(name) ? act === 'keep-config' : act !== 'keep-config']).toEqual([name, true]);
      }),
    );
  });

  it('goes in the end if nothing names it, however it was labelled, and others of its name stay', () => {
    fc.assert(
      fc.property(configMaps, fc.array(users, { maxLength: 2 }), (all, named) => {
        const objects = named.map(({ object }) => object);
        let left = all;
        for (const now of [NOW, NOW + 3 * 24 * 3600_000]) {
          const due = configWrites(plan, left, objects, now);
          left = left.flatMap((map) => {
            const write = due.find(({ name }) => name === map.metadata.name);
            return write?.act === 'delete-config' ? [] : [write?.labels ? configMap(write.name, write.labels) : map];
          });
        }
        const needed = new Set(['settings-new', ...named.map(({ name }) => name)]);
        const isOurs = ({ metadata }: KubeObject) => Object.values(metadata.labels ?? {}).includes('settings');
        expect(left.map(({ metadata }) => metadata.name)).toEqual(
          all.filter((map) => !isOurs(map) || needed.has(map.metadata.name)).map(({ metadata }) => metadata.name),
        );
      }),
    );
  });

  it('is marked in the place of its label, keeps the other labels, and says since when', () => {
    const labelled = configMap('settings-a', { app: 'backend', ...HASHED });
    expect(writes([labelled])).toEqual([['mark-config', 'settings-a', { app: 'backend', ...marked('2026-03-10') }]]);
    expect(configWrites(plan, [labelled], [], NOW)[0]).toMatchObject({
      uid: 'uid of settings-a',
      resourceVersion: '7',
    });
  });

  it.each([
    ['on the same day', '2026-03-10T23:59:59.999Z', []],
    ['on the next day', '2026-03-11T23:59:59.999Z', []],
    ['when a whole day is over', '2026-03-12T00:00:00Z', [['delete-config', 'settings-a']]],
  ])('that is marked is deleted only when a whole day is over: %s', (_, at, expected) => {
    expect(writes([configMap('settings-a', marked('2026-03-10'))], [], Date.parse(at))).toEqual(expected);
  });

  it('is marked anew when its label is back, which whoever applies it puts there, or its mark cannot be read', () => {
    const again = ['mark-config', 'settings-a', marked('2026-03-10')];
    expect(writes([configMap('settings-a', { ...HASHED, ...LONG_AGO })])).toEqual([again]);
    expect(writes([configMap('settings-a', marked('soon'))])).toEqual([again]);
    expect(writes([configMap('settings-a', { 'moneywise.app/unneeded-config': 'settings' })])).toEqual([again]);
  });

  it('gets its label back when it is needed again', () => {
    const needs = user('Rollout', { spec: PLACES[0]?.('settings-a') });
    for (const given of [LONG_AGO, { ...HASHED, ...LONG_AGO }])
      expect(writes([configMap('settings-a', given)], [needs])).toEqual([['keep-config', 'settings-a', HASHED]]);
    expect(writes([configMap('settings-a', HASHED)], [needs])).toEqual([]);
    expect(writes([configMap('settings-new', LONG_AGO)])).toEqual([['keep-config', 'settings-new', HASHED]]);
  });

  it.each([
    ['a Job that is complete', 'Job', { conditions: [{ type: 'Complete', status: 'True' }] }, true],
    ['a Job that has failed', 'Job', { conditions: [{ type: 'Failed', status: 'True' }] }, true],
    ['a Job that is about to fail', 'Job', { conditions: [{ type: 'FailureTarget', status: 'True' }] }, false],
    ['a Job without conditions', 'Job', {}, false],
    ['a pod that has ended', 'Pod', { phase: 'Succeeded' }, true],
    ['a pod that has failed', 'Pod', { phase: 'Failed' }, true],
    ['a pod that waits', 'Pod', { phase: 'Pending' }, false],
    ['a pod of which nothing is known', 'Pod', undefined, false],
    ['an analysis that has failed, which may be asked for again', 'AnalysisRun', { phase: 'Failed' }, false],
  ])('that is named by %s alone: is it free?', (_, kind, status, isFree) => {
    const object = user(kind, KINDS[kind]?.(PLACES[3]?.('settings-a') ?? {}) ?? {}, { status });
    expect(writes([configMap('settings-a', LONG_AGO)], [object])).toEqual(
      isFree ? [['delete-config', 'settings-a']] : [['keep-config', 'settings-a', HASHED]],
    );
  });

  it('of another release, without a label, or without an identity is left alone', () => {
    const { uid: _, ...anonymous } = configMap('settings-a', LONG_AGO).metadata;
    const { resourceVersion: __, ...stateless } = configMap('settings-a', LONG_AGO).metadata;
    const of = (metadata: KubeObject['metadata']) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    const others = [
      configMap('theirs-a', { 'moneywise.app/hashed-config': 'theirs' }),
      configMap('theirs-b', { ...LONG_AGO, 'moneywise.app/unneeded-config': 'theirs' }),
      configMap('release-policy'),
      configMap('settings-b', { app: 'backend' }),
      of(anonymous),
      of(stateless),
    ];
    expect(writes(others)).toEqual([]);
    expect(configWrites({ configs: [] }, [configMap('settings-a', LONG_AGO)], [], NOW)).toEqual([]);
  });
});
