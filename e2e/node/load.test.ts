import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalysisRun, Job, KubeObject, Pod } from '../../promotion/cluster/objects.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { removeFolders } from '../support/folder.ts';
import { kubectl } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { type PromoterImage, promoterImage } from '../support/promoter-image.ts';
import { apply, prepareNamespace, renderRelease, testOverlay } from '../support/release.ts';
import { watched } from '../support/traffic.ts';
import { allOn, truthOf } from '../support/truth.ts';

// The performance gate as overlays have it: an AnalysisTemplate whose Job, from the promoter's own image, sends its requests to
// real pods. Each test goes on where the one before ended.

const namespace = 'underload';
let image: PromoterImage;

/** Above it an answer is slow, in seconds: more than a busy machine makes of 95 in 100. */
const p95Seconds = 4;

const release = (backend: string, web: string, edit?: (object: KubeObject) => KubeObject) => {
  const { strategy } = testOverlay({ name: namespace, namespace }, {});
  if (strategy.kind !== 'blue-green') throw new Error('these suites are blue-green');
  const performance = {
    image,
    p95Seconds,
    // Two of the same version differ by this much in no hundred requests.
    slowdown: 20,
    // Few enough for a machine that does much else, and time enough for the answers that the verdict takes.
    requestsPerSecond: 10,
    seconds: 180,
    warmUpSeconds: 1,
    timeoutSeconds: 30,
    resources: { cpuMillis: 100, memoryMebibytes: 256 },
  };
  return renderRelease({
    namespace,
    backend,
    web,
    overlay: {
      strategy: {
        ...strategy,
        performance,
        // A slow answer is one for the other metrics.
        analysis: { ...strategy.analysis, timeoutSeconds: 10 },
        timeouts: { ...strategy.timeouts, prepareSeconds: 400 },
      },
    },
    ...(edit ? { edit } : {}),
  });
};

/** Makes a slow stand-in take longer than it may, and answer before anybody loses patience. */
const slowly = (object: KubeObject) => {
  if (object.kind !== 'Rollout') return object;
  const changed = structuredClone(object) as KubeObject & {
    spec: { template: { spec: { containers: { env: { name: string; value: string }[] }[] } } };
  };
  for (const { env } of changed.spec.template.spec.containers)
    env.push({ name: 'STANDIN_SLOW_MS', value: String(p95Seconds * 1000 + 1000) });
  return changed;
};

const items = async <T>(...args: string[]): Promise<T[]> =>
  (JSON.parse(await kubectl(['-n', namespace, 'get', ...args, '-o', 'json'])) as { items: T[] }).items;

/** What became of the load on a member's newest revision: its metric, its Job, and the last words of its pod. */
async function loadOf(member: string) {
  const runs = (await items<AnalysisRun>('analysisruns')).filter(({ metadata }) =>
    metadata.name.startsWith(`${member}-`),
  );
  const results = runs.flatMap(({ metadata, status }) =>
    (status?.metricResults ?? [])
      .filter(({ name }) => name === 'load')
      .map(({ phase }) => ({ phase, at: metadata.creationTimestamp ?? '', run: metadata.name })),
  );
  const newest = results.sort((a, b) => (a.at < b.at ? -1 : 1)).at(-1);
  const jobs = (await items<Job>('jobs', '-l', `app.kubernetes.io/name=${member}-load`)).filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ name }) => name === newest?.run),
  );
  const pods = (await items<Pod>('pods')).filter(({ metadata }) =>
    jobs.some((job) => metadata.labels?.['job-name'] === job.metadata.name),
  );
  return {
    metric: newest?.phase,
    job: jobs[0]?.status?.conditions?.findLast(({ status }) => status === 'True')?.type,
    exitCodes: pods.map(({ status }) => status?.containerStatuses?.[0]?.state?.terminated?.exitCode),
    message: pods[0]?.status?.containerStatuses?.[0]?.state?.terminated?.message ?? '',
    log: pods[0] ? await kubectl(['-n', namespace, 'logs', pods[0].metadata.name]) : '',
  };
}

async function expectLive(backend: string, web: string): Promise<void> {
  expect(await truthOf(namespace, 'backend')).toEqual(allOn(backend));
  expect(await truthOf(namespace, 'web')).toEqual(allOn(web));
}

/** What a test that fails says: the last word of the run, and those of the load on both members. */
async function lastWords(events: readonly RunEvent[]): Promise<string> {
  const loads = await Promise.all(['backend', 'web'].map(async (member) => `${member}: ${(await loadOf(member)).log}`));
  return [events.at(-1)?.message, ...loads].join('\n');
}

describe('a release that is put under load before its switch', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    [image] = await Promise.all([promoterImage(), prepareNamespace(namespace)]);
    const first = await release('v1', 'v1');
    await apply(first);
    expect((await promote(first)).exitCode).toBe(0);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('goes live where the new revisions answer as fast as the stable ones', async () => {
    const folder = await release('v2', 'v2');
    await apply(folder);
    const { exitCode, events, unanswered } = await watched(namespace, () => promote(folder));
    expect(exitCode, await lastWords(events)).toBe(0);
    await expectLive('v2', 'v2');
    expect(unanswered).toEqual([]);
    for (const member of ['backend', 'web']) {
      const { log, message: _, ...load } = await loadOf(member);
      expect(load, member).toEqual({ metric: 'Successful', job: 'Complete', exitCodes: [0] });
      expect(log, member).toMatch(/pass after \d+ requests to each/);
    }
  });

  it('is refused where a new revision is too slow, with the reason in the pod’s status, and the old one stays live', async () => {
    const folder = await release('v2-slow', 'v3', slowly);
    await apply(folder);
    const { exitCode, events, errors } = await watched(namespace, () => promote(folder));
    expect(exitCode, await lastWords(events)).toBe(3);
    expect(events.find(({ code }) => code === 'GOING_BACK')?.message).toMatch(/backend.*metric load Failed/);
    await expectLive('v2', 'v2');
    expect(errors).toEqual([]);
    const { log: _, message, ...load } = await loadOf('backend');
    expect(load).toEqual({ metric: 'Failed', job: 'Failed', exitCodes: [1] });
    expect(message).toContain('duration fail: 95 of 100 requests took');
  });
});
