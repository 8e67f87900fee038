import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubeconfigWith } from '../support/kubeconfig.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { applyShop, shop } from '../support/shop.ts';

// Whatever is wrong with a call, the cluster or the credentials: one clear error, and nothing is written.
const namespace = 'bad-input';
const KINDS = 'rollouts,services,replicasets,analysisruns,configmaps,leases';

/** A release that no controller takes up, because it belongs to one of a name that does not run. */
const ofNoController = (object: KubeObject): KubeObject =>
  object.kind === 'Rollout'
    ? {
        ...object,
        metadata: { ...object.metadata, labels: { 'argo-rollouts.argoproj.io/controller-instance-id': 'nobody' } },
      }
    : object;

describe('promote on a real API server', () => {
  let v1: string;

  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    v1 = await writeManifests('v1', await shop({ namespace, version: 'v1' }));
    await applyShop(v1);
    expect((await promote(v1)).exitCode).toBe(0);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('names the Rollout that is not in the cluster', async () => {
    const objects = await shop({ namespace, version: 'v1' });
    const stranger = objects
      .filter(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'web')
      .map((rollout) => ({ ...rollout, metadata: { ...rollout.metadata, name: 'worker' } }));
    const folder = await writeManifests('stranger', [...objects, ...stranger]);
    const said = await refused(folder);
    expect(said).toEqual([2, 'usage', expect.stringMatching(/no Rollout worker in the cluster.*apply/)]);
  });

  it('says that no controller takes the release up, in time', async () => {
    const v2 = await writeManifests('v2', await shop({ namespace, version: 'v2', edit: ofNoController }));
    await applyShop(v2);
    const said = await refused(v2, ['--timeout', '3'], specs);
    expect(said).toEqual([3, 'refused', expect.stringMatching(/not prepared after 3 s.*controller.*running/)]);
    await applyShop(v1);
  });

  it('names the server that cannot be reached', async () => {
    const kubeconfig = await kubeconfigWith({ cluster: { server: 'https://127.0.0.1:9' } });
    const said = await refused(v1, ['--kubeconfig', kubeconfig]);
    expect(said).toEqual([8, 'unreachable', expect.stringContaining('https://127.0.0.1:9 does not answer')]);
  });

  it('says that the credentials are not accepted', async () => {
    const said = await refused(v1, ['--kubeconfig', await kubeconfigWith({ user: { token: 'wrong' } })]);
    expect(said).toEqual([2, 'usage', expect.stringMatching(/Unauthorized.*log in again/)]);
  });

  it('says what a user may not do', async () => {
    await kubectl(['-n', namespace, 'create', 'serviceaccount', 'nobody']);
    const token = (await kubectl(['-n', namespace, 'create', 'token', 'nobody'])).trim();
    const said = await refused(v1, ['--kubeconfig', await kubeconfigWith({ user: { token } })]);
    expect(said).toEqual([
      2,
      'usage',
      expect.stringMatching(/"system:serviceaccount:bad-input:nobody" cannot list resource.*grant/),
    ]);
  });

  it('says that nothing of the release is in that namespace', async () => {
    const said = await refused(v1, ['--namespace', 'default']);
    expect(said).toEqual([2, 'usage', expect.stringMatching(/no Rollout backend in the cluster.*apply/)]);
  });

  // Deleting the CRDs deletes every Rollout of the cluster, which only a testbed of our own can spare.
  it.runIf(!process.env.TESTBED_KUBECONFIG)('says that the cluster has no Argo Rollouts', async () => {
    const crds = JSON.parse(await kubectl(['get', 'crds', '-o', 'json'])) as { items: KubeObject[] };
    const ours = crds.items.filter(({ metadata }) => metadata.name.endsWith('.argoproj.io'));
    await kubectl(['delete', 'crd', ...ours.map(({ metadata }) => metadata.name)]);
    try {
      await until('the API server to forget the Rollouts', 30, async () => {
        const { stderr } = await run('kubectl', ['get', '--raw', `/apis/argoproj.io/v1alpha1`]);
        return stderr.includes('not find');
      });
      const { exitCode, result, events, stderr } = await promote(v1);
      expect([exitCode, result?.outcome, stderr]).toEqual([2, 'usage', '']);
      expect(events.at(-1)?.message).toMatch(/no Argo Rollouts: install its CRDs and controller first/);
    } finally {
      const clean = ours.map((crd) => ({ ...crd, metadata: { name: crd.metadata.name }, status: undefined }));
      await kubectl(
        ['apply', '--server-side', '--force-conflicts', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: clean }),
      );
      await kubectl([
        'wait',
        '--for=condition=Established',
        '--timeout=30s',
        ...ours.map((c) => `crd/${c.metadata.name}`),
      ]);
    }
    // The controller has noticed, too.
    await applyShop(v1);
    expect((await promote(v1)).exitCode).toBe(0);
  });
});

/** Promotes, makes sure that nothing was written and no stack trace is shown, and gives exit code, outcome and message. */
async function refused(
  folder: string,
  args: readonly string[] = [],
  state: () => Promise<string> = versions,
): Promise<[number, string | undefined, string]> {
  const before = await state();
  const { exitCode, result, events, stderr } = await promote(folder, args);
  expect(await state()).toEqual(before);
  const told = [stderr, ...events.map((event) => event.message)].join('\n');
  expect(told).not.toMatch(/^\s+at .*:\d+/m);
  const message = events.find((event) => event.code === 'GOING_BACK')?.message ?? events.at(-1)?.message ?? stderr;
  return [exitCode, result?.outcome, message];
}

/** The resource version of everything that a promotion could write. */
async function versions(): Promise<string> {
  const path = '{range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';
  return kubectl(['-n', namespace, 'get', KINDS, '-o', `jsonpath=${path}`]);
}

/** What the release itself is, without what a promoter notes of its own run: its lock, its journal, its annotations. */
async function specs(): Promise<string> {
  const { items } = JSON.parse(
    await kubectl(['-n', namespace, 'get', 'rollouts,services,replicasets,analysisruns', '-o', 'json']),
  );
  return JSON.stringify(
    items.map(({ kind, metadata, spec, status }: KubeObject & { spec?: object; status?: object }) => [
      kind,
      metadata.name,
      spec,
      status,
    ]),
  );
}
