import { App, Chart, Duration } from 'cdk8s';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CanaryRollout } from '../../charts/constructs/canary-rollout.ts';
import { loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import {
  type AnalysisRun,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
} from '../../promotion/cluster/objects.ts';
import { memberProps } from '../../test/charts/member.ts';
import { analysisTemplate } from '../../test/traces/shop.ts';
import { until } from '../../testbed/run.ts';
import { kubectl, read } from '../support/kubectl.ts';

// What the CanaryRollout construct renders, on the real controller: the contract of a member of a release.

const namespace = `canary-${process.pid}`;

/** A member of four pods whose new revision gets half of the traffic before it is held. */
function manifests(version: string): KubeObject[] {
  const chart = new Chart(new App(), 'chart', { namespace });
  new CanaryRollout(chart, 'api', {
    ...memberProps(`registry.k8s.io/pause:${version}`),
    replicas: 4,
    drain: Duration.seconds(1),
    prePromotion: { templates: ['pass'] },
    steps: [{ weight: 25 }, { weight: 50 }],
    postPromotion: { templates: ['hold'] },
  });
  return chart.toJson();
}

const apply = (items: readonly object[]) =>
  kubectl(
    ['apply', '--server-side', '--validate=strict', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
const patchStatus = (status: object) =>
  kubectl([
    ...['-n', namespace, 'patch', 'rollout', 'api', '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status })],
  ]);
const list = async <T>(kind: string): Promise<T[]> =>
  (JSON.parse(await kubectl(['-n', namespace, 'get', kind, '-o', 'json'])) as { items: T[] }).items;

/** Image tag → pods of it, as the ReplicaSets have them; those without pods are left out. */
async function pods(): Promise<Record<string, number>> {
  const sets = await list<ReplicaSet>('replicasets');
  const counts = sets.map(({ spec, status }) => {
    const [main] = spec.template?.spec?.containers ?? [];
    return [main?.image?.split(':')[1] ?? '', status?.availableReplicas ?? 0] as const;
  });
  return Object.fromEntries(counts.filter(([, count]) => count > 0).sort());
}

/** The image tag of the stable revision. */
async function stable(): Promise<string | undefined> {
  const { status } = await read<Rollout>(namespace, 'rollout', 'api');
  const sets = await list<ReplicaSet>('replicasets');
  const set = sets.find(({ metadata }) => metadata.labels?.[POD_HASH] === status?.stableRS);
  return set?.spec.template?.spec?.containers?.[0]?.image?.split(':')[1];
}

async function isIn(phase: string, expected: Record<string, number>): Promise<void> {
  await until(`the Rollout to be ${phase} with ${JSON.stringify(expected)}`, 60, async () => {
    const { metadata, status } = await read<Rollout>(namespace, 'rollout', 'api');
    const isObserved = status?.observedGeneration === String(metadata.generation);
    expect([status?.phase, await pods()]).toEqual([phase, expected]);
    return isObserved;
  });
}

/** The AnalysisRun that holds the newest revision. */
async function hold(): Promise<AnalysisRun> {
  let found: AnalysisRun | undefined;
  await until('the hold to run', 60, async () => {
    const runs = await list<AnalysisRun>('analysisruns');
    found = runs.find(({ spec, status }) => spec.metrics?.[0]?.name === 'hold' && status?.phase === 'Running');
    return found !== undefined;
  });
  return found as AnalysisRun;
}

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace]);
  const url = `${loadKubeconfig({}).getCurrentCluster()?.server}/version`;
  await apply([analysisTemplate('pass', namespace, url), analysisTemplate('hold', namespace, url)]);
  await apply(manifests('3.9'));
  await isIn('Healthy', { '3.9': 4 });
});
afterAll(() => kubectl(['delete', 'namespace', namespace, '--wait=false']));

describe('a canary member', () => {
  it('waits for its promotion once it is judged, is held at its last weight, and settles when the hold is ended', async () => {
    await apply(manifests('3.10'));
    await isIn('Paused', { '3.10': 1, '3.9': 3 });
    expect((await list<AnalysisRun>('analysisruns')).map(({ status }) => status?.phase)).toEqual(['Successful']);
    await patchStatus({ pauseConditions: null });
    const { metadata } = await hold();
    expect([await pods(), await stable()]).toEqual([{ '3.10': 2, '3.9': 2 }, '3.9']);
    const end = JSON.stringify({ spec: { terminate: true } });
    await kubectl(['-n', namespace, 'patch', 'analysisrun', metadata.name, '--type=merge', '-p', end]);
    await isIn('Healthy', { '3.10': 4 });
    expect(await stable()).toBe('3.10');
  });

  it('goes back to the old revision when it is aborted while it is held', async () => {
    await apply(manifests('3.11'));
    await isIn('Paused', { '3.10': 3, '3.11': 1 });
    await patchStatus({ pauseConditions: null });
    await hold();
    await patchStatus({ abort: true });
    await isIn('Degraded', { '3.10': 4 });
    expect(await stable()).toBe('3.10');
  });
});
