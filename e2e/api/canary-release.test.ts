import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointSlice, KubeObject, ReplicaSet, Rollout } from '../../promotion/cluster/objects.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { type BeforeWrite, justBefore, killedBefore, promoteHeld } from '../support/held.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { carryOut, promote } from '../support/promoter.ts';
import { applyShop, type ShopOptions, shop, versionsOf } from '../support/shop.ts';

// Sets of a blue-green member (backend) and a canary (web) by the real controller: the same contract for both.

const namespace = `canary-release-${process.pid}`;

interface Verdicts {
  /** Of web, at its first weight and while it is held. @default 'pass' */
  readonly canary?: { readonly before?: 'fail'; readonly after?: 'fail' };
  /** How many seconds the holds last. @default 120 */
  readonly hold?: number;
}

/** Makes web a canary of four pods, of which three are new while it is held. */
function asCanary(object: KubeObject, { canary = {}, hold = 120 }: Verdicts): KubeObject {
  const changed = structuredClone(object) as unknown as {
    metadata: { name: string };
    kind: string;
    spec: Record<string, unknown>;
  };
  const { kind, metadata, spec } = changed;
  if (kind === 'AnalysisTemplate' && metadata.name === 'hold')
    Object.assign((spec.metrics as object[])[0] ?? {}, { count: hold + 2, failureLimit: hold });
  if (kind !== 'Rollout' || metadata.name !== 'web') return changed as never;
  const { blueGreen } = spec.strategy as { blueGreen: Record<string, object> };
  spec.replicas = 4;
  spec.strategy = {
    canary: {
      canaryService: 'web-preview',
      steps: [
        { setWeight: 25 },
        { analysis: blueGreen.prePromotionAnalysis },
        { pause: {} },
        { setWeight: 50 },
        { pause: { duration: '2s' } },
        { setWeight: 75 },
        { analysis: blueGreen.postPromotionAnalysis },
      ],
    },
  };
  const { annotations } = (spec.template as { metadata: { annotations: Record<string, string> } }).metadata;
  Object.assign(annotations, { 'verdict-before': canary.before ?? 'pass', 'verdict-after': canary.after ?? 'pass' });
  return changed as never;
}

/** Applies a release and returns its folder. */
async function release({ canary, hold, ...options }: Omit<ShopOptions, 'namespace' | 'edit'> & Verdicts) {
  const edit = (object: KubeObject) => asCanary(object, { ...(canary ? { canary } : {}), ...(hold ? { hold } : {}) });
  const folder = await writeManifests(options.version, await shop({ namespace, ...options, edit }));
  await applyShop(folder);
  return folder;
}

const list = async <T>(kind: string, selector = ''): Promise<T[]> =>
  (JSON.parse(await kubectl(['-n', namespace, 'get', kind, '-l', selector, '-o', 'json'])) as { items: T[] }).items;

/** Version → ready pods of it behind the Service of the canary. */
async function serving(): Promise<Record<string, number>> {
  const sets = await list<ReplicaSet>('replicasets');
  const slices = await list<EndpointSlice>('endpointslices', 'kubernetes.io/service-name=web');
  const versions = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready)
    .map(({ targetRef }) => {
      const set = sets.find(({ metadata }) => targetRef?.name?.startsWith(`${metadata.name}-`));
      return set?.spec.template?.metadata?.annotations?.version ?? 'unknown';
    });
  return Object.fromEntries([...new Set(versions)].sort().map((v) => [v, versions.filter((x) => x === v).length]));
}

/** Waits until the Service of the canary has just these ready pods. */
async function untilServing(pods: Record<string, number>, seconds: number): Promise<void> {
  await until(`the pods behind web to be ${JSON.stringify(pods)}`, seconds, async () => {
    expect(await serving()).toEqual(pods);
    return true;
  });
}

/** The version of the stable revision of the canary. */
async function stable(): Promise<string | undefined> {
  const { status } = await read<Rollout>(namespace, 'rollout', 'web');
  const set = await read<ReplicaSet>(namespace, 'replicaset', `web-${status?.stableRS}`);
  return set.spec.template?.metadata?.annotations?.version;
}

/** Every member on that version, the canary with all of its pods. */
async function expectLive(version: string): Promise<void> {
  expect(await versionsOf(namespace, 'backend')).toEqual({ live: version, stable: version });
  await untilServing({ [version]: 4 }, 30);
  expect(await stable()).toBe(version);
}

const patch = (rollout: string, change: object, ...args: string[]) =>
  kubectl(['-n', namespace, 'patch', 'rollout', rollout, '--type=merge', '-p', JSON.stringify(change), ...args]);
const setStatus = (rollout: string, status: object) => patch(rollout, { status }, '--subresource=status');

/** Does something while every member is held, before the promoter says so. */
const onceHeld = (act: () => Promise<unknown>) =>
  justBefore('journal verifying', async () => {
    await act();
  });

/** Looks before the first write of each of these names. */
function justBeforeEach(writes: readonly string[], look: (write: string) => Promise<void>): BeforeWrite {
  const all = writes.map((name) => justBefore(name, () => look(name)));
  return async (write, signal) => {
    for (const each of all) await each(write, signal);
    return undefined;
  };
}

const actsOnWeb = (events: readonly RunEvent[]) =>
  events.flatMap((e) => (e.code === 'ACT' && e.member === 'web' ? [(e.data as { act: string }).act] : []));

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace]);
  expect((await promote(await release({ version: 'v1' }))).exitCode).toBe(0);
  await expectLive('v1');
});
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await removeFolders();
});

