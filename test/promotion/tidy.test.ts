import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject, ReplicaSet } from '../../promotion/cluster/objects.ts';
import { type Cluster, ClusterError } from '../../promotion/cluster/port.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import { tidy } from '../../promotion/run/tidy.ts';
import { newWorld, type World } from '../../promotion/simulation/world.ts';
import { live, manifests, pass, run, worldWith } from './simulated.ts';

const HASHED = 'moneywise.app/hashed-config';
const DAY = 24 * 3600;

const configMap = (version: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `settings-${version}`, labels: { [HASHED]: 'settings' } },
    data: { VERSION: version },
    immutable: true,
  }) as KubeObject;

/** The manifests of a version whose pods take their configuration from a hashed ConfigMap of its own. */
function configured(version: string): KubeObject[] {
  const objects = manifests(version).map((object) => {
    if (object.kind !== 'Rollout') return object;
    const rollout = structuredClone(object) as KubeObject & { spec: { template: { spec: object } } };
    rollout.spec.template.spec = {
      ...rollout.spec.template.spec,
      volumes: [{ name: 'settings', configMap: { name: `settings-${version}` } }],
    };
    return rollout;
  });
  return [configMap(version), ...objects];
}

const configsIn = (world: World) =>
  world.api
    .list('configmaps')
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('settings-'))
    .sort();

async function promoted(world: World, ...versions: string[]) {
  let last: Awaited<ReturnType<typeof run>> | undefined;
  for (const version of versions) {
    world.apply(configured(version));
    last = await run(world, configured(version));
    expect(last.outcome).toBe('promoted');
    await pass(world, 700);
  }
  return last as NonNullable<typeof last>;
}

/** What the controller does with revisions beyond `revisionHistoryLimit`. */
function leaveHistory(world: World, version: string): void {
  for (const set of world.api.list<ReplicaSet>('replicasets'))
    if (set.spec.template?.spec?.containers?.[0]?.image?.endsWith(`:${version}`))
      world.api.remove('replicasets', set.metadata.name);
}

