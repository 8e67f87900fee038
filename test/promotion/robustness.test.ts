import { describe, expect, it } from 'vitest';
import type { Pod } from '../../promotion/cluster/objects.ts';
import { type Cluster, ClusterError, RESOURCES, type Resource } from '../../promotion/cluster/port.ts';
import { holdEndsAt } from '../../promotion/core/analysis.ts';
import type { Phase } from '../../promotion/core/journal.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { recordName } from '../../promotion/run/record.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { Faults } from '../../promotion/simulation/connection.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { live, manifests, pass, run, worldWith } from './simulated.ts';

const PHASES = ['preparing', 'switching', 'verifying', 'settling'] as const;
const OUTCOMES = ['promoted', 'refused', 'rolled-back', 'stuck', 'superseded', 'unreachable', 'usage'];

const isPhase = ({ code, data }: RunEvent, phase: Phase) =>
  (code === 'STARTED' && phase === 'preparing') || (code === 'PHASE' && (data as { phase: Phase }).phase === phase);

/** The same world, whose promoter is refused what `isDenied` says. */
function denying(world: World, isDenied: (verb: string, plural: string) => boolean): World {
  const check =
    <Rest extends unknown[], Answer>(verb: string, send: (resource: Resource, ...rest: Rest) => Promise<Answer>) =>
    async (resource: Resource, ...rest: Rest): Promise<Answer> => {
      if (!isDenied(verb, resource.plural)) return send(resource, ...rest);
      await world.cluster.sleep(5);
      throw new ClusterError('forbidden', `cannot ${verb} resource "${resource.plural}" in API group ""`);
    };
  const { list, listMetadata, get, patch, create, remove } = world.cluster;
  const cluster: Cluster = {
    ...world.cluster,
    list: check('list', list),
    listMetadata: check('list', listMetadata),
    get: check('get', get),
    patch: check('patch', patch),
    create: check('create', create),
    remove: check('delete', remove),
    watch: (resource, from, on, signal) =>
      isDenied('watch', resource.plural)
        ? void world.cluster.sleep(5).then(() => on({ type: 'END', error: new ClusterError('forbidden', 'forbidden') }))
        : world.cluster.watch(resource, from, on, signal),
  };
  return { ...world, cluster };
}

/** Applies and promotes v2; `when` is called as each phase begins. */
async function promoteV2(world: World, when: (phase: Phase) => void) {
  const v2 = manifests('v2');
  world.apply(v2);
  return run(world, v2, (event) => {
    for (const phase of PHASES) if (isPhase(event, phase)) when(phase);
  });
}

describe('a right that is withdrawn under way', () => {
  const rights: [string, string][] = [
    ['list', 'replicasets'],
    ['list', 'services'],
    ['patch', 'leases'],
    ['patch', 'configmaps'],
    ['patch', 'rollouts'],
    ['patch', 'analysisruns'],
  ];
  it.each(rights.flatMap(([verb, plural]) => PHASES.map((phase) => ({ verb, plural, phase }))))(
    'to $verb $plural while $phase ends the run in time, and says what is missing if that was the reason',
    async ({ verb, plural, phase }) => {
      let isWithdrawn = false;
      const world = denying(
        await worldWith(),
        (v, p) => isWithdrawn && p === plural && (v === verb || (verb === 'list' && v === 'watch')),
      );
      // Watches that are open already go on, so end them.
      const { outcome, events, durationMs } = await promoteV2(world, (at) => {
        if (at === phase) isWithdrawn = true;
      });
      expect(OUTCOMES).toContain(outcome);
      expect(durationMs).toBeLessThan(1_200_000);
      if (outcome === 'unreachable')
        expect(events.at(-1)?.message).toMatch(new RegExp(`cannot ${verb} resource "${plural}"`));
      // With nobody left who may act, the set is whole by itself in the end, or a person was told.
      await pass(world, 400);
      if (outcome !== 'stuck') expect(new Set(live(world).map((image) => image?.split(':')[1])).size).toBe(1);
    },
  );
});

describe('a promoter that stands still for longer than a phase may last', () => {
  /** Promotes v2, and stands still for 100 s at one of the requests after the phase has begun. */
  async function frozenIn(phase: Phase, request: number, behaviours: Parameters<typeof worldWith>[0] = {}) {
    const world = await worldWith(behaviours);
    world.apply(manifests('v2'));
    const faults: { -readonly [F in keyof Faults]: Faults[F] } = {};
    const { cluster } = world.connect(faults);
    const result = await run({ ...world, cluster }, manifests('v2'), (event) => {
      if (isPhase(event, phase)) faults.freezes = { at: cluster.requests() + request, for: 100_000 };
    });
    return { result, world };
  }

  it.each([1, 2, 3, 4, 6, 8, 10])(
    'while it goes back, at request %i, brings the set back after all',
    async (request) => {
      const { result, world } = await frozenIn('returning', request, {
        'web:v2': { readyAfter: 2000, trouble: { what: 'Error', after: 8000, for: 1000 } },
      });
      expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
      expect(live(world)).toEqual(['backend:v1', 'web:v1']);
    },
  );

  it.each([1, 2, 3, 4, 6, 8, 10])('while it settles, at request %i, takes the set live after all', async (request) => {
    const { result, world } = await frozenIn('settling', request);
    expect(result).toMatchObject({ outcome: 'promoted', exitCode: 0 });
    expect(live(world)).toEqual(['backend:v2', 'web:v2']);
  });
});

