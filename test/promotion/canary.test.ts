import { describe, expect, it } from 'vitest';
import {
  type AnalysisRun,
  type KubeObject,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
} from '../../promotion/cluster/objects.ts';
import { whenOf } from '../../promotion/core/analysis.ts';
import type { Journal, Phase } from '../../promotion/core/journal.ts';
import type { MemberView } from '../../promotion/core/member.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { nextSteps } from '../../promotion/run/next-steps.ts';
import type { VersionBehaviour, World } from '../../promotion/simulation/world.ts';
import { killedIn, live, manifests, pass, run, serving, stable, worldWith } from './simulated.ts';

// Sets of blue-green and canary members: the same contract for both. `web` is the canary.

const options = { members: [{ name: 'backend' }, { name: 'web', order: 10, replicas: 4, canary: true }] };
const v2 = manifests('v2', options);

async function release(behaviours: Record<string, VersionBehaviour> = {}) {
  const world = await worldWith(behaviours, options);
  world.apply(v2);
  return world;
}

function isIn(phase: Phase, { code, data }: RunEvent): boolean {
  return code === 'PHASE' && (data as { phase?: Phase }).phase === phase;
}

/** What is live and stable of both members. */
function stateOf(world: World) {
  return { backend: live(world, 'backend')[0], web: serving(world, 'web'), stable: stable(world, 'backend', 'web') };
}

function actsOn(member: string, events: readonly RunEvent[]): string[] {
  return events.filter((e) => e.code === 'ACT' && e.member === member).map(({ data }) => (data as { act: string }).act);
}

/** The same once the endpoints have followed. */
async function endOf(world: World) {
  await pass(world, 1);
  return stateOf(world);
}

const OLD = { backend: 'backend:v1', web: { 'web:v1': 4 }, stable: ['backend:v1', 'web:v1'] };
const NEW = { backend: 'backend:v2', web: { 'web:v2': 4 }, stable: ['backend:v2', 'web:v2'] };

/** Tells the simulated controller nothing of a Rollout any more. */
function deafen(world: World, name: string): void {
  world.api.update<Rollout>('rollouts', name, (rollout) => ({
    ...rollout,
    metadata: {
      ...rollout.metadata,
      labels: { ...rollout.metadata.labels, 'argo-rollouts.argoproj.io/controller-instance-id': 'another' },
    },
  }));
}

