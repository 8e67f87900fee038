import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import type { Diff } from '../../promotion/diff/diff.ts';
import { objectsOf } from '../../test/charts/objects.ts';
import { digestOf, pins, sample } from '../../test/overlays/samples.ts';
import { until } from '../../testbed/run.ts';
import { installForeignCrds } from '../support/crds.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubeconfigWith } from '../support/kubeconfig.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { apply } from '../support/release.ts';

// What a server-side dry run says, from the real API server, of an overlay of this project.

const namespace = `diff-${process.pid}`;
const v1 = sample({ namespace });
const v2 = sample({ namespace }, { backend: { version: 'v1.2.4', digest: digestOf('backend-next') } });
const folderOf = (objects: readonly KubeObject[]) => writeManifests('diff', objects as KubeObject[]);

async function diff(folder: string, ...args: string[]): Promise<{ code: number; diff: Diff; stderr: string }> {
  const argv = ['scripts/launch.mjs', 'diff', '--manifests', folder, '-o', 'json', ...args];
  const { code, stdout, stderr } = await run('node', argv);
  return { code, diff: stdout ? JSON.parse(stdout).data : undefined, stderr };
}

let uninstallCrds: () => Promise<void>;
let folder: string;
beforeAll(async () => {
  uninstallCrds = await installForeignCrds();
  folder = await folderOf(objectsOf(v1) as KubeObject[]);
});
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
  await Promise.all([uninstallCrds(), removeFolders()]);
});

describe('diff on a real API server', () => {
  it('finds everything new where nothing is there, its namespace included', async () => {
    const { code, diff: found, stderr } = await diff(folder);
    expect(found, stderr).toMatchObject({ changed: [], notRendered: [], conflicts: [], refused: [] });
    expect(found.new).toHaveLength(objectsOf(v1).length);
    expect(found.newRevisions).toEqual(['backend', 'web']);
    expect(code).toBe(1);
  });

  it('finds nothing once that is applied and the controllers have added what is theirs', async () => {
    await apply(folder);
    for (const service of ['backend', 'web'])
      await until(`the hash in Service ${service}`, 60, async () =>
        (await kubectl(['-n', namespace, 'get', 'service', service, '-o', 'jsonpath={.spec.selector}'])).includes(
          'rollouts-pod-template-hash',
        ),
      );
    await kubectl(['-n', namespace, 'scale', '--replicas=3', 'rollout/web']);
    expect(await diff(folder)).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows a new image, the revision and the Job that it makes, and no ConfigMap or Job of the old release', async () => {
    const { code, diff: found } = await diff(await folderOf(objectsOf(v2) as KubeObject[]));
    expect(code).toBe(1);
    const backend = found.changed.find(({ object }) => object === 'Rollout backend');
    expect(backend?.fields).toContainEqual({
      path: '.spec.template.spec.containers[backend].image',
      before: expect.stringContaining(pins.backend.digest),
      after: expect.stringContaining(digestOf('backend-next')),
    });
    expect(found.newRevisions).toEqual(['backend']);
    expect(found.newJobs).toEqual([expect.stringMatching(/^migrate-/)]);
    expect(found.new).toContainEqual(expect.stringMatching(/^ConfigMap backend-config-/));
    expect(found).toMatchObject({ notRendered: [], conflicts: [], refused: [] });
  });

  it('names what is not rendered any more, of its own kinds and labels only', async () => {
    const rest = (objectsOf(v1) as KubeObject[]).filter(({ metadata }) => metadata.name !== 'web-preview');
    await kubectl(['-n', namespace, 'create', 'service', 'clusterip', 'foreign', '--tcp=80']);
    expect((await diff(await folderOf(rest))).diff.notRendered).toEqual(['Service web-preview']);
  });

  it('names the field and its owner where somebody else has set it', async () => {
    const patch = JSON.stringify({ spec: { revisionHistoryLimit: 9 } });
    const by = ['--type=merge', '--field-manager=somebody', '-p', patch];
    await kubectl(['-n', namespace, 'patch', 'rollout', 'backend', ...by]);
    const { code, diff: found } = await diff(folder);
    expect(found.conflicts).toEqual([
      { object: 'Rollout backend', path: '.spec.revisionHistoryLimit', manager: 'somebody' },
    ]);
    expect(found.changed).toEqual([
      { object: 'Rollout backend', fields: [{ path: '.spec.revisionHistoryLimit', before: 9, after: 5 }] },
    ]);
    expect(code).toBe(1);
  });

  it('says what the API server would refuse, and which kinds it does not have', async () => {
    const selector = { matchLabels: { app: 'other' } };
    const template = { metadata: { labels: selector.matchLabels }, spec: { containers: [] } };
    const bad = [
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'bad', namespace }, spec: { selector, template } },
      { apiVersion: 'none.example/v1', kind: 'Thing', metadata: { name: 'thing', namespace } },
    ];
    const { refused } = (await diff(await folderOf(bad as KubeObject[]))).diff;
    expect(refused).toEqual([
      { object: 'Deployment bad', reason: expect.stringContaining('spec.template.spec.containers: Required') },
      { object: 'Thing thing', reason: 'this cluster has no none.example/v1 Thing' },
    ]);
  });

  it('shows people sections, and writes nothing', async () => {
    const next = await folderOf(objectsOf(v2) as KubeObject[]);
    // Its autoscaler may write the number of pods meanwhile.
    const template = () => kubectl(['-n', namespace, 'get', 'rollout', 'backend', '-o', 'jsonpath={.spec.template}']);
    const before = await template();
    const { stdout } = await run('node', ['scripts/launch.mjs', 'diff', '--manifests', next, '-o', 'plain']);
    expect(stdout).toMatch(/^New\n {2}\+ /m);
    expect(stdout).toMatch(
      /^ {2}~ Rollout backend\n( {6}.*\n)* {6}\.spec\.template\.spec\.containers\[backend\]\.image: /m,
    );
    expect(stdout).toMatch(/^ {2}! Rollout backend \.spec\.revisionHistoryLimit: owned by somebody$/m);
    expect(stdout).toMatch(/^Rollouts that would get a new revision: backend$/m);
    expect(await template()).toBe(before);
  });

  it('says which right is missing to whom may only look', async () => {
    await kubectl(['-n', namespace, 'create', 'serviceaccount', 'viewer']);
    const to = ['--clusterrole=view', `--serviceaccount=${namespace}:viewer`];
    await kubectl(['-n', namespace, 'create', 'rolebinding', 'viewer', ...to]);
    const token = (await kubectl(['-n', namespace, 'create', 'token', 'viewer'])).trim();
    const { code, stderr } = await diff(folder, '--kubeconfig', await kubeconfigWith({ user: { token } }));
    expect(stderr).toMatch(/cannot \w+ resource .*: diff needs the rights of who applies this folder/);
    expect(code).toBe(2);
  });
});