describe('a view of which one kind cannot be listed any more', () => {
  it('stays blind while the other kinds are listed again and again', async () => {
    let isWithdrawn = false;
    const world = await worldWith();
    const { cluster } = denying(world, (verb, plural) => isWithdrawn && verb === 'list' && plural === 'jobs');
    const { openView } = await import('../../promotion/cluster/view.ts');
    const dropping: Cluster = {
      ...cluster,
      // Every watch ends by itself after a second.
      watch: (resource, from, on, signal) => {
        const over = new AbortController();
        signal.addEventListener('abort', () => over.abort());
        cluster.watch(resource, from, on, over.signal);
        void world.cluster.sleep(1000).then(() => over.abort());
      },
    };
    const view = await world.play(openView(dropping, RESOURCES));
    isWithdrawn = true;
    await pass(world, 5);
    const since = view.blindSince();
    expect(since).toBeDefined();
    for (let i = 0; i < 50; i += 1) {
      await pass(world, 1);
      expect(view.blindSince()).toBe(since);
    }
    expect(view.blindTo()).toMatch(/cannot list resource "jobs"/);
    isWithdrawn = false;
    await pass(world, 10);
    expect(view.blindSince()).toBeUndefined();
    view.close();
  });
});

describe('a journal that cannot be believed', () => {
  const nonsense: [string, (journal: string) => string | undefined][] = [
    ['is no JSON', () => '{"phase":'],
    ['has the wrong types', (text) => text.replace(/"since":\d+/, '"since":"yesterday"')],
    ['is of a later version', (text) => text.replace(/"phase":"\w+"/, '"phase":"reconciling"')],
    ['is a megabyte of something else', () => JSON.stringify('x'.repeat(1_000_000))],
    ['names members that the release does not have', (text) => text.replaceAll('"web"', '"mailer"')],
    ['names revisions that do not exist', (text) => text.replace(/"(from|to)":"\w+"/g, '"$1":"0123456789"')],
    ['is over without an outcome', (text) => text.replace(/"phase":"\w+"/, '"phase":"over"')],
    ['was deleted', () => undefined],
  ];
  it.each(nonsense)(
    'because it %s leaves a set all new or all old, whenever the run before was killed',
    async (_, spoil) => {
      for (let at = 8; at < 75; at += 6) {
        const world = await worldWith({}, { seed: at });
        const v2 = manifests('v2');
        world.apply(v2);
        const { cluster, died } = world.connect({ dies: { at, served: true } });
        const options = { plan: planOf(v2), emit: () => {} };
        await world.play(Promise.race([carryOut({ ...options, cluster, holder: 'first' }), died]));
        const name = recordName('release');
        const found = world.api.get('configmaps', name) as { data?: Record<string, string> } | undefined;
        const text = found?.data?.['journal.json'];
        if (text === undefined) continue;
        const spoilt = spoil(text);
        if (spoilt === undefined) world.api.remove('configmaps', name);
        else
          world.api.update<never>(
            'configmaps',
            name,
            (map: object) => ({ ...map, data: { ...found?.data, 'journal.json': spoilt } }) as never,
          );
        const { outcome, events } = await run(world, v2);
        expect(['promoted', 'unchanged', 'refused', 'rolled-back', 'superseded']).toContain(outcome);
        await pass(world, 400);
        const whole = ['promoted', 'unchanged'].includes(outcome) ? 'v2' : 'v1';
        expect([at, ...live(world)]).toEqual([at, `backend:${whole}`, `web:${whole}`]);
        const isUnreadable = /no JSON|wrong types|later version|megabyte/.test(_);
        if (isUnreadable) expect(events.map(({ code }) => code)).toContain('JOURNAL_UNREADABLE');
      }
    },
  );

  it('because somebody deletes it under way is written again, and the run goes on', async () => {
    for (const phase of PHASES) {
      const world = await worldWith();
      const { outcome } = await promoteV2(world, (at) => {
        if (at === phase) world.api.remove('configmaps', recordName('release'));
      });
      expect([phase, outcome]).toEqual([phase, 'promoted']);
      expect(live(world)).toEqual(['backend:v2', 'web:v2']);
    }
  });
});

