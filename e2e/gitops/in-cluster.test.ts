import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../promotion/cluster/objects.ts';
import { entriesOf } from '../../promotion/git/chain.ts';
import { quarantinedIn } from '../../promotion/git/quarantine.ts';
import { argoNamespace } from '../../testbed/gitops.ts';
import { images } from '../../testbed/images.ts';
import { network } from '../../testbed/network.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders } from '../support/folder.ts';
import { exposed, type GitOps, newGitOps, synced } from '../support/gitops.ts';
import { kubectl } from '../support/kubectl.ts';
import { promoterImage } from '../support/promoter-image.ts';
import { prepareNamespace } from '../support/release.ts';
import { allOn, truthOf } from '../support/truth.ts';

// Nobody promotes: Argo CD applies a commit, and with it what starts the promoter in the cluster, which keeps Git in step from there.

const namespace = 'inside';

describe('a release that Argo CD brings and the cluster promotes', () => {
  let repository: GitOps;

  beforeAll(async () => {
    const [image] = await Promise.all([promoterImage(), prepareNamespace(namespace)]);
    repository = await newGitOps(namespace, {
      promoter: {
        kind: 'job',
        image,
        resources: { cpuMillis: 50, memoryMebibytes: 160 },
        apiServer: { cidrs: ['0.0.0.0/0'], port: 6443 },
        reaches: [{ cidrs: [`${network.node}/32`], ports: [9418] }],
      },
    });
  });
  afterAll(async () => {
    await kubectl(['-n', argoNamespace, 'delete', 'application', repository.application]);
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('goes from its commit to settled, and is recorded in Git', async () => {
    await synced(repository, await repository.head());
    await exposed(repository);
    expect(await endOfPromotion(1)).toBe('Complete');
    await expectLive('v1');
    expect(await recorded()).toContainEqual(expect.objectContaining({ action: 'promote', outcome: 'promoted' }));
    // The record is a commit, too.
    await synced(repository, await repository.head());
  });

  it('that fails comes back in the cluster, then in Git, by the Job alone', async () => {
    const bad = (await repository.pin('v2', 'v2-unhealthy-active')).commit;
    expect(await endOfPromotion(2)).toBe('Failed');
    await expectLive('v1');
    await repository.git('fetch', '-q', 'origin', 'main');
    const reverts = await repository.git('log', '--format=%H', `--grep=^Reverts: ${bad}$`, 'origin/main');
    expect(reverts.trim().split('\n')).toHaveLength(1);
    expect((await recorded()).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual(
      expect.arrayContaining(['revert reverted', 'quarantine-add added', 'promote rolled-back']),
    );
    const rejected = (await images())['testbed.local/moneywise/web:v2-unhealthy-active']?.split('@')[1];
    const quarantined = quarantinedIn(await repository.git('show', 'origin/main:overlays/quarantine.yaml'));
    expect(quarantined.map(({ digest }) => digest)).toContain(rejected);
    await synced(repository, await repository.head());
    await expectLive('v1');
  });

  /** How the so-manieth Job that promotes has ended. */
  async function endOfPromotion(count: number): Promise<string | undefined> {
    let end: string | undefined;
    await until(`the end of promotion ${count}`, 240, async () => {
      const labels = ['-l', 'app.kubernetes.io/name=promoter,app.kubernetes.io/managed-by=moneywise-deploy'];
      const jobs = JSON.parse(await kubectl(['-n', namespace, 'get', 'jobs', ...labels, '-o', 'json'])) as {
        items: Job[];
      };
      const ends = jobs.items
        .sort((a, b) => Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? ''))
        .map(
          ({ status }) =>
            status?.conditions?.find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True')?.type,
        );
      end = ends[count - 1];
      return end !== undefined;
    });
    return end;
  }

  async function expectLive(tag: string): Promise<void> {
    for (const member of ['backend', 'web']) expect(await truthOf(namespace, member)).toEqual(allOn(tag));
  }

  const recorded = async () => {
    await repository.git('fetch', '-q', 'origin', 'main');
    return entriesOf(await repository.git('show', 'origin/main:overlays/releases/staging.jsonl'));
  };
});