describe('a set with a canary on the real controller', () => {
  it('is refused whole when the canary fails its analysis at the first weight', async () => {
    const folder = await release({ version: 'v2', canary: { before: 'fail' } });
    const { exitCode, events } = await promote(folder);
    expect(exitCode).toBe(3);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^web: .*verdict.* Failed/);
    await expectLive('v1');
  });

  it('is refused whole when the blue-green member fails, also off the first weight of the canary', async () => {
    expect((await promote(await release({ version: 'v3', before: 'fail' }))).exitCode).toBe(3);
    await expectLive('v1');
  });

  it('is brought back whole when the canary fails its analysis while it is held', async () => {
    const { exitCode, events } = await promote(await release({ version: 'v4', canary: { after: 'fail' } }));
    expect(exitCode).toBe(4);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^web: /);
    await expectLive('v1');
  });

  it('is brought back whole when the blue-green member fails while the canary is held', async () => {
    expect((await promote(await release({ version: 'v5', after: 'fail' }))).exitCode).toBe(4);
    await expectLive('v1');
  });

  it('is brought back by the promoter past a pause of somebody', async () => {
    const folder = await release({ version: 'v6' });
    const { exitCode, events } = await promoteHeld(
      folder,
      onceHeld(async () => {
        await patch('web', { spec: { paused: true } });
        await setStatus('backend', { abort: true });
      }),
    );
    expect(exitCode).toBe(4);
    expect(actsOnWeb(events)).toEqual(expect.arrayContaining(['refill', 'retire']));
    await expectLive('v1');
    await patch('web', { spec: { paused: null } });
  });

  it('is brought back whole when somebody aborts the canary while it is held', async () => {
    const folder = await release({ version: 'v7' });
    const { exitCode } = await promoteHeld(
      folder,
      onceHeld(() => setStatus('web', { abort: true })),
    );
    expect(exitCode).toBe(4);
    await expectLive('v1');
  });

  it('goes back by itself when the promoter is killed while it is held and nobody comes back', async () => {
    await promoteHeld(await release({ version: 'v8', hold: 30 }), killedBefore('journal settling'));
    await until('the holds to bring every member back', 90, async () => {
      const { live } = await versionsOf(namespace, 'backend');
      expect([live, await serving()]).toEqual(['v1', { v1: 4 }]);
      return true;
    });
    await expectLive('v1');
  });

  it('goes live whole, the canary share by share', async () => {
    const seen: Record<string, unknown> = {};
    const look = justBeforeEach(['promote backend', 'journal settling'], async (write) => {
      seen[write] = [await serving(), await stable()];
    });
    const { exitCode } = await promoteHeld(await release({ version: 'v9' }), look);
    expect(exitCode).toBe(0);
    expect(seen['promote backend']).toEqual([{ v1: 3, v9: 1 }, 'v1']);
    expect(seen['journal settling']).toEqual([{ v1: 1, v9: 3 }, 'v1']);
    await expectLive('v9');
  });

  it('takes back a canary that somebody has promoted in full past its hold', async () => {
    const folder = await release({ version: 'v10' });
    const { exitCode, events } = await promoteHeld(
      folder,
      onceHeld(() => setStatus('web', { promoteFull: true })),
    );
    expect(exitCode).toBe(4);
    expect(actsOnWeb(events)).toEqual(expect.arrayContaining(['restore-template', 'promote-full']));
    await expectLive('v9');
  });

  it('is superseded by a newer version, which gets no further than its first weight', async () => {
    const folder = await release({ version: 'v11' });
    let newer = '';
    const { exitCode } = await promoteHeld(
      folder,
      onceHeld(async () => {
        newer = await release({ version: 'v12' });
      }),
    );
    expect(exitCode).toBe(6);
    expect(await versionsOf(namespace, 'backend')).toEqual({ live: 'v9', stable: 'v9' });
    await untilServing({ v12: 1, v9: 3 }, 60);
    expect((await promote(newer)).exitCode).toBe(0);
    await expectLive('v12');
  });

  it('leaves no way past the gates to a rejected canary: not by a retry, nor by applying it again', async () => {
    const rejected = { version: 'v13', canary: { after: 'fail' } } as const;
    expect((await promote(await release(rejected))).exitCode).toBe(4);
    await expectLive('v12');
    const waits = () =>
      until('v13 to wait at its first weight', 60, async () => {
        const { status } = await read<Rollout>(namespace, 'rollout', 'web');
        expect(await serving()).toEqual({ v12: 3, v13: 1 });
        return status?.pauseConditions?.[0]?.reason === 'CanaryPauseStep' && status.currentStepIndex === 2;
      });
    await setStatus('web', { abort: false });
    await waits();
    await release({ version: 'v12' });
    await expectLive('v12');
    await release(rejected);
    await waits();
    expect(await stable()).toBe('v12');
    await release({ version: 'v12' });
    await expectLive('v12');
  });

  it('is rolled back through the gates', async () => {
    const folder = await writeManifests(
      'v12',
      await shop({ namespace, version: 'v12', edit: (object) => asCanary(object, {}) }),
    );
    const { exitCode } = await carryOut('rollback', folder);
    expect(exitCode).toBe(0);
    await expectLive('v9');
  });
});