describe('a release that has settled', () => {
  it('deletes the configuration of a revision that has left the history, a day later, and no other', async () => {
    const world = await worldWith();
    await promoted(world, 'v2', 'v3');
    leaveHistory(world, 'v2');
    const marking = await promoted(world, 'v4');
    expect(configsIn(world)).toEqual(['settings-v2', 'settings-v3', 'settings-v4']);
    expect(world.api.get('configmaps', 'settings-v2')?.metadata.labels).toMatchObject({
      'moneywise.app/unneeded-config': 'settings',
    });
    expect(marking.events.filter(({ code, message }) => code === 'ACT' && /ConfigMap/.test(message))).toMatchObject([
      { message: expect.stringContaining('mark ConfigMap settings-v2') },
    ]);
    await pass(world, 2 * DAY);
    await promoted(world, 'v5');
    expect(configsIn(world)).toEqual(['settings-v3', 'settings-v4', 'settings-v5']);

    for (const [version, from] of [
      ['v4', 'v5'],
      ['v3', 'v5'],
    ] as const) {
      expect(await run(world, configured(from), undefined, undefined, undefined, 'rollback')).toMatchObject({
        outcome: 'restored',
      });
      expect(live(world)).toEqual([`backend:${version}`, `web:${version}`]);
    }
    expect(configsIn(world)).toEqual(['settings-v3', 'settings-v4', 'settings-v5']);
  });

  it('was there already: who promoted by hand collects by promoting what is live', async () => {
    const world = await worldWith();
    await promoted(world, 'v2', 'v3');
    leaveHistory(world, 'v2');
    for (const left of [['settings-v2', 'settings-v3'], ['settings-v3']]) {
      expect(await run(world, configured('v3'))).toMatchObject({ outcome: 'unchanged', exitCode: 0 });
      expect(configsIn(world)).toEqual(left);
      await pass(world, 2 * DAY);
    }
  });

  it('leaves a ConfigMap that somebody applies again just before its delete arrives, without a warning', async () => {
    const world = await worldWith();
    await promoted(world, 'v2', 'v3');
    leaveHistory(world, 'v2');
    await run(world, configured('v3'));
    await pass(world, 2 * DAY);
    const remove: Cluster['remove'] = (...request) => {
      world.apply([configMap('v2')]);
      return world.cluster.remove(...request);
    };
    const { outcome, events } = await run({ ...world, cluster: { ...world.cluster, remove } }, configured('v3'));
    expect([outcome, events.filter(({ code }) => code === 'TIDY_FAILED' || code === 'ACT')]).toEqual(['unchanged', []]);
    expect(configsIn(world)).toEqual(['settings-v2', 'settings-v3']);
  });

  it('keeps the configuration of a rejected revision, and deletes nothing when it goes back', async () => {
    const world = await worldWith({ 'web:v3': { analysis: { after: 'Failed' } } });
    await promoted(world, 'v2');
    world.apply([configMap('stray')]);
    world.apply(configured('v3'));
    expect(await run(world, configured('v3'))).toMatchObject({ outcome: 'rolled-back' });
    expect(world.api.get('configmaps', 'settings-stray')?.metadata.labels).toEqual({ [HASHED]: 'settings' });
    await pass(world, 3 * DAY);
    await promoted(world, 'v4');
    await pass(world, 3 * DAY);
    await promoted(world, 'v5');
    expect(configsIn(world)).toEqual(['settings-v2', 'settings-v3', 'settings-v4', 'settings-v5']);
  });

  it('says in a dry run what it would do, and writes nothing', async () => {
    const world = await worldWith();
    await promoted(world, 'v2');
    world.apply([configMap('stray')]);
    const old = configMap('old');
    const labels = { 'moneywise.app/unneeded-config': 'settings', 'moneywise.app/unneeded-since': '2020-01-01' };
    world.apply([{ ...old, metadata: { ...old.metadata, labels } }]);
    const version = world.api.version();
    const events: RunEvent[] = [];
    const { cluster, play } = world;
    const emit = (event: RunEvent) => void events.push(event);
    const plan = planOf(configured('v2'));
    await play(carryOut({ plan, cluster, emit, holder: 'dry', isDryRun: true }));
    expect(events.filter(({ code }) => code === 'WOULD').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^would mark ConfigMap settings-stray/),
      expect.stringMatching(/^would delete ConfigMap settings-old/),
    ]);
    expect(world.api.version()).toBe(version);
  });

  it.each([
    ['ConfigMaps may not be listed', 'listMetadata', 'forbidden'],
    ['what needs them may not be listed', 'list', 'forbidden'],
    ['they may not be deleted', 'remove', 'forbidden'],
    ['the cluster does not answer any more', 'listMetadata', 'unreachable'],
    ['this tool has a bug there', 'remove', undefined],
  ] as const)('stays what it is when %s, and says so in one warning', async (_, request, code) => {
    const world = await worldWith();
    await promoted(world, 'v2', 'v3');
    leaveHistory(world, 'v2');
    await run(world, configured('v3'));
    await pass(world, 2 * DAY);
    const failing = async () => {
      throw code ? new ClusterError(code, 'cannot delete resource "configmaps" in API group ""') : new Error('a bug');
    };
    const list: Cluster['list'] = (resource) =>
      resource.kind === 'CronJob' ? failing() : world.cluster.list(resource);
    const cluster = { ...world.cluster, [request]: request === 'list' ? list : failing };
    const { outcome, exitCode, events } = await run({ ...world, cluster }, configured('v3'));
    expect([outcome, exitCode]).toEqual(['unchanged', 0]);
    expect(events.filter(({ level }) => level !== 'info')).toMatchObject([{ code: 'TIDY_FAILED', level: 'warning' }]);
    if (code === 'forbidden') expect(events.find((e) => e.code === 'TIDY_FAILED')?.message).toMatch(/Role promoter/);
    expect(configsIn(world)).toEqual(['settings-v2', 'settings-v3']);
  });

  it('does not wait for a cluster that says nothing', async () => {
    const world = await worldWith();
    await promoted(world, 'v2');
    const listMetadata = () => new Promise<never>(() => {});
    const { durationMs, events } = await run(
      { ...world, cluster: { ...world.cluster, listMetadata } },
      configured('v2'),
    );
    expect(events.filter(({ level }) => level !== 'info')).toMatchObject([{ code: 'TIDY_FAILED' }]);
    expect(durationMs).toBeLessThan(11_000);
  });

  it('asks for nothing where no ConfigMap is hashed', async () => {
    const world = await worldWith();
    const cluster = { ...world.cluster, listMetadata: () => Promise.reject(new Error('asked')) };
    expect((await run({ ...world, cluster }, manifests('v1'))).events.map(({ code }) => code)).not.toContain(
      'TIDY_FAILED',
    );
  });
});

/** What others do beside the promoter. */
type Step =
  /** Apply the ConfigMap of a version; what names it follows later, within a day. */
  | { readonly step: 'apply'; readonly version: number }
  | { readonly step: 'apply-rest' }
  | { readonly step: 'hours'; readonly hours: number }
  /** The oldest revision leaves the history. */
  | { readonly step: 'forget' }
  /** Go back to a revision that there is, as `kubectl rollout undo` does. */
  | { readonly step: 'undo'; readonly which: number };

