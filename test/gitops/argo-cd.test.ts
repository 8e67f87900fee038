import { describe, expect, it } from 'vitest';
import type { Rollout } from '../../promotion/cluster/objects.ts';
import { RESOURCES } from '../../promotion/cluster/port.ts';
import { openView } from '../../promotion/cluster/view.ts';
import { newArgoCd, type Wanted } from '../../promotion/gitops/argo-cd.ts';
import { SUSPENDED, suspensionOf } from '../../promotion/gitops/suspend.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { manifests, pass, worldWith } from '../promotion/simulated.ts';
import { APPLICATION, simulateArgoCd } from './simulated-argo-cd.ts';

// What a run does with Argo CD, against one in virtual time that acts on what it saw a moment ago, as the real one does.

const V2 = { commit: 'commit-of-v2', objects: manifests('v2') };
const V1 = { commit: 'commit-of-v1', objects: manifests('v1') };

async function runOn(world: World, epoch = 7, syncSeconds = 60) {
  const said: string[] = [];
  const view = await world.play(openView(world.cluster, RESOURCES));
  const ref = { namespace: 'shop', name: APPLICATION, syncSeconds };
  const say = (code: string, message: string) => void said.push(`${code} ${message}`);
  return { argoCd: newArgoCd(world.cluster, ref, { release: 'shop', epoch, say, view }), said };
}

const image = ({ spec }: Rollout) => spec.template?.spec?.containers?.[0]?.image;
const asked = (world: World) => world.api.list<Rollout>('rollouts').map(image);

function putBack(world: World): void {
  world.apply(manifests('v1'));
}

/** The images that the Rollouts ask for from now on, each time that one changes. */
function following(world: World): string[] {
  const changes: string[] = [];
  const last = new Map(world.api.list<Rollout>('rollouts').map((r) => [r.metadata.name, image(r)]));
  world.api.listen((plural, { object }) => {
    const now = plural === 'rollouts' ? image(object as Rollout) : undefined;
    if (!now || last.get(object.metadata.name) === now) return;
    last.set(object.metadata.name, now);
    changes.push(now);
  });
  return changes;
}

const wanted: Wanted = {
  commit: V1.commit,
  rejecting: [V2.commit],
  templates: new Map(
    manifests('v1').flatMap((o) =>
      o.kind === 'Rollout' ? [[o.metadata.name, (o as Rollout).spec.template ?? {}] as const] : [],
    ),
  ),
  live: new Map(),
};

