import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { type Compared, diffOf, isEmpty } from '../../promotion/diff/diff.ts';
import { changedFields, changedLines } from '../../promotion/diff/fields.ts';

const object = (kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind, metadata: { name, ...metadata }, ...more }) as KubeObject;
const compared = (live: KubeObject, merged: KubeObject): Compared => ({
  object: merged,
  is: 'live',
  live,
  merged,
  conflicts: [],
});
const fieldsOf = (live: KubeObject, merged: KubeObject) => diffOf([compared(live, merged)], []).changed[0]?.fields;

describe('the fields in which two objects differ', () => {
  const pod = (...containers: object[]) => object('Pod', 'a', { spec: { containers } });

  it('tells items of a list apart by their names, so that one more shifts no other', () => {
    const [a, b] = [
      { name: 'a', image: 'a:1' },
      { name: 'b', image: 'b:1' },
    ];
    expect(changedFields(pod(b), pod(a, { ...b, image: 'b:2' }))).toEqual([
      { path: '.spec.containers[a].image', after: 'a:1' },
      { path: '.spec.containers[a].name', after: 'a' },
      { path: '.spec.containers[b].image', before: 'b:1', after: 'b:2' },
    ]);
  });

  it('takes a list of plain values for one value, and quotes keys that are no words', () => {
    const [one, other] = [
      object('ConfigMap', 'a', { data: { 'a.b': '1' }, list: ['x'] }),
      object('ConfigMap', 'a', { data: { 'a.b': '2' }, list: ['x', 'y'] }),
    ];
    expect(changedFields(one, other)).toEqual([
      { path: '.data["a.b"]', before: '1', after: '2' },
      { path: '.list', before: ['x'], after: ['x', 'y'] },
    ]);
  });

  it('shows of a text the lines alone that differ', () => {
    expect(changedLines('a\nb\nb\nc', 'a\nb\nd\nc')).toEqual(['- b', '+ d']);
  });
});

describe('a diff', () => {
  it('is empty where only what the API server and controllers keep is different', () => {
    const live = object(
      'Service',
      'web',
      { spec: { selector: { app: 'web', 'rollouts-pod-template-hash': 'abc' } }, status: { loadBalancer: {} } },
      { uid: '1', resourceVersion: '2', generation: 3, managedFields: [{}], creationTimestamp: 'then' },
    );
    const merged = object('Service', 'web', { spec: { selector: { app: 'web' } } }, { annotations: {} });
    const diff = diffOf([compared(live, merged)], [live]);
    expect(diff.changed).toEqual([]);
    expect(isEmpty(diff)).toBe(true);
  });

  it('sees a selector that really changes', () => {
    const service = (selector: object) => object('Service', 'web', { spec: { selector } });
    expect(fieldsOf(service({ app: 'a', 'rollouts-pod-template-hash': 'abc' }), service({ app: 'b' }))).toEqual([
      { path: '.spec.selector.app', before: 'a', after: 'b' },
    ]);
  });

  it('never shows a value of a Secret, only that it changes', () => {
    const secret = (data: object) => object('Secret', 'a', { data, type: 'Opaque' });
    const diff = diffOf([compared(secret({ a: 'b2xk', b: 'Yg==' }), secret({ a: 'bmV3', c: 'Yw==' }))], []);
    expect(diff.changed[0]?.fields).toEqual([
      { path: '.data.a', before: '(not shown)', after: '(not shown)' },
      { path: '.data.b', before: '(not shown)' },
      { path: '.data.c', after: '(not shown)' },
    ]);
    expect(JSON.stringify(diff)).not.toMatch(/b2xk|bmV3|Yg==|Yw==/);
  });

  it('names the Rollouts with a new revision, and not those of which something else changes', () => {
    const rollout = (name: string, spec: object) => object('Rollout', name, { spec });
    const { newRevisions } = diffOf(
      [
        compared(rollout('a', { template: { x: 1 } }), rollout('a', { template: { x: 2 } })),
        compared(rollout('b', { replicas: 1 }), rollout('b', { replicas: 2 })),
        { object: rollout('c', {}), is: 'new' },
      ],
      [],
    );
    expect(newRevisions).toEqual(['a', 'c']);
  });

  it('names what is live and not rendered any more, but not what is kept on purpose or made by a controller', () => {
    const others = [
      object('Service', 'kept'),
      object('Service', 'gone'),
      object('ConfigMap', 'backend-config-1', {}, { labels: { 'moneywise.app/hashed-config': 'backend-config' } }),
      object('ConfigMap', 'backend-config-2', {}, { labels: { 'moneywise.app/unneeded-config': 'backend-config' } }),
      object('Job', 'migrate-1', { status: { conditions: [{ type: 'Complete', status: 'True' }] } }),
      object('Job', 'migrate-2', { status: {} }),
      object('Job', 'backup-1', {}, { ownerReferences: [{ kind: 'CronJob', name: 'backup', uid: '1' }] }),
      object('Service', 'going', {}, { deletionTimestamp: 'now' }),
    ];
    const diff = diffOf([compared(object('Service', 'kept'), object('Service', 'kept'))], others);
    expect(diff.notRendered).toEqual(['Job migrate-2', 'Service gone']);
    expect(isEmpty(diff)).toBe(false);
  });
});
