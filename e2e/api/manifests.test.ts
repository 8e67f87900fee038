import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { isObserved } from '../../promotion/core/member.ts';
import { readManifests } from '../../promotion/plan/folder.ts';
import { objectsOf, ofKind, podTemplates } from '../../test/charts/objects.ts';
import { sample, sampleWithBucket } from '../../test/overlays/samples.ts';
import { until } from '../../testbed/run.ts';
import { installForeignCrds } from '../support/crds.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { apply } from '../support/release.ts';

let uninstallCrds: () => Promise<void>;
beforeAll(async () => {
  uninstallCrds = await installForeignCrds();
});
afterAll(() => Promise.all([uninstallCrds(), removeFolders()]));

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

  it('admits every pod that is rendered', async () => {
    const templates = podTemplates(objects);
    expect(templates.length).toBeGreaterThan(0);
    for (const [owner, { metadata, spec }] of templates) {
      const claimed =
        ofKind(objects, 'StatefulSet').find((set) => owner === nameOf(set))?.spec.volumeClaimTemplates ?? [];
      // As the controller of StatefulSets does.
      const volumes = claimed.map((claim: KubeObject) => ({ name: claim.metadata.name, emptyDir: {} }));
      await admit(namespace, owner, { metadata, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...volumes] } });
    }
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

/** Asks the API server whether a pod of this template would be let in, and makes none. */
async function admit(namespace: string, owner: string, template: { metadata: object; spec: object }): Promise<void> {
  const { metadata, spec } = template;
  const name = owner.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
  await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], JSON.stringify(pod));
}

// What is not in dist/ because no committed overlay asks for it, and what goes to the cluster of Argo CD.
describe('further kinds on a real API server', () => {
  const namespace = `kinds-${process.pid}`;
  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    await kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
  });
  afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']));

  const gateway = { kind: 'gateway', gateway: { name: 'public', namespace: 'gateways', listener: 'https' } } as const;
  const exposed = sample({ ingress: { ...gateway, gateway: { ...gateway.gateway, redirectListener: 'http' } } });

  const store = { name: 'aws-secrets-manager', kind: 'ClusterSecretStore' } as const;
  const synced = sample({ secrets: { kind: 'external-secrets', store } });

  it.each([
    ['the HTTPRoutes of a Gateway', async () => ofKind(objectsOf(exposed), 'HTTPRoute')],
    ['the Jobs that keep dumps in a bucket', async () => ofKind(objectsOf(sampleWithBucket()), 'CronJob')],
    ['the ServiceMonitors', async () => ofKind(objectsOf(sample()), 'ServiceMonitor')],
    ['the ExternalSecrets', async () => ofKind(objectsOf(synced), 'ExternalSecret')],
    ['the Applications and the project of Argo CD', () => readManifests('dist/gitops')],
  ])('%s are applied under strict validation', async (_, read) => {
    const items = (await read()).map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }));
    expect(items.length).toBeGreaterThan(0);
    await apply(await writeManifests('kinds', items as KubeObject[]));
  });

  it('the pods that keep dumps in a bucket are admitted where restricted ones alone are', async () => {
    const jobs = ofKind(objectsOf(sampleWithBucket()), 'CronJob');
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'backup', namespace } };
    await apply(await writeManifests('account', [account]));
    for (const [owner, template] of podTemplates(jobs)) await admit(namespace, owner, template);
  });
});

const nameOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;
