import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { OverlayInput } from '../../overlays/overlay.ts';
import type { PinsInput } from '../../overlays/pins.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import { digestOf as digestOfPlan } from '../../promotion/run/record.ts';
import { bundle } from '../../scripts/bundle.ts';
import { digestOf, sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const promoter = {
  kind: 'job',
  image: { repository: 'registry.example/promoter', version: 'v0.1.0', digest: digestOf('promoter') },
  apiServer: { cidrs: ['10.0.0.1/32'], port: 6443 },
} satisfies OverlayInput['promoter'];
const rendered = (change: Partial<OverlayInput> = {}, pins: Partial<PinsInput> = {}) =>
  objectsOf(sample({ promoter, ...change }, pins));

const starterOf = (objects: KubeObject[]): KubeObject =>
  ofKind(objects, 'Job').find(({ metadata }) => metadata.name.startsWith('start-promote-')) ?? {};
/** What the applied Job makes when it runs. */
const startedBy = (objects: KubeObject[]): KubeObject =>
  JSON.parse(starterOf(objects).spec.template.spec.containers[0].args.at(-1));

describe('a promoter in the cluster', () => {
  const objects = rendered();
  const job = startedBy(objects);
  const pod = job.spec.template.spec;

  it('promotes the plan that the whole folder is', () => {
    const [{ configMap }] = pod.volumes.filter(({ name }: KubeObject) => name === 'plan');
    const { items } = JSON.parse(find(objects, 'ConfigMap', configMap.name).data['plan.json']);
    // Also by its digest, by which a run from outside knows that it goes on with the same release.
    expect(digestOfPlan(planOf(items))).toBe(digestOfPlan(planOf(objects as never)));
    expect(planOf(items)).toEqual(planOf(objects as never));
    expect(pod.containers[0].args).toEqual(expect.arrayContaining(['promote', '--manifests', '/plan']));
  });

  it('is another Job for another version, and the same for the same', () => {
    const next = startedBy(rendered({}, { web: { version: 'v1.2.4', digest: digestOf('other') } }));
    expect(next.metadata.name).not.toBe(job.metadata.name);
    expect(startedBy(rendered()).metadata.name).toBe(job.metadata.name);
  });

  it('is tried again where another try may help, and never after a verdict', () => {
    const [disruption, verdict] = job.spec.podFailurePolicy.rules;
    expect(disruption).toMatchObject({ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] });
    expect(verdict).toMatchObject({ action: 'FailJob', onExitCodes: { operator: 'In', values: [2, 3, 4, 5, 6] } });
    expect(pod.restartPolicy).toBe('Never');
    expect(job.spec.backoffLimit).toBeGreaterThan(0);
  });

  it('has the time that its release policy allows, and the time to go back when it is told to stop', () => {
    const { timeouts } = planOf(objects as never).policy;
    const longest = Object.values(timeouts).reduce((sum, seconds) => sum + seconds, 0);
    expect(job.spec.activeDeadlineSeconds).toBeGreaterThan(2 * longest);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(timeouts.returnSeconds);
  });

  it('is started in the wave of the Rollouts, by a Job that no sync waits for long and that stays', () => {
    const waves = [starterOf(objects), ...ofKind(objects, 'Rollout')].map(
      ({ metadata }) => metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? '0',
    );
    expect(new Set(waves)).toEqual(new Set(['0']));
    expect(starterOf(objects).spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(starterOf(objects).metadata.annotations ?? {}).not.toHaveProperty('argocd.argoproj.io/hook');
    expect(job.metadata.labels['app.kubernetes.io/managed-by']).not.toBe('cdk8s');
  });

  it('runs as the account of the Role, with a token, and what starts it may make Jobs and nothing else', () => {
    expect(pod).toMatchObject({ serviceAccountName: 'promoter', automountServiceAccountToken: true });
    expect(starterOf(objects).spec.template.spec.serviceAccountName).toBe('promoter-starter');
    expect(find(objects, 'Role', 'promoter-starter').rules).toEqual([
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create'] },
    ]);
    for (const name of ['promoter', 'promoter-starter'])
      expect(find(objects, 'ServiceAccount', name).imagePullSecrets).toEqual([{ name: 'moneywise-registry' }]);
  });

  it('may reach the API server, names, HTTPS outside and what the overlay says, and is reached by nobody', () => {
    const reaches = [{ cidrs: ['10.9.0.0/24'], ports: [22] }];
    const { spec } = find(rendered({ promoter: { ...promoter, reaches } }), 'NetworkPolicy', 'promoter');
    const ports = spec.egress.flatMap(({ ports }: KubeObject) => ports.map(({ port }: KubeObject) => port));
    expect(ports).toEqual([6443, 443, 22, 53, 53]);
    expect(spec.ingress).toEqual([]);
  });

  it('has as variables what its overlay keeps in a Secret for it, and no value of it in the manifests', () => {
    expect(pod.containers[0]).not.toHaveProperty('envFrom');
    const { containers } = startedBy(rendered({ promoter: { ...promoter, secretName: 'who-is-told' } })).spec.template
      .spec;
    expect(containers[0].envFrom).toEqual([{ secretRef: { name: 'who-is-told' } }]);
  });

  it('keeps its evidence on a claim where the overlay says so, and else for as long as its pod', () => {
    const evidenceOf = (objects: KubeObject[]) =>
      startedBy(objects).spec.template.spec.volumes.find(({ name }: KubeObject) => name === 'evidence');
    expect(evidenceOf(objects)).toEqual({ name: 'evidence', emptyDir: {} });
    const kept = rendered({ promoter: { ...promoter, evidence: { sizeGibibytes: 5 } } });
    expect(evidenceOf(kept)).toMatchObject({ persistentVolumeClaim: { claimName: 'promoter-evidence' } });
    expect(find(kept, 'PersistentVolumeClaim', 'promoter-evidence')).toBeDefined();
  });
});

it('renders neither Job nor rights for one where somebody promotes from outside', () => {
  const objects = objectsOf(sample());
  expect(starterOf(objects)).toEqual({});
  expect(ofKind(objects, 'Role').map(({ metadata }) => metadata.name)).toEqual(['promoter']);
});

it.each([
  ['without blue-green', { strategy: { kind: 'deployment' } }, /promoter.kind "job" has nothing to promote/],
  [
    'whose image may move',
    { promoter: { ...promoter, image: { repository: 'registry.example/promoter', version: 'latest' } } },
    /promoter.image.version "latest" is a tag that can move[\s\S]*promoter.image.digest is missing/,
  ],
] as [string, Partial<OverlayInput>, RegExp][])('refuses an overlay %s', (_, change, message) => {
  expect(() => sample({ promoter, ...change })).toThrow(message);
});

it('is one file that needs no library beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moneywise-bundle-'));
  try {
    const file = join(folder, 'moneywise-deploy.mjs');
    await bundle(file);
    await writeFile(join(folder, 'plan.json'), JSON.stringify({ kind: 'List', items: [] }));
    const run = promisify(execFile)(process.execPath, [file, 'promote', '--manifests', folder], { cwd: folder });
    await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('no Rollout in') });
  } finally {
    await rm(folder, { recursive: true });
  }
});
