import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { render } from '../../charts/render.ts';
import { loadOverlay, parseOverlay } from '../../overlays/load.ts';
import { staging } from '../../overlays/staging.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubeconfigWith } from '../support/kubeconfig.ts';
import { kubectl } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { applyShop, shop, versionsOf } from '../support/shop.ts';

const namespace = 'rights';
const release = async (version: string) => writeManifests(version, await shop({ namespace, version }));

/** The account, Role and binding that the charts render, into the namespace of this suite. */
async function applyPromoter(): Promise<void> {
  const { pins } = loadOverlay('staging');
  const overlay = parseOverlay({ ...staging, namespace }, { backend: pins.backend, web: pins.web });
  await kubectl(['apply', '-f', '-'], render(overlay)['04-promoter.yaml']);
}

async function asPromoter(): Promise<string> {
  const token = (await kubectl(['-n', namespace, 'create', 'token', 'promoter'])).trim();
  return kubeconfigWith({ user: { token } });
}

describe('a release by the ServiceAccount that the charts render', () => {
  let kubeconfig: string;
  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    await applyPromoter();
    kubeconfig = await asPromoter();
    const v1 = await release('v1');
    await applyShop(v1);
    expect((await promote(v1)).exitCode).toBe(0);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('goes live whole, with no other right than those of its Role', async () => {
    const v2 = await release('v2');
    await applyShop(v2);
    const { exitCode, events } = await promote(v2, ['--kubeconfig', kubeconfig]);
    expect(events.filter(({ code }) => code === 'ACT_FAILED')).toEqual([]);
    expect(exitCode).toBe(0);
    for (const member of ['backend', 'web'])
      expect(await versionsOf(namespace, member)).toEqual({ live: 'v2', stable: 'v2' });
  });

  it('ends within the contract when its right to write Rollouts is withdrawn half-way', async () => {
    const v3 = await release('v3');
    await applyShop(v3);
    let withdrawn: Promise<unknown> | undefined;
    const { exitCode, result, events, stderr } = await promote(v3, ['--kubeconfig', kubeconfig], (event) => {
      if (event.code === 'PHASE' && (event.data as { phase: string }).phase === 'switching')
        withdrawn ??= kubectl(['-n', namespace, 'delete', 'rolebinding', 'promoter']);
    });
    await withdrawn;
    const said = [stderr, ...events.map(({ message }) => message)].join('\n');
    expect(said).not.toMatch(/^\s+at .*:\d+/m);
    expect(said).toMatch(/cannot \w+ resource/);
    expect([3, 4, 5, 8]).toContain(exitCode);
    expect(result?.exitCode).toBe(exitCode);
    // With nobody left who may act, the holds bring the set back or it never left; then the next run decides.
    await applyPromoter();
    const again = await promote(v3, ['--kubeconfig', kubeconfig]);
    const live = await Promise.all(['backend', 'web'].map((member) => versionsOf(namespace, member)));
    expect([0, 3, 4]).toContain(again.exitCode);
    const whole = again.exitCode === 0 ? 'v3' : 'v2';
    expect(live).toEqual([
      { live: whole, stable: whole },
      { live: whole, stable: whole },
    ]);
  });

  it('names the missing verb and the Role that has it', async () => {
    await kubectl(['-n', namespace, 'delete', 'rolebinding', 'promoter']);
    const { exitCode, events } = await promote(await release('v3'), ['--kubeconfig', kubeconfig]);
    expect(exitCode).toBe(2);
    expect(events.at(-1)?.message).toMatch(/grant this user "list" on \S+: Role promoter/);
  });
});
