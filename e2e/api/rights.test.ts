import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { render } from '../../charts/render.ts';
import { loadOverlay, parseOverlay } from '../../overlays/load.ts';
import { staging } from '../../overlays/staging.ts';
import { documented, filled } from '../../test/documents/documented.ts';
import { hashedConfig, withConfig } from '../support/config.ts';
import { removeFolders, writeManifests } from '../support/folder.ts';
import { kubeconfigWith } from '../support/kubeconfig.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { applyShop, shop, versionsOf } from '../support/shop.ts';
import { typed } from '../support/typed.ts';

const namespace = 'rights';
const release = async (version: string) =>
  writeManifests(version, withConfig(await shop({ namespace, version }), namespace, version));

/** The account, Role and binding that the charts render, into the namespace of this suite. */
async function applyPromoter(): Promise<void> {
  const { pins } = loadOverlay('staging');
  const overlay = parseOverlay({ ...staging, namespace }, { backend: pins.backend, web: pins.web });
  await kubectl(['apply', '-f', '-'], render(overlay)['04-promoter.yaml']);
}

async function asPromoter(): Promise<string> {
  const line = documented('docs/rights.md', 'Who may promote', 'create token');
  const token = (await typed(filled(line, { 'moneywise-staging': namespace }))).trim();
  return kubeconfigWith({ user: { token } });
}

/** Whether somebody may do that, as the API server sees it. */
const may = (who: readonly string[], verb: string, what: string, where: string) => {
  // Behind a slash kubectl expects a name.
  const [resource = '', part] = what.split('/');
  const subresource = part === undefined ? [] : [`--subresource=${part}`];
  return run('kubectl', ['-n', where, 'auth', 'can-i', verb, resource, ...subresource, ...who]).then(
    ({ code }) => code === 0,
  );
};

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
    const due = { 'moneywise.app/unneeded-config': 'settings', 'moneywise.app/unneeded-since': '2020-01-01' };
    const unneeded = [hashedConfig(namespace, 'unneeded'), hashedConfig(namespace, 'due', due)];
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: unneeded }));
    const { exitCode, events } = await promote(v2, ['--kubeconfig', kubeconfig]);
    const failed = events.filter(({ code }) => code.endsWith('_FAILED'));
    // Pods that only say they run have no logs to keep.
    expect(failed.filter(({ message }) => !message.includes('no preferred addresses found'))).toEqual([]);
    expect(exitCode).toBe(0);
    const marked = ['get', 'configmaps', '-l', 'moneywise.app/unneeded-config', '-o', 'name'];
    expect(await kubectl(['-n', namespace, ...marked])).toBe('configmap/settings-unneeded\n');
    for (const member of ['backend', 'web'])
      expect(await versionsOf(namespace, member)).toEqual({ live: 'v2', stable: 'v2' });
  });

  it('is open to a group of your own once the Role is bound to it', async () => {
    const somebody = ['--as', 'somebody', '--as-group', 'releasers'];
    expect(await may(somebody, 'patch', 'rollouts.argoproj.io', namespace)).toBe(false);
    const line = documented('docs/rights.md', 'Who may promote', 'create rolebinding releasers');
    await typed(filled(line, { 'moneywise-staging': namespace }));
    expect(await may(somebody, 'patch', 'rollouts.argoproj.io', namespace)).toBe(true);
  });

  it('may ask a Prometheus of another namespace once its owner grants it', async () => {
    const there = `${namespace}-monitoring`;
    const promoter = ['--as', `system:serviceaccount:${namespace}:promoter`];
    await kubectl(['create', 'namespace', there]);
    const role = documented('docs/rights.md', 'Who may promote', 'create role promoter-queries');
    await typed(filled(role, { '-n monitoring': `-n ${there}` }));
    expect(await may(promoter, 'get', 'services/proxy', there)).toBe(false);
    const binding = documented('docs/rights.md', 'Who may promote', 'create rolebinding promoter-queries');
    await typed(filled(binding, { '-n monitoring': `-n ${there}`, 'moneywise-staging': namespace }));
    expect(await may(promoter, 'get', 'services/proxy', there)).toBe(true);
    await kubectl(['delete', 'namespace', there, '--wait=false']);
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