describe('Argo CD, while a release goes back', () => {
  it('puts nothing back once it is held, whatever it had begun to compare before', async () => {
    for (const begunBefore of [0, 200, 600, 790]) {
      const world = await worldWith();
      world.apply(V2.objects);
      const argo = simulateArgoCd(world, V2, { comparison: 800 });
      await pass(world, 10 + begunBefore / 1000);
      const { argoCd } = await runOn(world);
      await world.play(argoCd.hold());
      putBack(world);
      const changes = following(world);
      await pass(world, 60);
      expect([changes, argo.syncs]).toEqual([[], []]);
    }
  });

  it('would, if it were only told to stop (the control)', async () => {
    const world = await worldWith();
    world.apply(V2.objects);
    const argo = simulateArgoCd(world, V2, { comparison: 800 });
    await pass(world, 10.2);
    argo.edit((a) => ({
      ...a,
      spec: { syncPolicy: { automated: { ...a.spec?.syncPolicy?.automated, enabled: false } } },
    }));
    putBack(world);
    await pass(world, 5);
    expect([asked(world), argo.syncs.length]).toEqual([['backend:v2', 'web:v2'], 1]);
  });

  it('syncs the revert and no commit before it, and has its automated sync as it was', async () => {
    const world = await worldWith();
    world.apply(V2.objects);
    const argo = simulateArgoCd(world, V2);
    await pass(world, 12);
    const { argoCd, said } = await runOn(world);
    await world.play(argoCd.hold());
    expect(argo.application().spec?.syncPolicy?.automated).toEqual({ prune: true, selfHeal: true, enabled: false });
    expect(suspensionOf(argo.application())).toMatchObject({ enabled: null, release: 'shop', epoch: 7 });
    putBack(world);
    const changes = following(world);
    argo.git = V1;
    expect(await world.play(argoCd.follow(wanted))).toBe(true);
    await pass(world, 60);
    expect(changes).toEqual([]);
    expect(argo.syncs.map(({ commit }) => commit)).not.toContain(V2.commit);
    expect(argo.application().spec?.syncPolicy?.automated).toEqual({ prune: true, selfHeal: true });
    expect(argo.application().metadata.annotations?.[SUSPENDED]).toBeUndefined();
    expect(said.filter((line) => /FAILED/.test(line))).toEqual([]);
  });

  it('is made to give up the sync of what was rejected, which it would try again and again', async () => {
    const world = await worldWith();
    const argo = simulateArgoCd(world, V2, { retries: true });
    await pass(world, 3);
    expect(argo.application().operation?.sync?.revision).toBe(V2.commit);
    const { argoCd } = await runOn(world);
    argo.git = V1;
    const follow = argoCd.follow(wanted);
    // The sync of the revert is ended by hand, because this Argo CD ends none by itself.
    world.scheduler.after(20_000, () => argo.edit(({ operation: _, ...a }) => a));
    expect(await world.play(follow)).toBe(true);
    expect(argo.syncs.map(({ commit }) => commit)).toEqual([V2.commit, V1.commit]);
    expect(asked(world)).toEqual(['backend:v1', 'web:v1']);
  });

  it('is let go by the next run, after one that was killed', async () => {
    const world = await worldWith();
    const argo = simulateArgoCd(world, V1);
    argo.edit((a) => ({ ...a, spec: { syncPolicy: { automated: { selfHeal: true, enabled: true } } } }));
    await world.play((await runOn(world)).argoCd.hold());
    const later = await runOn(world, 8);
    expect(await world.play(later.argoCd.isHeld())).toBe(true);
    await world.play(later.argoCd.letGo());
    expect(argo.application().spec?.syncPolicy?.automated).toEqual({ selfHeal: true, enabled: true });
    expect(await world.play(later.argoCd.isHeld())).toBe(false);
  });

  it('stays as a person has set it, where nothing was synced by itself', async () => {
    const world = await worldWith();
    const argo = simulateArgoCd(world, V1);
    argo.edit((a) => ({ ...a, spec: { syncPolicy: { automated: null } } }));
    const { argoCd, said } = await runOn(world);
    await world.play(argoCd.hold());
    await world.play(argoCd.letGo());
    expect([argo.application().spec?.syncPolicy?.automated, said]).toEqual([null, []]);
  });

  it('that does not answer delays the way back by half a minute at most, and is told', async () => {
    const world = await worldWith();
    simulateArgoCd(world, V2, { isUp: false });
    const { argoCd, said } = await runOn(world, 7, 30);
    const before = world.scheduler.now();
    await world.play(argoCd.hold());
    expect(world.scheduler.now() - before).toBeLessThan(31_000);
    expect(said).toEqual([expect.stringMatching(/^ARGO_CD_FAILED automated sync .* did not show that it knows/)]);
    expect(await world.play(argoCd.follow(wanted))).toBe(false);
    expect(said.at(-1)).toMatch(/^NEXT see what keeps Argo CD: kubectl -n shop describe application/);
  });

  it('that is not there is told with what to do', async () => {
    const world = await worldWith();
    const { argoCd, said } = await runOn(world);
    await world.play(argoCd.hold());
    expect(await world.play(argoCd.follow(wanted))).toBe(false);
    expect(said[0]).toMatch(/^ARGO_CD_FAILED .*no Application moneywise-shop in shop/);
  });
});