describe('a set with a canary', () => {
  it('goes live as one: the canary at its first weight before, held at its last one, whole at the end', async () => {
    const world = await release();
    const seen: Record<string, object> = {};
    const { outcome, members } = await run(world, v2, ({ code, data }) => {
      if (code === 'PHASE') seen[(data as { phase: Phase }).phase] = stateOf(world);
    });
    expect(outcome).toBe('promoted');
    expect(seen.switching).toMatchObject({ backend: 'backend:v1', web: { 'web:v1': 3, 'web:v2': 1 } });
    expect(seen.verifying).toMatchObject({
      backend: 'backend:v2',
      web: { 'web:v1': 2, 'web:v2': 3 },
      stable: ['backend:v1', 'web:v1'],
    });
    expect(await endOf(world)).toEqual(NEW);
    expect(members.map(({ active, stable, to }) => active === to && stable === to)).toEqual([true, true]);
    expect((await run(world, v2)).outcome).toBe('unchanged');
  });

  it.each<[string, VersionBehaviour, string]>([
    ['its pods never get ready', { readyAfter: 1e12 }, 'refused'],
    ['its analysis at the first weight fails', { analysis: { before: 'Failed' } }, 'refused'],
    ['its analysis at the first weight is inconclusive', { analysis: { before: 'Inconclusive' } }, 'refused'],
    ['its analysis while it is held fails', { analysis: { after: 'Failed' } }, 'rolled-back'],
    ['its analysis while it is held errs', { analysis: { after: 'Error' } }, 'rolled-back'],
    ['its analysis while it is held is inconclusive', { analysis: { after: 'Inconclusive' } }, 'rolled-back'],
    ['a pod of it crashes', { trouble: { what: 'Error', after: 9000, for: 1000 } }, 'rolled-back'],
  ])('is all back on the old version when of the canary %s', async (_, behaviour, outcome) => {
    const world = await release({ 'web:v2': behaviour });
    expect((await run(world, v2)).outcome).toBe(outcome);
    expect(await endOf(world)).toEqual(OLD);
  });

  it('is all back on the old version when the blue-green member fails beside the held canary', async () => {
    const world = await release({ 'backend:v2': { analysis: { after: 'Failed' } } });
    expect((await run(world, v2)).outcome).toBe('rolled-back');
    expect(await endOf(world)).toEqual(OLD);
  });

  it('takes the canary off its first weight when a signal stops the run before the switch', async () => {
    const world = await release();
    const stop = new AbortController();
    const stopAt = ({ code, member, message }: RunEvent) => {
      if (code === 'MEMBER' && member === 'web' && message.includes('prepared')) stop.abort();
    };
    expect((await run(world, v2, stopAt, stop.signal)).outcome).toBe('interrupted');
    expect(await endOf(world)).toEqual(OLD);
    expect((await run(world, v2)).outcome).toBe('promoted');
    expect(await endOf(world)).toEqual(NEW);
  });

  it('goes back by itself when nobody comes back while it is held', async () => {
    const world = await worldWith({}, options);
    await killedIn(world, 'verifying', v2);
    expect(await endOf(world)).toMatchObject({ backend: 'backend:v2', web: { 'web:v2': 3 } });
    await pass(world, 300);
    expect(await endOf(world)).toEqual(OLD);
  });

  it('takes nothing of a newer version past its gates, and leaves that its first weight', async () => {
    const world = await release();
    const { outcome } = await run(world, v2, (event) => {
      if (!isIn('verifying', event)) return;
      world.apply(
        manifests('v3', options).filter(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'web'),
      );
    });
    expect(outcome).toBe('superseded');
    await pass(world, 60);
    expect(await endOf(world)).toEqual({ ...OLD, web: { 'web:v1': 3, 'web:v3': 1 } });
    expect((await run(world, manifests('v3', options))).outcome).toBe('refused');
    world.apply(manifests('v3', options));
    expect((await run(world, manifests('v3', options))).outcome).toBe('promoted');
  });

  it('tries a canary that was refused again, through its gates, beside a corrected member', async () => {
    const world = await release({ 'backend:v2': { analysis: { before: 'Failed' } } });
    expect((await run(world, v2)).outcome).toBe('refused');
    const runs = () =>
      world.api.list<AnalysisRun>('analysisruns').map(({ metadata }) => `${metadata.name} ${metadata.uid}`);
    const earlier = runs();
    const isBackend = ({ metadata }: KubeObject) => metadata.name === 'backend';
    const corrected = [...manifests('v3', options).filter(isBackend), ...v2.filter((o) => !isBackend(o))];
    world.apply(corrected);
    expect((await run(world, corrected)).outcome).toBe('promoted');
    // Before its promotion and after.
    expect(runs().filter((run) => run.startsWith('web') && !earlier.includes(run))).toHaveLength(2);
    expect(await endOf(world)).toMatchObject({ backend: 'backend:v3', web: { 'web:v2': 4 } });
  });

  it('puts the canary back without the controller where that is gone', async () => {
    const world = await release();
    const { outcome, events } = await run(world, v2, (event) => {
      if (!isIn('verifying', event)) return;
      deafen(world, 'web');
      world.api.update<Rollout>('rollouts', 'backend', (r) => ({ ...r, status: { ...r.status, abort: true } }));
    });
    expect(outcome).toBe('rolled-back');
    expect(await endOf(world)).toEqual(OLD);
    expect(actsOn('web', events)).toEqual(expect.arrayContaining(['refill', 'retire']));
  });

  it('puts the canary back past a pause of somebody', async () => {
    const world = await release({ 'backend:v2': { analysis: { after: 'Failed' } } });
    const { outcome } = await run(world, v2, (event) => {
      if (!isIn('verifying', event)) return;
      world.api.update<Rollout>('rollouts', 'web', (r) => ({ ...r, spec: { ...r.spec, paused: true } }));
    });
    expect([outcome, await endOf(world)]).toEqual(['rolled-back', OLD]);
  });

  it('takes a canary back past its steps that somebody has promoted in full, past its hold', async () => {
    const world = await release();
    const { outcome, events } = await run(world, v2, (event) => {
      if (isIn('verifying', event))
        world.api.update<Rollout>('rollouts', 'web', (r) => ({ ...r, status: { ...r.status, promoteFull: true } }));
    });
    expect(outcome).toBe('rolled-back');
    expect(actsOn('web', events)).toEqual(expect.arrayContaining(['restore-template', 'promote-full']));
    expect(await endOf(world)).toEqual(OLD);
  });

  it('is rolled back through the gates, because no old pod of the canary is left', async () => {
    const world = await release();
    expect((await run(world, v2)).outcome).toBe('promoted');
    const { outcome, events } = await run(world, v2, () => {}, undefined, undefined, 'rollback');
    expect(outcome).toBe('restored');
    expect(actsOn('web', events)).toEqual(expect.arrayContaining(['restore-template', 'promote', 'end-hold']));
    expect(await endOf(world)).toEqual(OLD);
  });

  it('is aborted by hand', async () => {
    const world = await worldWith({}, options);
    await killedIn(world, 'verifying', v2);
    expect((await run(world, v2, () => {}, undefined, undefined, 'abort')).outcome).toBe('restored');
    expect(await endOf(world)).toEqual(OLD);
  });
});

