import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { asRevision, withChecks } from '../support/edits.ts';
import { removeFolders } from '../support/folder.ts';
import { kubectl } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { apply, prepareNamespace, renderRelease } from '../support/release.ts';
import { allOn, truthOf } from '../support/truth.ts';

// Real pods, with PostgreSQL and Redis from our own charts; every release starts from v1, live and stable.
const namespace = 'promote';
const release = (backend: string, web: string, edit?: (object: KubeObject) => KubeObject) =>
  renderRelease({ namespace, backend, web, ...(edit ? { edit } : {}) });

async function expectLive(backend: string, web: string): Promise<void> {
  expect(await truthOf(namespace, 'backend')).toEqual(allOn(backend));
  expect(await truthOf(namespace, 'web')).toEqual(allOn(web));
}

/** Leaves nothing but the hold to judge a Rollout after the switch. */
const withoutAnalysisAfter = (object: KubeObject) => {
  if (object.kind !== 'Rollout') return object;
  const changed = structuredClone(object) as KubeObject & {
    spec: { strategy: { blueGreen: Record<string, unknown> } };
  };
  changed.spec.strategy.blueGreen.postPromotionAnalysis = { templates: [{ templateName: 'hold' }] };
  return changed;
};

describe('promote on a real node', () => {
  let v1: string;

  beforeAll(async () => {
    await prepareNamespace(namespace);
    v1 = await release('v1', 'v1');
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('takes a first deployment with its database, cache and migration from kubectl apply to promoted', async () => {
    await apply(v1);
    const { exitCode, result } = await promote(v1);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v1', 'v1');
  });

  it('refuses a release whose new backend never gets ready', async () => {
    const folder = await release('v2-never-ready', 'v2');
    await apply(folder);
    const { exitCode, result, events } = await promote(folder, ['--timeout', '15']);
    expect([exitCode, result?.outcome]).toEqual([3, 'refused']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('0 of 2 pods available');
    await expectLive('v1', 'v1');
  });

  it('refuses a release whose analysis before the switch fails', async () => {
    await backToV1();
    const folder = await release('v2-fails-analysis', 'v2');
    await apply(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([3, 'refused']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/backend.*metric health Failed/);
    await expectLive('v1', 'v1');
  });

  it('does not let a rejected revision past its gates when it is applied again at once', async () => {
    await backToV1();
    const folder = await release('v2-fails-analysis', 'v2');
    await apply(folder);
    expect((await promote(folder)).exitCode).toBe(3);
    await expectLive('v1', 'v1');
  });

  it('brings the set back when the analysis after the switch fails', async () => {
    await backToV1();
    const folder = await release('v3', 'v2-unhealthy-active');
    await apply(folder);
    const { exitCode, result, events, evidence } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/web.*metric page Failed/);
    await expectLive('v1', 'v1');
    for (const { name, to } of result?.members ?? []) {
      const logs = [...evidence].filter(([file]) => file.startsWith(`logs/${name}-${to}-`));
      expect(logs.map(([, text]) => text).join('')).toMatch(/^20\d\d-.* /);
    }
    expect(evidence.get('index.html')).toMatch(/rolled back: web: .*metric page Failed/);
    expect(events.filter((e) => e.code === 'EVIDENCE_FAILED')).toEqual([]);
  });

  it('brings the set back when a health check fails after the switch', async () => {
    await backToV1();
    const check = {
      name: 'page',
      target: { url: `http://web.${namespace}.svc.cluster.local:3000/` },
      tries: 3,
      intervalSeconds: 1,
    };
    const folder = await release('v3', 'v2-unhealthy-active', (object) =>
      withChecks([check])(withoutAnalysisAfter(object)),
    );
    await apply(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('health check page: ');
    await expectLive('v1', 'v1');
  });

  it('promotes nothing of a newer version that is applied between prepare and switch', async () => {
    await backToV1();
    // A check that cannot pass keeps the prepared set before its switch until the newer version is there.
    const never = {
      name: 'never',
      when: 'before-switch',
      target: { url: `http://web-preview.${namespace}.svc.cluster.local:3000/` },
      expect: { status: 418 },
      tries: 100,
      intervalSeconds: 1,
    };
    const folder = await release('v2', 'v2', withChecks([never]));
    const newer = await release('v3', 'v2');
    await apply(folder);
    let applied: Promise<void> | undefined;
    const prepared = new Set<string>();
    const { exitCode, result } = await promote(folder, [], (event) => {
      if (event.code === 'MEMBER' && (event.data as { stage: string }).stage === 'prepared')
        prepared.add(event.member ?? '');
      if (prepared.size === 2) applied ??= apply(newer);
    });
    await applied;
    expect([exitCode, result?.outcome]).toEqual([6, 'superseded']);
    await expectLive('v1', 'v1');
  });

  it('takes a corrected release live although the last one aborted a member that is the same in both', async () => {
    await backToV1();
    const bad = await release('v2-fails-analysis', 'v2', asRevision('corrected'));
    await apply(bad);
    expect((await promote(bad)).exitCode).toBe(3);
    const corrected = await release('v2', 'v2', asRevision('corrected'));
    await apply(corrected);
    const { exitCode, result } = await promote(corrected);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v2', 'v2');
  });

  // Last, because for the scale-down delay after it the controller would take the version before it live ungated.
  it('takes a good release live as a set', async () => {
    await backToV1();
    const folder = await release('v2', 'v2', asRevision('good'));
    await apply(folder);
    const { exitCode, result } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v2', 'v2');
  });

  it('says unchanged when the set is live already', async () => {
    const folder = await release('v2', 'v2', asRevision('good'));
    const { exitCode, result } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'unchanged']);
  });

  it('goes back to the old version as a release like any other', async () => {
    await apply(v1);
    expect((await promote(v1)).exitCode).toBe(0);
    await expectLive('v1', 'v1');
  });

  async function backToV1(): Promise<void> {
    await apply(v1);
    expect((await promote(v1)).result?.outcome).toMatch(/unchanged|promoted/);
  }
});
