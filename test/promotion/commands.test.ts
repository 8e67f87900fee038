import { describe, expect, it } from 'vitest';
import type { KubeObject, ReplicaSet, Rollout, RolloutStatus } from '../../promotion/cluster/objects.ts';
import type { Ask } from '../../promotion/core/journal.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { killedIn, live, manifests, pass, run, stable, worldWith } from './simulated.ts';

const V1 = ['backend:v1', 'web:v1'];
const V2 = ['backend:v2', 'web:v2'];
const V3 = ['backend:v3', 'web:v3'];

const ask = (world: World, what: Ask, version = 'v2') =>
  run(world, manifests(version), undefined, undefined, undefined, what);

/** Changes these Rollouts until `holds`, again and again as people do whose change the controller has lost. */
async function touchUntil(
  world: World,
  names: readonly string[],
  holds: () => boolean,
  change: (status: RolloutStatus) => RolloutStatus = (status) => status,
): Promise<void> {
  for (let tries = 0; tries < 60 && !holds(); tries += 1) {
    for (const name of names)
      world.api.update<Rollout>('rollouts', name, (rollout) => ({
        ...rollout,
        metadata: { ...rollout.metadata, annotations: { ...rollout.metadata.annotations, tries: String(tries) } },
        status: change(rollout.status ?? {}),
      }));
    await pass(world, 0.5);
  }
  expect(holds()).toBe(true);
}

/** Applies v2 and waits until the controller has paused every member before its switch. */
async function prepared(world: World): Promise<void> {
  world.apply(manifests('v2'));
  const isPaused = ({ status }: Rollout) => status?.pauseConditions !== undefined;
  await touchUntil(world, ['backend', 'web'], () => world.api.list<Rollout>('rollouts').every(isPaused));
}

async function promoteByHand(world: World, name: string): Promise<void> {
  const isLive = () => live(world, name)[0] === `${name}:v2`;
  await touchUntil(world, [name], isLive, ({ pauseConditions: _, ...status }) => status);
}

