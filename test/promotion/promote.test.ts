import { describe, expect, it } from 'vitest';
import type { KubeObject, ReplicaSet, Rollout, Service } from '../../promotion/cluster/objects.ts';
import { ClusterError } from '../../promotion/cluster/port.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { live, type ManifestOptions, manifests, pass, run, worldWith } from './simulated.ts';

const V1 = ['backend:v1', 'web:v1'];
const V2 = ['backend:v2', 'web:v2'];
const CHECK: ManifestOptions = {
  policy: {
    healthChecks: [{ name: 'backend answers', target: { service: 'backend', port: 80, path: '/api/health' } }],
  },
};
const QUERY: ManifestOptions = {
  policy: {
    queries: [
      {
        name: 'errors',
        target: { service: 'prometheus', namespace: 'monitoring', port: 9090 },
        query: 'sum(rate(errors[1m]))',
        newest: 'max(timestamp(errors))',
        below: 0.05,
        windowSeconds: 60,
      },
    ],
  },
};

describe('promote', () => {
  it('takes no pods from under the traffic when somebody retries a rejected member just before it is retired', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { before: 'Failed' } } });
    world.apply(manifests('v2'));
    let retried = false;
    const late: World = {
      ...world,
      cluster: {
        ...world.cluster,
        patch: async (resource, name, patch, subresource) => {
          if (!retried && name.startsWith('web-') && patch.some(({ path }) => path === '/spec/replicas')) {
            retried = true;
            world.api.update<Rollout>('rollouts', 'web', (r) => ({ ...r, status: { ...r.status, abort: false } }));
            await world.cluster.sleep(1500);
          }
          return world.cluster.patch(resource, name, patch, subresource);
        },
      },
    };
    const without: string[] = [];
    world.api.listen(() => {
      const hash = world.api.get<Service>('services', 'web')?.spec.selector?.['rollouts-pod-template-hash'];
      const set = world.api.get<ReplicaSet>('replicasets', `web-${hash}`);
      if (set && (set.spec.replicas ?? 0) === 0) without.push(set.metadata.name);
    });
    expect(['refused', 'rolled-back']).toContain((await run(late, manifests('v2'))).outcome);
    expect([retried, without, live(world)]).toEqual([true, [], V1]);
  });

  it('tries again what an earlier release aborted although its request for that was lost', async () => {
    const world = await worldWith({ 'backend:v2': { readyAfter: 200_000 } });
    const slow = { policy: { timeouts: { prepareSeconds: 20 } } };
    world.apply(manifests('v2', slow));
    expect(await run(world, manifests('v2', slow))).toMatchObject({ outcome: 'refused' });
    let lost = 0;
    const losing: World = {
      ...world,
      cluster: {
        ...world.cluster,
        patch: (resource, name, patch, subresource) => {
          const isRetry = patch.some((op) => op.path === '/status/abort' && op.op === 'replace');
          if (!isRetry || lost > 1) return world.cluster.patch(resource, name, patch, subresource);
          lost += 1;
          return Promise.reject(new ClusterError('unreachable', 'connection reset'));
        },
      },
    };
    expect(await run(losing, manifests('v2'))).toMatchObject({ outcome: 'promoted' });
    expect([lost, live(world)]).toEqual([2, V2]);
  });

  it('takes a good release live as a set, low order first', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const result = await run(world, manifests('v2'));
    expect(result).toMatchObject({ outcome: 'promoted', exitCode: 0 });
    expect(live(world)).toEqual(V2);
    const promotes = result.events.filter((e) => e.code === 'ACT' && e.message.startsWith('promote'));
    expect(promotes.map((e) => e.member)).toEqual(['backend', 'web']);
  });

  it('takes a release live that Prometheus measures well, once nothing that it measures is from before the switch', async () => {
    const world = await worldWith({}, QUERY);
    world.apply(manifests('v2', QUERY));
    const { events, ...result } = await run(world, manifests('v2', QUERY));
    expect(result).toMatchObject({ outcome: 'promoted', exitCode: 0 });
    const at = (text: string) => Date.parse(events.find((e) => e.message.includes(text))?.time ?? '');
    expect(at('query errors: pass') - at('on its new revision: verifying')).toBeGreaterThan(60_000);
  });

  it('waits for a pod that is not ready for a moment after the switch until it has been ready for long enough', async () => {
    const options: ManifestOptions = { policy: { podHealth: { bakeSeconds: 20 } } };
    const trouble = { what: 'flap', after: 8000, for: 3000 } as const;
    const world = await worldWith({ 'web:v2': { readyAfter: 2000, trouble } }, options);
    world.apply(manifests('v2', options));
    const from = world.scheduler.now();
    const result = await run(world, manifests('v2', options));
    expect(result).toMatchObject({ outcome: 'promoted' });
    const settling = result.events.find((e) => (e.data as { phase?: string })?.phase === 'settling');
    expect(Date.parse(settling?.time ?? '')).toBeGreaterThan(from + 8000 + 3000 + 20_000);
  });

  it.each([
    ['ConfigMap', 'settings'],
    ['Secret', 'login'],
  ])('refuses to switch while a %s is missing that only the old pods need, by name', async (kind, name) => {
    const old = manifests('v1').map((object) => {
      if (object.kind !== 'Rollout' || object.metadata.name !== 'web') return object;
      const needs = structuredClone(object) as KubeObject & { spec: { template: { spec: object } } };
      needs.spec.template.spec = {
        ...needs.spec.template.spec,
        imagePullSecrets: [{ name: 'login' }],
        volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
      };
      return needs;
    });
    const needed = ['Secret', 'ConfigMap'].map((each) => ({
      apiVersion: 'v1',
      kind: each,
      metadata: { name: each === 'Secret' ? 'login' : 'settings' },
    }));
    const world = await worldWith();
    world.apply([...needed, ...old]);
    expect(await run(world, old)).toMatchObject({ outcome: 'promoted' });
    world.api.remove(`${kind.toLowerCase()}s`, name);
    world.apply(manifests('v2'));
    const result = await run(world, manifests('v2'));
    expect(result).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(result.events.find((e) => e.code === 'GOING_BACK')?.message).toBe(
      `web: its old revision could not come back: ${kind} ${name} missing`,
    );
    expect(live(world)).toEqual(V1);
    world.apply(needed);
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'promoted' });
  });

  it('refuses a member that nothing holds and whose old pods would be gone before the set is judged', async () => {
    const options: ManifestOptions = { hold: 0, policy: { timeouts: { verifySeconds: 900 } } };
    const world = await worldWith({}, options);
    world.apply(manifests('v2', options));
    const result = await run(world, manifests('v2', options));
    expect(result).toMatchObject({ outcome: 'refused' });
    expect(result.events.at(-1)?.message).toMatch(/old pods go after 600 s .* may take 1080 s/);
    expect(live(world)).toEqual(V1);
  });

  it('takes a release live under a name that is new, whose lock knows nothing of the runs before', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'promoted' });
    const renamed = manifests('v3', { policy: { release: 'renamed' } });
    world.apply(renamed);
    expect(await run(world, renamed)).toMatchObject({ outcome: 'promoted' });
    expect(live(world)).toEqual(['backend:v3', 'web:v3']);
  });

  it('says unchanged, and writes nothing, when the set is already live', async () => {
    const world = await worldWith();
    const version = world.api.version();
    expect(await run(world, manifests('v1'))).toMatchObject({ outcome: 'unchanged', exitCode: 0 });
    expect(world.api.version()).toBe(version);
  });

  it('takes a first deployment live, which no controller gates', async () => {
    const world = await worldWith({}, { members: [{ name: 'other' }] });
    world.apply(manifests('v1'));
    expect(await run(world, manifests('v1'))).toMatchObject({ outcome: 'promoted' });
    expect(live(world)).toEqual(V1);
  });

  it('refuses a first deployment whose pods never get ready, by name', async () => {
    const world = await worldWith({ 'web:v1': { readyAfter: 1e12 } }, { members: [{ name: 'other' }] });
    world.apply(manifests('v1'));
    const result = await run(world, manifests('v1'));
    expect(result).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(result.events.find((e) => e.code === 'GOING_BACK')?.message).toContain('web');
  });

  it.each([
    ['pods that never get ready', { 'backend:v2': { readyAfter: 1e12 } }],
    ['a failing analysis before the switch', { 'web:v2': { analysis: { before: 'Failed' } } }],
    ['an analysis before the switch that only errs', { 'web:v2': { analysis: { before: 'Error' } } }],
    [
      'a pod that was restarted before the switch',
      { 'backend:v2': { readyAfter: 2000, trouble: { what: 'Error', after: 2000, for: 1000 } } },
    ],
    ['an inconclusive analysis before the switch', { 'backend:v2': { analysis: { before: 'Inconclusive' } } }],
  ] as const)('refuses a release with %s; nothing was ever switched', async (_, behaviours) => {
    const world = await worldWith(behaviours);
    const switched: unknown[] = [];
    world.api.listen((plural, { object }) => {
      if (plural !== 'services' || object.metadata.name.endsWith('-preview')) return;
      switched.push((object as Service).spec.selector?.['rollouts-pod-template-hash']);
    });
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(live(world)).toEqual(V1);
    expect(new Set(switched).size).toBeLessThanOrEqual(2);
  });

  it.each([
    ['an analysis after the switch fails', { 'web:v2': { analysis: { after: 'Failed' } } }, {}],
    ['an analysis after the switch is inconclusive', { 'backend:v2': { analysis: { after: 'Inconclusive' } } }, {}],
    ['a health check fails after the switch', { 'backend:v2': { health: { active: false } } }, CHECK],
    ['Prometheus measures too much after the switch', { 'web:v2': { health: { measured: 'bad' } } }, QUERY],
    ['Prometheus measures nothing after the switch', { 'web:v2': { health: { measured: 'nothing' } } }, QUERY],
    [
      'a new pod restarts after the switch',
      { 'web:v2': { readyAfter: 2000, trouble: { what: 'Error', after: 8000, for: 1000 } } },
      {},
    ],
    [
      'a new pod is killed for its memory after the switch, although restarts are forgiven',
      { 'web:v2': { readyAfter: 2000, trouble: { what: 'OOMKilled', after: 8000, for: 1000 } } },
      { policy: { podHealth: { restarts: 3 } } },
    ],
    [
      'a new pod is never ready again after the switch',
      { 'web:v2': { readyAfter: 2000, trouble: { what: 'flap', after: 8000, for: 1e9 } } },
      {},
    ],
    [
      'the last verdict stays out until the hold runs out',
      { 'web:v2': { analysis: { after: 'Error' } } },
      { hold: 12 },
    ],
  ] as const)('brings every member back when %s', async (_, behaviours, options) => {
    const world = await worldWith(behaviours, options);
    world.apply(manifests('v2', options));
    const result = await run(world, manifests('v2', options));
    expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(V1);
  });

  it('brings members back that had settled, because their manifests have no hold', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { after: 'Failed' } } }, { hold: 0 });
    world.apply(manifests('v2', { hold: 0 }));
    expect(await run(world, manifests('v2', { hold: 0 }))).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(V1);
  });

  it.each(['preparing', 'switching', 'verifying'])(
    'promotes nothing of a newer version applied while %s',
    async (phase) => {
      const world = await worldWith();
      world.apply(manifests('v2'));
      let applied = false;
      const result = await run(world, manifests('v2'), (event) => {
        const now =
          phase === 'preparing'
            ? event.code === 'MEMBER' && event.message.includes('is prepared')
            : (event.data as { phase?: string })?.phase === phase;
        if (applied || !now) return;
        applied = true;
        world.apply(manifests('v3').filter((o) => o.metadata.name.startsWith('backend')));
      });
      expect(applied).toBe(true);
      expect(result).toMatchObject({ outcome: 'superseded', exitCode: 6 });
      expect(live(world)).toEqual(V1);
    },
  );

  it('repeats a promote that the controller lost, on the same revision', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    let lost = false;
    const result = await run(world, manifests('v2'), (event) => {
      if (lost || event.code !== 'ACT' || event.member !== 'backend') return;
      lost = true;
      // One pod is gone for the moment in which the controller takes up the promote, and comes back.
      const hash = world.api.get<Rollout>('rollouts', 'backend')?.status?.currentPodHash;
      const available = (n: number) =>
        world.api.update<ReplicaSet>('replicasets', `backend-${hash}`, (s) => ({
          ...s,
          status: { ...s.status, availableReplicas: n },
        }));
      available(1);
      world.scheduler.after(1000, () => available(2));
    });
    expect(lost).toBe(true);
    expect(result).toMatchObject({ outcome: 'promoted' });
    expect(live(world)).toEqual(V2);
  });

  it('moves the Service itself when the controller aborts without doing so, before the old pods are all that is left', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { after: 'Failed' } } }, { abortScaleDownDelaySeconds: 30 });
    world.apply(manifests('v2', { abortScaleDownDelaySeconds: 30 }));
    const result = await run(world, manifests('v2', { abortScaleDownDelaySeconds: 30 }), (event) => {
      if ((event.data as { phase?: string })?.phase !== 'verifying') return;
      const hash = world.api.get<Rollout>('rollouts', 'backend')?.status?.currentPodHash;
      world.api.update<ReplicaSet>('replicasets', `backend-${hash}`, (s) => ({
        ...s,
        status: { ...s.status, availableReplicas: 1 },
      }));
    });
    expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(V1);
    expect(result.durationMs).toBeLessThan(40_000);
  });

  it('leaves nothing of a rejected revision that a re-apply could take live past its gates', async () => {
    const world = await worldWith({ 'backend:v2': { analysis: { before: 'Failed' } } });
    world.apply(manifests('v2'));
    await run(world, manifests('v2'));
    world.apply(manifests('v1'));
    expect(await run(world, manifests('v1'))).toMatchObject({ exitCode: 0 });
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'refused' });
    expect(live(world)).toEqual(V1);
  });

  it('takes a corrected release live although the last one aborted a member that is the same in both', async () => {
    const world = await worldWith({ 'backend:v2': { analysis: { before: 'Failed' } } });
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'refused' });
    const analysesOf = (member: string) =>
      world.api.list('analysisruns').filter((r) => r.metadata.name.startsWith(member));
    const [first] = analysesOf('web').map((r) => r.metadata.uid);
    const corrected = [
      ...manifests('v3').filter((o) => o.metadata.name.startsWith('backend')),
      ...manifests('v2').filter((o) => o.metadata.name.startsWith('web')),
    ];
    world.apply(corrected);
    const result = await run(world, corrected);
    expect(result).toMatchObject({ outcome: 'promoted' });
    expect(live(world)).toEqual(['backend:v3', 'web:v2']);
    // It was judged anew: the terminated analysis of the first try counts as Successful for the controller.
    expect(analysesOf('web').map((r) => r.metadata.uid)).not.toContain(first);
  });

  it('gives a rejected revision another try when it is promoted again, and rejects it again', async () => {
    const world = await worldWith({ 'backend:v2': { health: { active: false } } }, CHECK);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      world.apply(manifests('v2', CHECK));
      expect(await run(world, manifests('v2', CHECK))).toMatchObject({ outcome: 'rolled-back' });
      expect(live(world)).toEqual(V1);
    }
  });

  it('leaves nothing of a superseded revision that could go live ungated when it is applied again', async () => {
    const world = await worldWith({ 'backend:v2': { analysis: { after: 'Failed' } } });
    world.apply(manifests('v2'));
    let applied = false;
    const first = await run(world, manifests('v2'), (event) => {
      if (applied || !event.message.startsWith('web is prepared')) return;
      applied = true;
      world.apply(manifests('v3').filter((o) => o.metadata.name.startsWith('backend')));
    });
    expect(first.outcome).toBe('superseded');
    world.apply(manifests('v2'));
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'rolled-back' });
    expect(live(world)).toEqual(V1);
  });

  it('refuses when an active Service has lost the hash, and puts it back before anything makes the controller look', async () => {
    const world = await worldWith();
    await pass(world, 5);
    world.apply(manifests('v2'));
    await pass(world, 30);
    expect(world.api.get<Rollout>('rollouts', 'backend')?.status?.phase).toBe('Paused');
    world.api.update<Service>('services', 'backend', (s) => ({ ...s, spec: { ...s.spec, selector: {} } }));
    const lives: unknown[] = [];
    world.api.listen(
      (plural, { object }) => plural === 'services' && object.metadata.name === 'backend' && lives.push(live(world)[0]),
    );
    const result = await run(world, manifests('v2'));
    expect(result).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(result.events.find((e) => e.code === 'GOING_BACK')?.message).toContain('kubectl patch service backend');
    expect(live(world)).toEqual(V1);
    expect(lives).not.toContain('backend:v2');
  });

  it('says what is wrong when the Rollout is not in the cluster', async () => {
    const world = await worldWith({}, { members: [{ name: 'backend' }] });
    const result = await run(world, manifests('v2'));
    expect(result).toMatchObject({ outcome: 'usage', exitCode: 2 });
    expect(result.events.at(-1)?.message).toContain('no Rollout web');
  });

  it('refuses in time when these manifests were never applied', async () => {
    const world = await worldWith();
    const result = await run(world, manifests('v2'));
    expect(result).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(result.events.find((e) => e.code === 'GOING_BACK')?.message).toContain(
      'these manifests want main=backend:v2',
    );
    expect(result.events.find((e) => e.code === 'NEXT')?.message).toContain('apply these manifests');
    expect(live(world)).toEqual(V1);
  });

  it('stops before the first switch on a signal and leaves everything as it is', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const stop = new AbortController();
    const result = await run(
      world,
      manifests('v2'),
      (e) => e.message.startsWith('web is prepared') && stop.abort(),
      stop.signal,
    );
    expect(result).toMatchObject({ outcome: 'interrupted', exitCode: 130 });
    expect(live(world)).toEqual(V1);
    expect(await run(world, manifests('v2'))).toMatchObject({ outcome: 'promoted' });
  });

  it('goes back on a signal after a switch', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const stop = new AbortController();
    const result = await run(
      world,
      manifests('v2'),
      (e) => (e.data as { phase?: string })?.phase === 'verifying' && stop.abort(),
      stop.signal,
    );
    expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(V1);
  });
});
