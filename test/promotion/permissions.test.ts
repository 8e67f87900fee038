import { expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { CONFIG_PERMISSIONS, PERMISSIONS } from '../../promotion/cluster/permissions.ts';
import type { Cluster, Resource } from '../../promotion/cluster/port.ts';
import type { VersionBehaviour, World } from '../../promotion/simulation/world.ts';
import { manifests, run, worldWith } from './simulated.ts';

/** The same world, whose promoter's requests are written down as `verb group/resource`. */
function listening(world: World, requests: Set<string>): World {
  const { cluster } = world;
  const noted =
    <Rest extends unknown[], Answer>(verb: string, send: (resource: Resource, ...rest: Rest) => Answer) =>
    (resource: Resource, ...rest: Rest): Answer => {
      const subresource = verb === 'patch' && rest[2] ? `/${rest[2]}` : '';
      requests.add(`${verb} ${resource.group}/${resource.plural}${subresource}`);
      return send(resource, ...rest);
    };
  const heard: Cluster = {
    ...cluster,
    list: noted('list', cluster.list),
    listMetadata: noted('list', cluster.listMetadata),
    get: noted('get', cluster.get),
    exists: noted('get', cluster.exists),
    watch: noted('watch', cluster.watch),
    create: noted('create', cluster.create),
    remove: noted('delete', cluster.remove),
    patch: noted('patch', cluster.patch),
    logs(...args) {
      requests.add('get /pods/log');
      return cluster.logs(...args);
    },
  };
  return { ...world, cluster: heard };
}

const SCENARIOS: [string, Readonly<Record<string, VersionBehaviour>>][] = [
  ['a good release', {}],
  ['one that is refused', { 'backend:v2': { analysis: { before: 'Failed' } } }],
  ['one that is rolled back', { 'web:v2': { analysis: { after: 'Failed' } } }],
];

const hashed = (name: string, labels: Record<string, string>) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', labels } }) as KubeObject;
const used = hashed('settings-new', { 'moneywise.app/hashed-config': 'settings' });
const unneeded = [
  hashed('settings-a', { 'moneywise.app/hashed-config': 'settings' }),
  hashed('settings-b', { 'moneywise.app/unneeded-config': 'settings', 'moneywise.app/unneeded-since': '2020-01-01' }),
];

it('a promotion asks for nothing that is not in the table of permissions', async () => {
  const requests = new Set<string>();
  for (const [, behaviours] of SCENARIOS) {
    for (const seed of [1, 2, 3]) {
      const members = [{ name: 'backend', autoscaled: 5 }, { name: 'web' }];
      const world = listening(await worldWith(behaviours, { seed, members }), requests);
      // Of a name that has no journal and no Lease yet.
      const v2 = [used, ...manifests('v2', { members, policy: { release: 'another' } })];
      world.apply([...unneeded, ...v2]);
      const evidence = { path: () => 'nowhere', write: async () => {} };
      await run(world, v2, () => {}, undefined, evidence);
      // And a second try of what was refused.
      await run(world, v2);
    }
  }
  const allowed = [...PERMISSIONS, ...CONFIG_PERMISSIONS].flatMap(({ group, resource, verbs }) =>
    verbs.map((verb) => `${verb} ${group}/${resource}`),
  );
  expect([...requests].filter((request) => !allowed.includes(request))).toEqual([]);
  // And the table has nothing that is never used, but for reading one object again.
  expect(allowed.filter((permission) => !permission.startsWith('get ') && !requests.has(permission))).toEqual([]);
});