describe('abort', () => {
  it('brings a set back whose promoter died while it was held, and takes the aborted pods down', async () => {
    const world = await worldWith();
    await killedIn(world, 'verifying');
    expect(live(world)).toEqual(V2);
    expect(await ask(world, 'abort')).toMatchObject({ outcome: 'restored', exitCode: 0 });
    expect(live(world)).toEqual(V1);
    for (const set of world.api.list<ReplicaSet>('replicasets'))
      expect([set.metadata.name, set.spec.replicas]).toEqual([
        set.metadata.name,
        set.spec.template?.spec?.containers?.[0]?.image?.endsWith(':v1') ? 2 : 0,
      ]);
  });

  it('brings a set back that waits for its switch, with no promoter ever', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    await pass(world, 20);
    expect(await ask(world, 'abort')).toMatchObject({ outcome: 'restored' });
    expect(live(world)).toEqual(V1);
    await pass(world, 700);
    expect(live(world)).toEqual(V1);
  });

  it('stops a promotion that is under way: that one ends as locked, the set is on its old revision', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    let aborted: ReturnType<typeof carryOut> | undefined;
    const { cluster } = world.connect({});
    const first = await run(world, manifests('v2'), (event) => {
      if (event.code === 'PHASE' && event.message.includes('verifying'))
        aborted = carryOut({
          ask: 'abort',
          plan: planOf(manifests('v2')),
          cluster,
          holder: 'a person',
          emit: () => {},
        });
    });
    expect(first).toMatchObject({ outcome: 'locked', exitCode: 7 });
    expect(await world.play(aborted as NonNullable<typeof aborted>)).toMatchObject({
      outcome: 'restored',
      exitCode: 0,
    });
    expect(live(world)).toEqual(V1);
  });

  it('keeps a second promotion out, which waits as long as it was told', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const events: RunEvent[] = [];
    const second = (lockPatience: number) =>
      carryOut({
        plan: planOf(manifests('v2')),
        cluster: world.connect({}).cluster,
        holder: `told to wait ${lockPatience}`,
        lockPatience,
        emit: (event) => events.push(event),
      });
    const others: ReturnType<typeof carryOut>[] = [];
    const first = await run(world, manifests('v2'), (event) => {
      if (event.code === 'PHASE' && event.message.includes('switching')) others.push(second(0), second(600_000));
    });
    const [impatient, patient] = await world.play(Promise.all(others));
    expect([first.outcome, impatient?.outcome, patient?.outcome]).toEqual(['promoted', 'locked', 'unchanged']);
    expect(events.filter(({ code }) => code === 'LOCK_WAIT').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^waiting for test, acting on release release since 20/),
    ]);
    expect(live(world)).toEqual(V2);
  });

  it('works with manifests that ask for something else', async () => {
    const world = await worldWith();
    await killedIn(world, 'verifying');
    expect(await ask(world, 'abort', 'v3')).toMatchObject({ outcome: 'restored' });
    expect(live(world)).toEqual(V1);
  });

  it('brings a member back that settled alone, by a person, while the other is held', async () => {
    const world = await worldWith();
    await killedIn(world, 'verifying');
    const isSettled = () => stable(world).join() === 'backend:v2,web:v1';
    await touchUntil(world, ['backend'], isSettled, (status) => ({ ...status, promoteFull: true }));
    expect(await ask(world, 'abort')).toMatchObject({ outcome: 'restored' });
    expect([live(world), stable(world)]).toEqual([V1, V1]);
  });

  it('takes a newer version back as well that was applied after the switch', async () => {
    const world = await worldWith();
    await killedIn(world, 'verifying');
    world.apply(manifests('v3'));
    await pass(world, 1);
    expect(await ask(world, 'abort', 'v3')).toMatchObject({ outcome: 'restored' });
    await pass(world, 700);
    expect([live(world), stable(world)]).toEqual([V1, V1]);
  });

  it('says so, and writes nothing, when there is nothing between two revisions', async () => {
    const world = await worldWith();
    const version = world.api.version();
    expect(await ask(world, 'abort', 'v1')).toMatchObject({ outcome: 'usage', exitCode: 2 });
    expect(world.api.version()).toBe(version);
  });

  it('leaves a set alone that was decided to stay', async () => {
    const world = await worldWith();
    await killedIn(world, 'settling');
    const result = await ask(world, 'abort');
    expect(result).toMatchObject({ outcome: 'usage' });
    expect(result.events.at(-1)?.message).toContain('rollback');
  });
});

