import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { isObserved } from '../../promotion/core/member.ts';
import { readManifests } from '../../promotion/plan/folder.ts';
import { until } from '../../testbed/run.ts';
import { installForeignCrds } from '../support/crds.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { apply } from '../support/release.ts';

let uninstallCrds: () => Promise<void>;
beforeAll(async () => {
  uninstallCrds = await installForeignCrds();
});
afterAll(() => uninstallCrds());

// What is committed in dist/, as a user applies it.
describe.each(['development', 'staging', 'production'])('dist/%s on a real API server', (overlay) => {
  const folder = `dist/${overlay}`;
  let objects: KubeObject[];
  let namespace: string;

  beforeAll(async () => {
    objects = await readManifests(folder);
    namespace = objects.find((object) => object.kind === 'Namespace')?.metadata.name ?? '';
    // On somebody's own cluster these may be what people use.
    if (await kubectl(['get', 'namespace', namespace, '--ignore-not-found', '-o', 'name']))
      throw new Error(`the cluster has a namespace ${namespace} already: these suites need a cluster without one`);
    await apply(folder);
  });
  afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']));

  it('is applied whole under strict validation', async () => {
    const applied = JSON.parse(await kubectl(['get', '-f', folder, '-o', 'json'])) as { items: KubeObject[] };
    expect(applied.items.map(nameOf).sort()).toEqual(objects.map(nameOf).sort());
  });

  it('is applied again without a conflict', async () => {
    await apply(folder);
  });

  it('admits no pod that is not restricted', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'root', namespace },
      spec: { containers: [{ name: 'main', image: 'busybox', securityContext: { privileged: true } }] },
    };
    await expect(kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod))).rejects.toThrow(
      'violates PodSecurity "restricted:latest"',
    );
  });

  it('has no Rollout that the controller refuses', async () => {
    const names = objects.filter((object) => object.kind === 'Rollout').map((object) => object.metadata.name);
    expect(names).toEqual(overlay === 'development' ? [] : ['backend', 'web']);
    for (const name of names) {
      let rollout: Rollout | undefined;
      await until(`the controller to take up Rollout ${name}`, 60, async () => {
        rollout = await read<Rollout>(namespace, 'rollout', name);
        return isObserved(rollout) && rollout.status?.currentPodHash !== undefined;
      });
      expect(rollout?.status?.conditions?.filter(({ type }) => type === 'InvalidSpec')).toEqual([]);
    }
  });
});

const nameOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;