describe('what is told of a canary', () => {
  it('says of a promoted set that there is no instant way back', async () => {
    const world = await release();
    const { events } = await run(world, v2);
    expect(events.findLast(({ code }) => code === 'NEXT')?.message).toMatch(
      /^until .* the old pods stay up: `rollback` goes through the gates, for web keeps none; the old version/,
    );
  });

  it('names its analyses by their steps', async () => {
    const world = await release();
    await run(world, v2);
    const runs = world.api.list<AnalysisRun>('analysisruns').filter(({ metadata }) => metadata.name.startsWith('web'));
    expect(runs.map(whenOf)).toEqual(['at step 2', 'at step 7']);
  });

  it('says how a person finishes a way back that nobody could finish', () => {
    const plan = planOf(v2);
    const rollout = v2.find(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'web') as Rollout;
    const member = plan.members.find(({ name }) => name === 'web');
    const view = { member, stage: 'held', reason: '', rollout, active: 'new', stable: 'old' } as MemberView;
    const journal = { members: { web: { from: 'old', to: 'new' } } } as unknown as Journal;
    expect(nextSteps('stuck', journal, [view], 'shop')).toEqual([
      'web: active Service web is given to new, stable is old, before this release it was old',
      'kubectl argo rollouts -n shop abort web',
      'kubectl -n shop scale replicaset web-old --replicas 4',
    ]);
  });
});