describe('rollback', () => {
  const promoted = async (...versions: string[]) => {
    const world = await worldWith();
    for (const version of versions) {
      world.apply(manifests(version));
      expect(await run(world, manifests(version))).toMatchObject({ outcome: 'promoted' });
    }
    return world;
  };

  it('is there within seconds while the old pods are up, and the version that was rolled back is taken down', async () => {
    const world = await promoted('v2');
    const result = await ask(world, 'rollback');
    expect(result).toMatchObject({ outcome: 'restored', exitCode: 0 });
    expect(result.durationMs).toBeLessThan(10_000);
    expect([live(world), stable(world)]).toEqual([V1, V1]);
    world.apply(manifests('v2'));
    await pass(world, 3);
    expect(live(world)).toEqual(V1);
  });

  it('goes through the gates when the old pods are gone', async () => {
    const world = await promoted('v2');
    await pass(world, 700);
    const before = world.api.list('analysisruns').length;
    expect(await ask(world, 'rollback')).toMatchObject({ outcome: 'restored', exitCode: 0 });
    expect([live(world), stable(world)]).toEqual([V1, V1]);
    expect(world.api.list('analysisruns').length).toBe(before + 4);
  });

  it('does not want the answers of the version that goes, which these manifests name', async () => {
    const wanted = (version: string) => ({
      policy: {
        healthChecks: [
          {
            name: 'says its version',
            target: { service: 'web', port: 80, path: '/' },
            expect: { version: { path: 'version', value: version } },
          },
        ],
      },
    });
    const labelled = (version: string) =>
      manifests(version, wanted(version)).map((object) => {
        const { template } = (object as Rollout).spec ?? {};
        const labels = { ...template?.metadata?.labels, 'app.kubernetes.io/version': version };
        const spec = { ...(object as Rollout).spec, template: { ...template, metadata: { labels } } };
        return object.kind === 'Rollout' ? ({ ...object, spec } as KubeObject) : object;
      });
    const world = await worldWith();
    for (const version of ['v1', 'v2']) {
      world.apply(labelled(version));
      expect(await run(world, labelled(version))).toMatchObject({ outcome: 'promoted' });
      await pass(world, 700);
    }
    const back = await run(world, labelled('v2'), undefined, undefined, undefined, 'rollback');
    expect(back).toMatchObject({ outcome: 'restored', exitCode: 0 });
    expect(live(world)).toEqual(V1);
  });

  it('takes the whole set through its gates when the old pods of one member only are gone', async () => {
    const world = await promoted('v2');
    const set = world.api
      .list<ReplicaSet>('replicasets')
      .find((s) => s.spec.template?.spec?.containers?.[0]?.image === 'web:v1');
    world.api.update<ReplicaSet>('replicasets', set?.metadata.name ?? '', (s) => ({
      ...s,
      spec: { ...s.spec, replicas: 0 },
    }));
    await pass(world, 1);
    const seen = new Set<string>();
    world.api.listen((plural) => {
      if (plural === 'services') seen.add(live(world).join(' '));
    });
    expect(await ask(world, 'rollback')).toMatchObject({ outcome: 'restored' });
    expect([live(world), stable(world)]).toEqual([V1, V1]);
    // Low order first, as in any release: the backend goes live on v1 only once the web is prepared.
    expect([...seen]).toEqual([V2.join(' '), 'backend:v1 web:v2', V1.join(' ')]);
  });

  it('leaves the set where it is when the old version no longer passes its gates', async () => {
    const behaviours: Record<string, object> = {};
    const world = await worldWith(behaviours);
    world.apply(manifests('v2'));
    await run(world, manifests('v2'));
    await pass(world, 700);
    behaviours['web:v1'] = { analysis: { before: 'Failed' } };
    expect(await ask(world, 'rollback')).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect([live(world), stable(world)]).toEqual([V2, V2]);
  });

  it('goes back one release further each time, and never to what was rolled back', async () => {
    const world = await promoted('v2', 'v3');
    expect(live(world)).toEqual(V3);
    expect(await ask(world, 'rollback', 'v3')).toMatchObject({ outcome: 'restored' });
    expect(live(world)).toEqual(V2);
    expect(await ask(world, 'rollback', 'v3')).toMatchObject({ outcome: 'restored' });
    expect(live(world)).toEqual(V1);
    expect(await ask(world, 'rollback', 'v3')).toMatchObject({ outcome: 'usage', exitCode: 2 });
  });

  it('goes back to what was really live before, also if that came there without a promotion', async () => {
    const world = await promoted('v2');
    await pass(world, 5);
    world.apply(manifests('v1'));
    await touchUntil(world, ['backend', 'web'], () => stable(world).join() === V1.join());
    expect(await run(world, manifests('v1'))).toMatchObject({ outcome: 'unchanged' });
    world.apply(manifests('v3'));
    expect(await run(world, manifests('v3'))).toMatchObject({ outcome: 'promoted' });
    expect(await ask(world, 'rollback', 'v3')).toMatchObject({ outcome: 'restored' });
    expect([live(world), stable(world)]).toEqual([V1, V1]);
  });

  it('is refused by name when the old ReplicaSet is gone, and nothing is written', async () => {
    const world = await promoted('v2');
    const set = world.api
      .list<ReplicaSet>('replicasets')
      .find((s) => s.spec.template?.spec?.containers?.[0]?.image === 'web:v1');
    world.api.remove('replicasets', set?.metadata.name ?? '');
    const version = world.api.version();
    const result = await ask(world, 'rollback');
    expect(result).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(result.events.at(-1)?.message).toContain('web');
    expect(world.api.version()).toBe(version);
  });

  it('sends who asks for it in the middle of a release to abort', async () => {
    const world = await promoted('v2');
    world.apply(manifests('v3'));
    await pass(world, 20);
    const result = await ask(world, 'rollback', 'v3');
    expect(result).toMatchObject({ outcome: 'usage' });
    expect(result.events.at(-1)?.message).toContain('abort');
  });
});

