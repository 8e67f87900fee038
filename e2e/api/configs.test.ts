import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { CONFIG_MAPS } from '../../promotion/cluster/port.ts';
import { until } from '../../testbed/run.ts';
import { hashedConfig, withConfig } from '../support/config.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { carryOut, promote } from '../support/promoter.ts';
import { applyShop, shop, versionsOf } from '../support/shop.ts';

const namespace = 'configs';
const marked = { 'moneywise.app/unneeded-config': 'settings' };

/** Old pods go at once, and one old revision is kept. */
const forgetful = (object: KubeObject): KubeObject => {
  if (object.kind !== 'Rollout') return object;
  const { spec, ...rollout } = object as Rollout;
  const blueGreen = { ...spec.strategy?.blueGreen, scaleDownDelaySeconds: 2 };
  return { ...rollout, spec: { ...spec, revisionHistoryLimit: 1, strategy: { blueGreen } } } as KubeObject;
};
const release = async (version: string) =>
  writeManifests(version, withConfig(await shop({ namespace, version, edit: forgetful }), namespace, version));

const configs = async () =>
  (await kubectl(['-n', namespace, 'get', 'configmaps', '-o', 'name']))
    .split('\n')
    .filter((line) => line.includes('settings-'))
    .map((line) => line.replace('configmap/', ''));
const labelsOf = async (version: string) =>
  (await read<KubeObject>(namespace, 'configmap', `settings-${version}`)).metadata.labels;

/** As if it had been marked so long ago that it is due. */
const longAgo = (version: string) =>
  kubectl([
    '-n',
    namespace,
    'label',
    '--overwrite',
    'configmap',
    `settings-${version}`,
    'moneywise.app/unneeded-since=2020-01-01',
  ]);

async function takeLive(version: string): Promise<string> {
  const folder = await release(version);
  await applyShop(folder);
  // The first one, which no controller gates, may be live before anybody promotes it.
  expect((await promote(folder)).result?.outcome).toMatch(/^(promoted|unchanged)$/);
  return folder;
}

async function findUnchanged(folder: string): Promise<void> {
  const { result, events } = await promote(folder);
  expect([result?.outcome, events.filter(({ level }) => level !== 'info')]).toEqual(['unchanged', []]);
}

describe('hashed ConfigMaps on a real API server', () => {
  let folder: string;
  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    for (const version of ['v1', 'v2', 'v3']) folder = await takeLive(version);
    await until('the first revision has left the history', 60, async () => {
      const versions = '{range .items[*]}{.spec.template.metadata.annotations.version} {end}';
      return !(await kubectl(['-n', namespace, 'get', 'replicasets', '-o', `jsonpath=${versions}`])).includes('v1');
    });
  }, 240_000);
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('are marked when their revision has left the history, and stay as long as one can go back to it', async () => {
    await findUnchanged(folder);
    expect(await configs()).toEqual(['settings-v1', 'settings-v2', 'settings-v3']);
    expect(await labelsOf('v1')).toMatchObject(marked);
    const waiting = ['get', 'configmaps', '-l', 'moneywise.app/unneeded-config', '-L', 'moneywise.app/unneeded-since'];
    expect(await kubectl(['-n', namespace, ...waiting])).toMatch(
      /^NAME.*UNNEEDED-SINCE\nsettings-v1 .*\d{4}-\d\d-\d\d\n$/,
    );
    for (const version of ['v2', 'v3'])
      expect(await labelsOf(version)).toEqual({ 'moneywise.app/hashed-config': 'settings' });
  });

  it.each([
    ['client-side', []],
    ['server-side', ['--server-side']],
  ])(
    'get their label back when they are applied again, %s, and are not deleted on what was seen before',
    async (_, how) => {
      const cluster = connect(loadKubeconfig({}), namespace);
      const seen = (await cluster.listMetadata(CONFIG_MAPS)).find(({ metadata }) => metadata.name === 'settings-v1');
      expect(seen).not.toHaveProperty('data');
      expect(seen?.metadata.labels).toMatchObject(marked);
      await kubectl(['apply', ...how, '-f', '-'], JSON.stringify(hashedConfig(namespace, 'v1')));
      expect(await labelsOf('v1')).toMatchObject({ 'moneywise.app/hashed-config': 'settings' });
      const { uid = '', resourceVersion = '' } = seen?.metadata ?? {};
      await expect(cluster.remove(CONFIG_MAPS, 'settings-v1', { uid, resourceVersion })).rejects.toMatchObject({
        code: 'precondition',
      });
      await longAgo('v1');
      await findUnchanged(folder);
      const anew = expect.not.stringContaining('2020-');
      expect(await labelsOf('v1')).toEqual({ ...marked, 'moneywise.app/unneeded-since': anew });
    },
  );

  it('are gone once they were marked for long enough, and a rollback finds its own', async () => {
    await longAgo('v1');
    await findUnchanged(folder);
    expect(await configs()).toEqual(['settings-v2', 'settings-v3']);
    const { result } = await carryOut('rollback', folder);
    expect(result?.outcome).toBe('restored');
    for (const member of ['backend', 'web'])
      expect(await versionsOf(namespace, member)).toEqual({ live: 'v2', stable: 'v2' });
    expect(await configs()).toEqual(['settings-v2', 'settings-v3']);
  });
});
