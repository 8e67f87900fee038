import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { applyShop, type ShopOptions, shop, versionsOf } from '../support/shop.ts';

// Whole releases by the real controller on a real API server, of Rollouts that this project did not render.
const namespace = 'release';
const release = async (options: Omit<ShopOptions, 'namespace'>) =>
  writeManifests(options.version, await shop({ namespace, ...options }));

async function expectLive(version: string): Promise<void> {
  for (const member of ['backend', 'web'])
    expect(await versionsOf(namespace, member)).toEqual({ live: version, stable: version });
}

describe('a release on a real API server', () => {
  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    const v1 = await release({ version: 'v1' });
    await applyShop(v1);
    expect((await promote(v1)).exitCode).toBe(0);
    await expectLive('v1');
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('is refused whole when one member fails its analysis before the switch', async () => {
    const folder = await release({ version: 'v2', before: 'fail' });
    await applyShop(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([3, 'refused']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^backend: .*verdict.* Failed/);
    await expectLive('v1');
  });

  it('is brought back whole when one member fails its analysis after the switch', async () => {
    const folder = await release({ version: 'v3', after: 'fail' });
    await applyShop(folder);
    const { exitCode, result, events } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toMatch(/^backend: .*verdict.* Failed/);
    await expectLive('v1');
  });

  it('goes live whole when every verdict is good', async () => {
    const folder = await release({ version: 'v4' });
    await applyShop(folder);
    const { exitCode, result } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v4');
  });
});