describe('promote', () => {
  it('says at its end until when the old version applied again would go live ungated, and it does until then', async () => {
    const world = await worldWith();
    world.apply(manifests('v2'));
    const { events } = await run(world, manifests('v2'));
    const said = /until (\S+ \S+) UTC/.exec(events.find((e) => e.code === 'NEXT')?.message ?? '')?.[1] ?? '';
    const left = (Date.parse(`${said.replace(' ', 'T')}Z`) - world.scheduler.now()) / 1000;
    await pass(world, left - 5);
    world.apply(manifests('v1'));
    await touchUntil(world, ['backend', 'web'], () => live(world).join() === V1.join());
  });
});

describe('settle', () => {
  it('verifies and settles a set that a person switched by hand', async () => {
    const world = await worldWith();
    await prepared(world);
    for (const name of ['backend', 'web']) await promoteByHand(world, name);
    expect([live(world), stable(world)]).toEqual([V2, V1]);
    expect(await ask(world, 'settle')).toMatchObject({ outcome: 'promoted', exitCode: 0 });
    expect([live(world), stable(world)]).toEqual([V2, V2]);
  });

  it('switches nothing: a set that is live in part only is sent to promote', async () => {
    const world = await worldWith();
    await prepared(world);
    await promoteByHand(world, 'backend');
    const version = world.api.version();
    const result = await ask(world, 'settle');
    expect(result).toMatchObject({ outcome: 'usage', exitCode: 2 });
    expect(result.events.at(-1)?.message).toContain('web is prepared');
    expect(world.api.version()).toBe(version);
  });

  it('brings the set back when a verdict after the switch is not a pass', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { after: 'Inconclusive' } } });
    await prepared(world);
    for (const name of ['backend', 'web']) await promoteByHand(world, name);
    expect(await ask(world, 'settle')).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(V1);
  });
});

describe('promote --dry-run', () => {
  const dryRun = (world: World, version: string) => {
    const events: { code: string; message: string }[] = [];
    return world
      .play(
        carryOut({
          plan: planOf(manifests(version)),
          cluster: world.cluster,
          holder: 'test',
          emit: (event) => events.push(event),
          isDryRun: true,
        }),
      )
      .then((result) => ({ ...result, events }));
  };

  it('says what it would wait for or do, and writes nothing', async () => {
    const world = await worldWith();
    await prepared(world);
    const version = world.api.version();
    const result = await dryRun(world, 'v2');
    expect(result).toMatchObject({ outcome: 'unchanged', exitCode: 0 });
    expect(result.events.filter((e) => e.code === 'MEMBER').map((e) => e.message)).toEqual([
      expect.stringContaining('backend is prepared'),
      expect.stringContaining('web is prepared'),
    ]);
    expect(world.api.version()).toBe(version);
  });

  it('says refused when a gate has not passed', async () => {
    const world = await worldWith({ 'web:v2': { analysis: { before: 'Inconclusive' } } });
    await prepared(world);
    const version = world.api.version();
    expect(await dryRun(world, 'v2')).toMatchObject({ outcome: 'refused', exitCode: 3 });
    expect(world.api.version()).toBe(version);
  });
});