describe('a set with a canary whose traffic a router divides', () => {
  const routed = { members: [{ name: 'backend' }, { name: 'web', order: 10, replicas: 4, canary: 'routed' as const }] };
  const newer = manifests('v2', routed);
  const ALL_OLD = { backend: 'backend:v1', web: { live: 'web:v1', preview: 'web:v1', share: 0, old: 4, new: 0 } };

  async function applied(behaviours: Record<string, VersionBehaviour> = {}) {
    const world = await worldWith(behaviours, routed);
    world.apply(newer);
    return world;
  }

  /** Where the two Services lead, what share of the traffic the preview has, and the pods of both versions. */
  function routes(world: World) {
    const sets = world.api.list<ReplicaSet>('replicasets').filter(({ metadata }) => metadata.name.startsWith('web-'));
    const imageOf = (set: ReplicaSet | undefined) => set?.spec.template?.spec?.containers?.[0]?.image;
    const behind = (name: string) => {
      const hash = world.api.get<Service>('services', name)?.spec.selector?.[POD_HASH];
      return imageOf(sets.find(({ metadata }) => metadata.labels?.[POD_HASH] === hash));
    };
    const pods = (image: string) => sets.find((set) => imageOf(set) === image)?.spec.replicas ?? 0;
    const share = world.api.get<Rollout>('rollouts', 'web')?.status?.canary?.weights?.canary.weight;
    return {
      backend: live(world, 'backend')[0],
      web: { live: behind('web'), preview: behind('web-preview'), share, old: pods('web:v1'), new: pods('web:v2') },
    };
  }

  it('goes live as one: without traffic before, held at its last share beside all old pods, whole at the end', async () => {
    const world = await applied();
    const seen: Record<string, object> = {};
    const { outcome } = await run(world, newer, ({ code, data }) => {
      if (code === 'PHASE') seen[(data as { phase: Phase }).phase] = routes(world);
    });
    expect(outcome).toBe('promoted');
    expect(seen.switching).toEqual({
      backend: 'backend:v1',
      web: { live: 'web:v1', preview: 'web:v2', share: 0, old: 4, new: 1 },
    });
    expect(seen.verifying).toEqual({
      backend: 'backend:v2',
      web: { live: 'web:v1', preview: 'web:v2', share: 75, old: 4, new: 3 },
    });
    await pass(world, 1);
    expect(routes(world)).toMatchObject({ backend: 'backend:v2', web: { live: 'web:v2', share: 0, new: 4 } });
    expect(stable(world, 'web')).toEqual(['web:v2']);
    expect((await run(world, newer)).outcome).toBe('unchanged');
  });

  it.each<[string, VersionBehaviour, string]>([
    ['its pods never get ready', { readyAfter: 1e12 }, 'refused'],
    ['its analysis before its promotion fails', { analysis: { before: 'Failed' } }, 'refused'],
    ['its analysis before its promotion is inconclusive', { analysis: { before: 'Inconclusive' } }, 'refused'],
    ['its analysis while it is held fails', { analysis: { after: 'Failed' } }, 'rolled-back'],
    ['its analysis while it is held is inconclusive', { analysis: { after: 'Inconclusive' } }, 'rolled-back'],
    ['a pod of it crashes', { trouble: { what: 'Error', after: 9000, for: 1000 } }, 'rolled-back'],
  ])(
    'is all back on the old version, and the rejected pods are gone, when of the canary %s',
    async (_, behaviour, outcome) => {
      const world = await applied({ 'web:v2': behaviour });
      expect((await run(world, newer)).outcome).toBe(outcome);
      await pass(world, 1);
      const { web, ...rest } = routes(world);
      // Where no pod ever was, the preview was never led to any.
      expect({ ...rest, web: { ...web, preview: 'web:v1' } }).toEqual(ALL_OLD);
    },
  );

  it('stays prepared when a signal stops the run before the switch: it has no traffic yet', async () => {
    const world = await applied();
    const stop = new AbortController();
    const stopAt = ({ code, member, message }: RunEvent) => {
      if (code === 'MEMBER' && member === 'web' && message.includes('prepared')) stop.abort();
    };
    expect((await run(world, newer, stopAt, stop.signal)).outcome).toBe('interrupted');
    await pass(world, 5);
    expect(routes(world).web).toEqual({ live: 'web:v1', preview: 'web:v2', share: 0, old: 4, new: 1 });
    expect((await run(world, newer)).outcome).toBe('promoted');
  });

  it('has its traffic taken by its Service alone where the controller is gone', async () => {
    const world = await applied();
    const { outcome, events } = await run(world, newer, (event) => {
      if (!isIn('verifying', event)) return;
      deafen(world, 'web');
      world.api.update<Rollout>('rollouts', 'backend', (r) => ({ ...r, status: { ...r.status, abort: true } }));
    });
    expect(outcome).toBe('rolled-back');
    expect(actsOn('web', events)).toContain('point-service');
    // The weight is what the controller has left behind: both Services lead to the old version.
    await pass(world, 1);
    expect(routes(world)).toMatchObject({
      backend: 'backend:v1',
      web: { live: 'web:v1', preview: 'web:v1', share: 75 },
    });
  });

  it('takes back one that somebody has promoted in full, past its hold', async () => {
    const world = await applied();
    const { outcome, events } = await run(world, newer, (event) => {
      if (isIn('verifying', event))
        world.api.update<Rollout>('rollouts', 'web', (r) => ({ ...r, status: { ...r.status, promoteFull: true } }));
    });
    expect(outcome).toBe('rolled-back');
    expect(actsOn('web', events)).toEqual(expect.arrayContaining(['restore-template', 'promote-full']));
    await pass(world, 1);
    expect(routes(world)).toMatchObject({ backend: 'backend:v1', web: { live: 'web:v1', old: 4 } });
  });

  it('is rolled back without its gates while its old pods are up, and through them afterwards', async () => {
    for (const [seconds, acts] of [
      [1, ['restore-template', 'promote-full']],
      [700, ['restore-template', 'promote', 'end-hold']],
    ] as const) {
      const world = await applied();
      expect((await run(world, newer)).outcome).toBe('promoted');
      await pass(world, seconds);
      const { outcome, events } = await run(world, newer, () => {}, undefined, undefined, 'rollback');
      expect([outcome, actsOn('web', events)]).toEqual(['restored', expect.arrayContaining([...acts])]);
      await pass(world, 1);
      expect(routes(world)).toMatchObject({ backend: 'backend:v1', web: { live: 'web:v1', old: 4 } });
    }
  });

  it('takes nothing of a newer version past its gates', async () => {
    const world = await applied();
    const { outcome } = await run(world, newer, (event) => {
      if (!isIn('verifying', event)) return;
      const next = manifests('v3', routed);
      world.apply(next.filter(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'web'));
    });
    expect(outcome).toBe('superseded');
    await pass(world, 60);
    expect(routes(world)).toMatchObject({ backend: 'backend:v1', web: { live: 'web:v1', share: 0, old: 4, new: 0 } });
    world.apply(manifests('v3', routed));
    expect((await run(world, manifests('v3', routed))).outcome).toBe('promoted');
  });

  it('says how a person finishes a way back that nobody could finish', () => {
    const rollout = newer.find(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'web') as Rollout;
    const member = planOf(newer).members.find(({ name }) => name === 'web');
    const weights = { canary: { weight: 75 }, stable: { weight: 25 } };
    const live = { ...rollout, status: { canary: { weights } } };
    const view = { member, stage: 'held', reason: '', rollout: live, active: 'new', stable: 'old' } as MemberView;
    const journal = { members: { web: { from: 'old', to: 'new' } } } as unknown as Journal;
    const patched = (service: string) =>
      `kubectl -n shop patch service ${service} --type merge -p '{"spec":{"selector":{"rollouts-pod-template-hash":"old"}}}'`;
    expect(nextSteps('stuck', journal, [view], 'shop')).toEqual([
      'web: the router gives preview Service web-preview 75 % of the traffic, stable is old, before this release it was old',
      'kubectl argo rollouts -n shop abort web',
      patched('web'),
      patched('web-preview'),
    ]);
  });
});
