import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { find, objectsOf, ofKind } from '../../test/charts/objects.ts';
import { documented, filled } from '../../test/documents/documented.ts';
import { sample } from '../../test/overlays/samples.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { apply } from '../support/release.ts';
import { typed } from '../support/typed.ts';

// docs/autoscaling.md, on a real API server: an overlay that leaves the number of pods to an autoscaler from now on.

const namespace = `handover-${process.pid}`;
const { backend } = sample();
const { autoscaling, ...fixed } = backend;

/** The backend's Rollout, its Services and, if it has one, its autoscaler. */
async function folderOf(isScaled: boolean): Promise<string> {
  const objects = objectsOf(sample({ backend: isScaled ? { ...backend, replicas: 3 } : { ...fixed, replicas: 3 } }));
  const found = [
    find(objects, 'Rollout', 'backend'),
    find(objects, 'Service', 'backend'),
    find(objects, 'Service', 'backend-preview'),
    ...ofKind(objects, 'HorizontalPodAutoscaler').filter(({ metadata }) => metadata.name === 'backend'),
  ];
  const items = found.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }));
  return writeManifests('handover', items as KubeObject[]);
}

const replicas = async () => (await read<Rollout>(namespace, 'rollout', 'backend')).spec.replicas;

let withNumber: string;
let withScaler: string;
beforeAll(async () => {
  withNumber = await folderOf(false);
  withScaler = await folderOf(true);
});
afterAll(removeFolders);

describe('an overlay whose pods an autoscaler counts from now on', () => {
  beforeAll(async () => {
    expect(autoscaling).toBeDefined();
    await kubectl(['create', 'namespace', namespace]);
    await apply(withNumber);
    expect(await replicas()).toBe(3);
  });
  afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']));

  it('keeps its pods, when the number was handed over before', async () => {
    const [look = '', handOver = ''] = documented('docs/autoscaling.md', 'Switching it on for what is running');
    const number = await typed(filled(look, { NAMESPACE: namespace }));
    await typed(filled(handOver, { NAMESPACE: namespace, NUMBER: number }));
    await apply(withScaler);
    expect(await replicas()).toBe(3);
  });

  it('has one pod at once otherwise', async () => {
    await kubectl(['-n', namespace, 'delete', 'rollout', 'backend', '--wait']);
    await apply(withNumber);
    await apply(withScaler);
    await until('the number to be gone', 10, async () => (await replicas()) === undefined);
  });
});