describe('an object that is deleted under way', () => {
  const deletions: [string, (world: World) => void, RegExp][] = [
    ['a Rollout', (world) => world.api.remove('rollouts', 'web'), /web/],
    ['an active Service', (world) => world.api.remove('services', 'web'), /web/],
    ['a preview Service', (world) => world.api.remove('services', 'web-preview'), /web/],
    ['its AnalysisRuns', (world) => removeAll(world, 'analysisruns', 'web-'), /web|promoted/],
    ['the new ReplicaSet', (world) => removeAll(world, 'replicasets', 'web-', 'v2'), /web|promoted/],
    ['the old ReplicaSet', (world) => removeAll(world, 'replicasets', 'web-', 'v1'), /web|promoted/],
    [
      'everything',
      (world) => {
        for (const plural of [
          'rollouts',
          'services',
          'analysisruns',
          'replicasets',
          'endpointslices',
          'configmaps',
          'leases',
        ])
          removeAll(world, plural, '');
      },
      /backend|web|deleted/,
    ],
  ];
  it.each(deletions.flatMap(([what, remove, says]) => PHASES.map((phase) => ({ what, remove, says, phase }))))(
    '$what while $phase ends the run within the contract, and the message names it',
    async ({ remove, says, phase }) => {
      const world = await worldWith();
      const { outcome, events } = await promoteV2(world, (at) => {
        if (at === phase) remove(world);
      });
      expect(events.filter(({ code }) => code === 'BUG')).toEqual([]);
      expect([...OUTCOMES, 'locked']).toContain(outcome);
      expect(events.at(-1)?.message).toMatch(says);
    },
  );
});

describe('a clock that is minutes off', () => {
  const holdOf = (startedAt: string) =>
    holdEndsAt(
      {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'AnalysisRun',
        metadata: { name: 'web-1-post', creationTimestamp: '2026-01-01T03:00:00Z' },
        spec: { metrics: [{ name: 'hold', interval: '5s', count: 62, failureLimit: 60 }] },
        status: { phase: 'Running', startedAt, metricResults: [] },
      },
      'hold',
    );

  it.each(['02:53', '03:00', '03:07'])('of the controller, which says %s, does not move the end of a hold', (at) => {
    expect(holdOf(`2026-01-01T${at}:00Z`)).toBe(Date.parse('2026-01-01T03:05:00Z'));
  });

  it('of the controller does not keep a good release from going live, nor a bad one from going back', async () => {
    for (const minutes of [-10, 10]) {
      for (const [bad, outcome] of [
        [false, 'promoted'],
        [true, 'rolled-back'],
      ] as const) {
        const world = await worldWith(bad ? { 'web:v2': { analysis: { after: 'Failed' } } } : {});
        // What the controller writes down, as its clock shows it.
        world.api.listen((plural, { object }) => {
          const { status } = object as { status?: { startedAt?: string } };
          if (plural !== 'analysisruns' || !status?.startedAt) return;
          const isSkewed = Math.abs(Date.parse(status.startedAt) - world.scheduler.now()) > 60_000;
          if (isSkewed) return;
          const startedAt = new Date(Date.parse(status.startedAt) + minutes * 60_000).toISOString();
          world.scheduler.after(0, () =>
            world.api.update<never>(
              plural,
              object.metadata.name,
              (run: { status: object }) => ({ ...run, status: { ...run.status, startedAt } }) as never,
            ),
          );
        });
        expect((await promoteV2(world, () => {})).outcome).toBe(outcome);
      }
    }
  });
});

describe('the clock of a node that is minutes off', () => {
  /** Pods that say they are ready since so many minutes later than they are. */
  async function promoteWithClock(minutes: number) {
    const world = await worldWith();
    world.api.listen((plural, { object }) => {
      const { status } = object as Pod;
      const [ready] = status?.conditions ?? [];
      const at = Date.parse(ready?.lastTransitionTime ?? '');
      if (plural !== 'pods' || !ready || Math.abs(at - world.scheduler.now()) > 60_000) return;
      const lastTransitionTime = new Date(at + minutes * 60_000).toISOString();
      world.scheduler.after(0, () =>
        world.api.update<Pod>('pods', object.metadata.name, (pod) => ({
          ...pod,
          status: { ...pod.status, conditions: [{ ...ready, lastTransitionTime }] },
        })),
      );
    });
    return promoteV2(world, () => {});
  }

  it('does not keep a good release from going live where it is behind', async () => {
    expect((await promoteWithClock(-10)).outcome).toBe('promoted');
  });

  it('takes the set back where it is ahead for longer than there is time, and says so', async () => {
    const { outcome, events } = await promoteWithClock(20);
    expect(outcome).toBe('rolled-back');
    expect(events.find(({ code }) => code === 'GOING_BACK')?.message).toContain("ahead of the cluster's clock");
  });
});

function removeAll(world: World, plural: string, prefix: string, version = ''): void {
  for (const object of world.api.list(plural))
    if (object.metadata.name.startsWith(prefix) && JSON.stringify(object).includes(version))
      world.api.remove(plural, object.metadata.name);
}
