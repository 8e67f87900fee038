import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, KubeObject, Pod } from '../../promotion/cluster/objects.ts';
import type { Result, RunEvent } from '../../promotion/report/events.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders } from '../support/folder.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { type PromoterImage, promoterImage } from '../support/promoter-image.ts';
import { apply, prepareNamespace, renderRelease } from '../support/release.ts';
import { allOn, truthOf } from '../support/truth.ts';

// The promoter as a pod, started by nothing but the apply of a release. Each test goes on where the one before ended.

const namespace = 'incluster';
let image: PromoterImage;

const release = (backend: string, web: string) =>
  renderRelease({
    namespace,
    backend,
    web,
    overlay: {
      promoter: {
        kind: 'job',
        image,
        resources: { cpuMillis: 50, memoryMebibytes: 160 },
        apiServer: { cidrs: ['0.0.0.0/0'], port: 6443 },
        evidence: { sizeGibibytes: 1 },
      },
    },
  });

const list = async <T extends KubeObject>(kind: string): Promise<T[]> =>
  (
    JSON.parse(
      await kubectl(['-n', namespace, 'get', kind, '-l', 'app.kubernetes.io/name=promoter', '-o', 'json']),
    ) as { items: T[] }
  ).items;
/** The Jobs that promote, not those that start them. */
const promotions = async () => (await list<Job>('jobs')).filter(({ metadata }) => /^promote-/.test(metadata.name));
const starters = async () => (await list<Job>('jobs')).filter(({ metadata }) => /^start-/.test(metadata.name));
const byAge = (a: KubeObject, b: KubeObject) =>
  Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? '');
const podsOf = async (job: string) =>
  (await list<Pod>('pods')).filter(({ metadata }) => metadata.labels?.['job-name'] === job);

/** The one Job that promotes and was not there before. */
async function newPromotion(known: readonly string[]): Promise<string> {
  let name = '';
  await until('the Job that promotes', 60, async () => {
    name = (await promotions()).map(({ metadata }) => metadata.name).find((each) => !known.includes(each)) ?? '';
    return name !== '';
  });
  return name;
}

/** How a Job that promotes ends, and what its last pod leaves to read. */
async function endOf(job: string): Promise<{ is: string | undefined; result: Result; pods: readonly Pod[] }> {
  let is: string | undefined;
  await until(`the end of ${job}`, 240, async () => {
    const { status } = await read<Job>(namespace, 'job', job);
    is = status?.conditions?.find(
      ({ type, status }) => ['Complete', 'Failed'].includes(type) && status === 'True',
    )?.type;
    return is !== undefined;
  });
  const pods = await podsOf(job);
  const messages = pods.map(({ status }) => status?.containerStatuses?.[0]?.state?.terminated?.message);
  const event = JSON.parse(messages.findLast((message) => message !== undefined) ?? '{}') as RunEvent;
  return { is, result: event.data as Result, pods };
}

/** What `kubectl drain` does with each pod. Deleting it instead means to stop the release: it goes back, and the Job has failed. */
async function evict(pod: string): Promise<void> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
  await kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
}

async function expectLive(backend: string, web: string): Promise<void> {
  expect(await truthOf(namespace, 'backend')).toEqual(allOn(backend));
  expect(await truthOf(namespace, 'web')).toEqual(allOn(web));
}

describe('a release whose promoter runs in the cluster', () => {
  const known: string[] = [];
  const applied = async (folder: string): Promise<string> => {
    await apply(folder);
    known.push(await newPromotion(known));
    return known.at(-1) ?? '';
  };

  beforeAll(async () => {
    [image] = await Promise.all([promoterImage(), prepareNamespace(namespace)]);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('goes from its first apply to promoted with nobody typing anything', async () => {
    const { is, result } = await endOf(await applied(await release('v1', 'v1')));
    // Pods of a first deployment may be up before the promoter's own: then there is nothing left to promote.
    expect([is, result.exitCode]).toEqual(['Complete', 0]);
    expect(['promoted', 'unchanged']).toContain(result.outcome);
    await expectLive('v1', 'v1');
  });

  it('is finished by another pod when its own is evicted, as by a drained node, and leaves journal, log and evidence', async () => {
    const job = await applied(await release('v2', 'v2'));
    let first = '';
    await until('a running promoter', 60, async () => {
      const log = await kubectl(['-n', namespace, 'logs', `job/${job}`]).catch(() => '');
      first = (await podsOf(job))[0]?.metadata.name ?? '';
      return log.includes('backend');
    });
    await evict(first);
    const { is, result, pods } = await endOf(job);
    expect([is, result.outcome, result.exitCode]).toEqual(['Complete', 'promoted', 0]);
    await expectLive('v2', 'v2');
    const last = pods.at(-1)?.metadata.name ?? '';
    expect(last).not.toBe(first);
    expect(await kubectl(['-n', namespace, 'logs', last])).toMatch(/✓ promoted/);
    const journal = await kubectl(['-n', namespace, 'get', 'configmap', '-o', 'name']);
    expect(journal).toContain(`release-${namespace}-journal`);
    expect(await evidenceFiles()).toContain('index.html');
  });

  it('is not promoted a second time when the same manifests are applied again', async () => {
    await apply(await release('v2', 'v2'));
    expect(await starters()).toHaveLength(2);
    expect((await promotions()).map(({ metadata }) => metadata.name).sort()).toEqual([...known].sort());
  });

  it('is promoted once more when what started it is deleted and applied again', async () => {
    const [, starter = ''] = (await starters()).sort(byAge).map(({ metadata }) => metadata.name);
    await kubectl(['-n', namespace, 'delete', 'job', starter]);
    const { is, result } = await endOf(await applied(await release('v2', 'v2')));
    expect([is, result.outcome]).toEqual(['Complete', 'unchanged']);
  });

  it('comes back when it is bad, is not tried again, and says why to whoever reads the Job', async () => {
    const job = await applied(await release('v2-fails-analysis', 'v3'));
    const { is, result, pods } = await endOf(job);
    expect([is, result.outcome, result.exitCode]).toEqual(['Failed', 'refused', 3]);
    expect(pods).toHaveLength(1);
    const { status } = await read<Job>(namespace, 'job', job);
    expect(status?.conditions?.map(({ reason }) => reason)).toContain('PodFailurePolicy');
    await expectLive('v2', 'v2');
  });
});

/** Names of the files in the claim of the promoter's evidence, in whichever release's folder. */
async function evidenceFiles(): Promise<string[]> {
  const claim = ['-n', namespace, 'get', 'persistentvolumeclaim', 'promoter-evidence', '-o'];
  const volume = await kubectl([...claim, 'jsonpath={.spec.volumeName}']);
  const path = await kubectl(['get', 'persistentvolume', volume, '-o', 'jsonpath={.spec.local.path}']);
  const entries = await readdir(path, { recursive: true });
  return entries.map((entry) => join('/', entry).split('/').at(-1) ?? '');
}