const others: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ step: fc.constant('apply' as const), version: fc.nat(3) }),
  fc.record({ step: fc.constant('apply-rest' as const) }),
  fc.record({ step: fc.constant('hours' as const), hours: fc.constantFrom(1, 11, 23, 60) }),
  fc.record({ step: fc.constant('forget' as const) }),
  fc.record({ step: fc.constant('undo' as const), which: fc.nat(3) }),
);
/** Some of these, and a run of the promoter in the middle of which the others go on: so many steps before each of its requests. */
const story = fc.record({
  before: fc.array(others, { maxLength: 6 }),
  during: fc.array(fc.array(others, { maxLength: 2 }), { maxLength: 14 }),
});

/** A workload with its old revisions, of which each names its configuration, and the people who apply it. */
function workloadIn(world: World) {
  const revisions: number[] = [];
  let applying: { version: number; since: number } | undefined;
  const at = () => world.scheduler.now();
  const spec = (version: number) => ({
    containers: [{ envFrom: [{ configMapRef: { name: `settings-${version}` } }] }],
  });

  function go(version: number): void {
    const [kind, name] = ['Deployment', 'backend'];
    world.apply([
      { apiVersion: 'apps/v1', kind, metadata: { name }, spec: { template: { spec: spec(version) } } } as KubeObject,
    ]);
    const revision = {
      kind: 'ControllerRevision',
      metadata: { name: `backend-${version}` },
      data: { spec: spec(version) },
    };
    world.apply([{ apiVersion: 'apps/v1', ...revision } as KubeObject]);
    if (revisions.includes(version)) revisions.splice(revisions.indexOf(version), 1);
    revisions.push(version);
  }

  function applyRest(): void {
    if (applying) go(applying.version);
    applying = undefined;
  }

  async function take(step: Step): Promise<void> {
    switch (step.step) {
      case 'apply':
        applyRest();
        applying = { version: step.version, since: at() };
        return world.apply([configMap(String(step.version))]);
      case 'apply-rest':
        return applyRest();
      case 'hours':
        if (applying && at() + step.hours * 3600_000 - applying.since > DAY * 1000) applyRest();
        return pass(world, step.hours * 3600);
      case 'forget':
        if (revisions.length > 1) world.api.remove('controllerrevisions', `backend-${revisions.shift()}`);
        return;
      case 'undo': {
        const version = revisions[step.which % revisions.length];
        if (version !== undefined && !applying) go(version);
      }
    }
  }

  return {
    take,
    applyRest,
    /** The folder that was applied last: what the promoter is called with. */
    plan: () => planOf([configMap(String(revisions.at(-1) ?? 0)), ...manifests('v1')]),
    missing: () => revisions.filter((version) => !world.api.get('configmaps', `settings-${version}`)),
    revisions,
  };
}

describe('whatever others apply, undo and forget beside it', () => {
  it('never takes a ConfigMap from a workload or an old revision, and leaves none that nothing needs', async () => {
    const property = fc.asyncProperty(fc.array(story, { minLength: 1, maxLength: 8 }), async (stories) => {
      const world = newWorld({ seed: 1, namespace: 'shop', behaviourOf: () => ({}) });
      const { take, applyRest, plan, missing, revisions } = workloadIn(world);
      const promote = (cluster: Cluster) => tidy({ plan: plan(), cluster, say: () => {}, isDryRun: false });
      for (const { before, during } of stories) {
        for (const step of before) await take(step);
        const queue = [...during];
        const meanwhile = <Rest extends unknown[], Answer>(send: (...rest: Rest) => Promise<Answer>) => {
          return async (...rest: Rest): Promise<Answer> => {
            for (const step of queue.shift() ?? []) if (step.step !== 'hours') await take(step);
            return send(...rest);
          };
        };
        const { listMetadata, list, patch, remove } = world.cluster;
        const cluster = {
          ...world.cluster,
          listMetadata: meanwhile(listMetadata),
          list: meanwhile(list),
          patch: meanwhile(patch),
          remove: meanwhile(remove),
        };
        await world.play(promote(cluster));
        expect(missing()).toEqual([]);
      }
      applyRest();
      expect(missing()).toEqual([]);
      for (const days of [3, 3]) {
        await world.play(promote(world.cluster));
        await pass(world, days * DAY);
      }
      const wanted = revisions.length > 0 ? revisions : [0].filter(() => world.api.get('configmaps', 'settings-0'));
      expect(configsIn(world)).toEqual(wanted.map((version) => `settings-${version}`).sort());
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
