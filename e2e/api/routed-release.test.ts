import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import {
  type EndpointSlice,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
} from '../../promotion/cluster/objects.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { carryOut, promote } from '../support/promoter.ts';
import { setAvailable } from '../support/real-stage.ts';
import { applyShop, type ShopOptions, shop, versionsOf } from '../support/shop.ts';

// Sets of a blue-green member (backend) and a canary whose traffic a router divides (web), by the real controller. The router is one
// that divides by annotations of an Ingress, which the controller writes and these tests read: what it says is what users get.

const namespace = `routed-release-${process.pid}`;

interface Verdicts {
  /** Of web, before its promotion and while it is held. @default 'pass' */
  readonly canary?: { readonly before?: 'fail'; readonly after?: 'fail' };
}

const INGRESS = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'public', namespace },
  spec: {
    ingressClassName: 'alb',
    rules: [
      {
        host: 'shop.example',
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { name: 'use-annotation' } } } },
          ],
        },
      },
    ],
  },
} as unknown as KubeObject;

/** Makes web a canary of four pods that has 75 % of the traffic while it is held. */
function asRouted(object: KubeObject, { canary = {} }: Verdicts): KubeObject {
  if (object.kind !== 'Rollout' || object.metadata.name !== 'web') return object;
  const changed = structuredClone(object) as unknown as { spec: Record<string, unknown> };
  const { spec } = changed;
  const { blueGreen } = spec.strategy as { blueGreen: Record<string, object> };
  spec.replicas = 4;
  spec.strategy = {
    canary: {
      canaryService: 'web-preview',
      stableService: 'web',
      trafficRouting: { alb: { ingress: 'public', servicePort: 80 } },
      scaleDownDelaySeconds: 300,
      abortScaleDownDelaySeconds: 300,
      steps: [
        { setCanaryScale: { weight: 25 } },
        { setWeight: 0 },
        { analysis: blueGreen.prePromotionAnalysis },
        { pause: {} },
        { setCanaryScale: { matchTrafficWeight: true } },
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

type Release = Omit<ShopOptions, 'namespace' | 'edit'> & Verdicts;

async function written({ canary, ...options }: Release): Promise<string> {
  const edit = (object: KubeObject) => asRouted(object, canary ? { canary } : {});
  return writeManifests(options.version, [...(await shop({ namespace, ...options, edit })), INGRESS]);
}

/** Applies a release and returns its folder. */
async function release(options: Release): Promise<string> {
  const folder = await written(options);
  await applyShop(folder);
  return folder;
}

const list = async <T>(kind: string, selector = ''): Promise<T[]> =>
  (JSON.parse(await kubectl(['-n', namespace, 'get', kind, '-l', selector, '-o', 'json'])) as { items: T[] }).items;

const versionOf = (set: ReplicaSet | undefined) => set?.spec.template?.metadata?.annotations?.version ?? 'unknown';

/** Version → percent of the requests to web that it gets: by the weights of the Ingress and the endpoints of its two Services. */
async function traffic(): Promise<Record<string, number>> {
  const ingress = await read<KubeObject>(namespace, 'ingress', 'public');
  const action = JSON.parse(ingress.metadata.annotations?.['alb.ingress.kubernetes.io/actions.web'] ?? '{}') as {
    ForwardConfig?: { TargetGroups: { ServiceName: string; Weight: number }[] };
  };
  const sets = await list<ReplicaSet>('replicasets');
  const shares: Record<string, number> = {};
  for (const { ServiceName, Weight } of action.ForwardConfig?.TargetGroups ?? []) {
    if (Weight === 0) continue;
    const slices = await list<EndpointSlice>('endpointslices', `kubernetes.io/service-name=${ServiceName}`);
    const ready = slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready);
    for (const { targetRef } of ready) {
      const version = versionOf(sets.find(({ metadata }) => targetRef?.name?.startsWith(`${metadata.name}-`)));
      shares[version] = (shares[version] ?? 0) + Weight / ready.length;
    }
  }
  return Object.fromEntries(Object.entries(shares).map(([version, share]) => [version, Math.round(share)]));
}

/** Version → pods that its ReplicaSet is to have, of those that are to have any. */
async function pods(): Promise<Record<string, number>> {
  const sets = (await list<ReplicaSet>('replicasets')).filter(({ metadata }) => metadata.name.startsWith('web-'));
  const up = sets.filter(({ spec }) => (spec.replicas ?? 0) > 0);
  return Object.fromEntries(up.map((set) => [versionOf(set), set.spec.replicas ?? 0]));
}

async function stableSet(): Promise<ReplicaSet> {
  const { status } = await read<Rollout>(namespace, 'rollout', 'web');
  return read<ReplicaSet>(namespace, 'replicaset', `web-${status?.stableRS}`);
}

/** Every member on that version, and all of the traffic. */
async function expectLive(version: string): Promise<void> {
  expect(await versionsOf(namespace, 'backend')).toEqual({ live: version, stable: version });
  await until(`all traffic of web on ${version}`, 30, async () => {
    expect(await traffic()).toEqual({ [version]: 100 });
    return true;
  });
  expect(versionOf(await stableSet())).toBe(version);
}

/** And nothing of a rejected version is up that could get some. */
async function expectBack(version: string): Promise<void> {
  await expectLive(version);
  expect(await pods()).toEqual({ [version]: 4 });
}

const setStatus = (rollout: string, status: object) =>
  kubectl([
    ...['-n', namespace, 'patch', 'rollout', rollout, '--type=merge', '--subresource=status'],
    ...['-p', JSON.stringify({ status })],
  ]);

/** Does something while every member is held, before the promoter says so. */
const onceHeld = (act: () => Promise<unknown>) =>
  justBefore('journal verifying', async () => {
    await act();
  });

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace]);
  expect((await promote(await release({ version: 'v1' }))).exitCode).toBe(0);
  await expectLive('v1');
});
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await removeFolders();
});

