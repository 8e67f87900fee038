import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../promotion/status/status.ts';
import { closeServers, githubServer } from '../../test/notify/servers.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { applyShop, type ShopOptions, shop, versionsOf } from '../support/shop.ts';

const CLI = 'scripts/launch.mjs';

// Whole releases by the real controller on a real API server, of Rollouts that this project did not render.
const namespace = 'release';
let github: Awaited<ReturnType<typeof githubServer>>;
const release = async (options: Omit<ShopOptions, 'namespace'>) => {
  const notifications = { github: { repository: 'moneywise/moneywise', api: github.url } };
  return writeManifests(options.version, await shop({ namespace, notifications, ...options }));
};
/** The incidents that GitHub has, as state and number of comments. */
const incidents = () => github.issues.map(({ state, comments }) => [state, comments.length]);

async function expectLive(version: string): Promise<void> {
  for (const member of ['backend', 'web'])
    expect(await versionsOf(namespace, member)).toEqual({ live: version, stable: version });
}

describe('a release on a real API server', () => {
  beforeAll(async () => {
    github = await githubServer('moneywise/moneywise', 'token-of-the-tests');
    process.env.MONEYWISE_GITHUB_TOKEN = 'token-of-the-tests';
    await kubectl(['create', 'namespace', namespace]);
    const v1 = await release({ version: 'v1' });
    await applyShop(v1);
    expect((await promote(v1)).exitCode).toBe(0);
    await expectLive('v1');
  });
  afterAll(async () => {
    delete process.env.MONEYWISE_GITHUB_TOKEN;
    await closeServers();
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('is refused whole when one member fails its analysis before the switch', async () => {
    const folder = await release({ version: 'v2', before: 'fail' });
    await applyShop(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([3, 'refused']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^backend: .*verdict.* Failed/);
    await expectLive('v1');
    expect(incidents()).toEqual([['open', 0]]);
    expect(github.issues[0]?.body).toMatch(/\| `backend: analysis before the switch` \| fail \|/);
  });

  it('is brought back whole when one member fails its analysis after the switch', async () => {
    const folder = await release({ version: 'v3', after: 'fail' });
    await applyShop(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^backend: .*verdict.* Failed/);
    await expectLive('v1');
    expect(incidents()).toEqual([['open', 1]]);
  });

  it('goes live whole when every verdict is good', async () => {
    const folder = await release({ version: 'v4' });
    await applyShop(folder);
    const { exitCode, result } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v4');
    expect(incidents()).toEqual([['closed', 2]]);

    const { code, stdout } = await run('node', [CLI, 'status', '--manifests', folder, '--output', 'json']);
    const { members, findings } = JSON.parse(stdout).data as Status;
    expect([code, findings]).toEqual([0, []]);
    for (const { revisions } of members) {
      const [live, old] = revisions;
      expect(live?.roles).toEqual(['active', 'preview', 'stable', 'current']);
      expect(live?.pods.map(({ ready, restarts }) => [ready, restarts])).toEqual([
        [true, 0],
        [true, 0],
      ]);
      expect(live?.analyses.map(({ when, verdict }) => [when, verdict])).toEqual([
        ['before the switch', 'pass'],
        ['after the switch', 'pass'],
      ]);
      expect(Date.parse(old?.upUntil ?? '')).toBeGreaterThan(Date.now());
    }
  });

  it('keeps an autoscaler still while it switches, and leaves it to whoever applied it', async () => {
    const autoscaler = (maxReplicas: number) => ({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'backend', namespace },
      spec: {
        scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'backend' },
        minReplicas: 1,
        maxReplicas,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
        ],
      },
    });
    const applyAutoscaler = (maxReplicas: number) =>
      kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(autoscaler(maxReplicas)));
    const bounds = () =>
      kubectl(['-n', namespace, 'get', 'hpa', 'backend', '-o', 'jsonpath={.spec.minReplicas} {.spec.maxReplicas}']);
    await applyAutoscaler(5);
    const folder = await release({ version: 'v4-scaled' });
    await applyShop(folder);
    let meanwhile: Promise<string> | undefined;
    const { exitCode } = await promote(folder, [], ({ code, data }) => {
      if (code === 'PHASE' && (data as { phase: string }).phase === 'verifying') meanwhile ??= bounds();
    });
    expect([exitCode, await meanwhile, await bounds()]).toEqual([0, '2 2', '1 5']);
    // Without a conflict: nothing in its spec belongs to the promoter any more.
    await applyAutoscaler(7);
    expect(await bounds()).toBe('1 7');
  });

  it('shows which manifests are not what is live', async () => {
    const { code, stdout } = await run('node', [CLI, 'status', '--manifests', await release({ version: 'v5' })]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/◌ backend {2}outdated {2}the cluster's .*apply them/);
  });
});