describe('a set with a canary whose traffic a router divides, on the real controller', () => {
  it('is refused whole when the canary fails its analysis, before it has any traffic', async () => {
    const folder = await release({ version: 'v2', canary: { before: 'fail' } });
    const { exitCode, events } = await promote(folder);
    expect(exitCode).toBe(3);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^web: .*verdict.* Failed/);
    await expectBack('v1');
  });

  it('is brought back whole when the canary fails its analysis while it is held', async () => {
    expect((await promote(await release({ version: 'v3', canary: { after: 'fail' } }))).exitCode).toBe(4);
    await expectBack('v1');
  });

  it('is brought back whole when the blue-green member fails while the canary is held', async () => {
    expect((await promote(await release({ version: 'v4', after: 'fail' }))).exitCode).toBe(4);
    await expectBack('v1');
  });

  it('is brought back also where an old pod is missing, and the controller leaves the weight as it is', async () => {
    const folder = await release({ version: 'v5' });
    const cluster = connect(loadKubeconfig({}), namespace);
    let old = '';
    const { exitCode } = await promoteHeld(
      folder,
      onceHeld(async () => {
        old = (await stableSet()).metadata.name;
        await setAvailable(cluster, old, 3);
        await until('a missing pod', 20, async () => (await stableSet()).status?.availableReplicas === 3);
        await setStatus('backend', { abort: true });
      }),
    );
    expect(exitCode).toBe(4);
    const { status, metadata } = await read<Rollout>(namespace, 'rollout', 'web');
    expect(metadata.name).toBe('web');
    expect(status?.abort).toBe(true);
    // Whatever the weight is, both Services lead to the old version, and nothing else is up.
    for (const service of ['web', 'web-preview']) {
      const { spec } = await read<KubeObject & { spec: { selector: Record<string, string> } }>(
        namespace,
        'service',
        service,
      );
      expect(`web-${spec.selector[POD_HASH]}`, service).toBe(old);
    }
    await expectBack('v1');
    await setAvailable(cluster, old, 4);
  });

  it('goes live whole, the canary share by share', async () => {
    const seen: Record<string, unknown> = {};
    const look = (write: string) =>
      justBefore(write, async () => {
        seen[write] = [await traffic(), await pods()];
      });
    const all = ['promote backend', 'journal settling'].map(look);
    const { exitCode } = await promoteHeld(await release({ version: 'v6' }), async (write, signal) => {
      for (const each of all) await each(write, signal);
      return undefined;
    });
    expect(exitCode).toBe(0);
    expect(seen['promote backend']).toEqual([{ v1: 100 }, { v1: 4, v6: 1 }]);
    expect(seen['journal settling']).toEqual([
      { v1: 25, v6: 75 },
      { v1: 4, v6: 3 },
    ]);
    await expectLive('v6');
  });

  it('is rolled back while its old pods are up, without its gates', async () => {
    const { exitCode, events } = await carryOut('rollback', await written({ version: 'v6' }));
    expect(exitCode).toBe(0);
    const acts = events.flatMap((e) =>
      e.code === 'ACT' && e.member === 'web' ? [(e.data as { act: string }).act] : [],
    );
    expect(acts).toEqual(expect.arrayContaining(['restore-template', 'promote-full']));
    expect(acts).not.toContain('promote');
    await expectBack('v1');
  });
});
