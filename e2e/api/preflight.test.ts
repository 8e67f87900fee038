import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../promotion/preflight/preflight.ts';
import { newFolder, removeFolders, writeManifests } from '../support/folder.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { applyShop, shop } from '../support/shop.ts';

const namespace = 'preflight';
const CLI = 'scripts/launch.mjs';

async function preflight(
  folder: string,
  ...args: string[]
): Promise<{ code: number; checks: Check[]; printed: string }> {
  const argv = [CLI, 'preflight', '--manifests', folder, '--namespace', namespace, '--output', 'json', ...args];
  const { code, stdout, stderr } = await run('node', argv);
  expect(stderr).toBe('');
  return {
    code,
    checks: stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).data),
    printed: stdout,
  };
}

describe('preflight on a real API server', () => {
  let folder: string;

  beforeAll(async () => {
    await kubectl(['create', 'namespace', namespace]);
    folder = await writeManifests('shop', await shop({ namespace, version: 'v1' }));
    await applyShop(folder);
    await kubectl([
      '-n',
      namespace,
      'wait',
      'rollout/backend',
      'rollout/web',
      '--for=jsonpath={.status.phase}=Healthy',
      '--timeout=60s',
    ]);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('finds what is there, and says what it cannot see', async () => {
    const { code, checks } = await preflight(folder);
    expect(checks.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(checks.find(({ subject }) => subject === 'Service web')?.message).toMatch(/^selects revision \w+$/);
  });

  it('writes nothing', async () => {
    const path = '{range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';
    const kinds = 'rollouts,services,replicasets,configmaps,leases,secrets';
    const versions = () => kubectl(['-n', namespace, 'get', kinds, '-o', `jsonpath=${path}`]);
    const before = await versions();
    await preflight(folder);
    expect(await versions()).toEqual(before);
  });

  it('knows the keys of Secrets, however they were made, without reading a value', async () => {
    await kubectl([
      '-n',
      namespace,
      'create',
      'secret',
      'generic',
      'moneywise-database',
      '--from-literal=DB_PASSWORD=value-one',
    ]);
    const cache = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'moneywise-cache', namespace },
      stringData: { REDIS_PASSWORD: 'value-two', REDIS_URL: 'value-three' },
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(cache));
    const { code, checks, printed } = await preflight('dist/staging');
    const secrets = checks
      .filter(({ area }) => area === 'secrets')
      .map(({ subject, message }) => `${subject} ${message}`);
    expect(code).toBe(1);
    expect(secrets).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Secret moneywise-database has no key DATABASE_URL/),
        expect.stringMatching(/^Secret moneywise-cache has .*REDIS_URL/),
        expect.stringMatching(/^Secret moneywise-backend missing: /),
      ]),
    );
    expect(printed).not.toMatch(/value-/);
    expect(checks.filter(({ area }) => area === 'pins').every(({ verdict }) => verdict === 'fail')).toBe(true);
  });

  it('says which rights a user lacks, and what that user may not see', async () => {
    await kubectl(['-n', namespace, 'create', 'serviceaccount', 'viewer']);
    await kubectl([
      '-n',
      namespace,
      'create',
      'rolebinding',
      'viewer',
      '--clusterrole=view',
      `--serviceaccount=${namespace}:viewer`,
    ]);
    const token = (await kubectl(['-n', namespace, 'create', 'token', 'viewer'])).trim();
    const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
    config.users[0].user = { token };
    const file = join(await newFolder('kubeconfig'), 'config');
    await writeFile(file, JSON.stringify(config));
    const { code, checks } = await preflight('dist/staging', '--kubeconfig', file);
    const of = (subject: string) => checks.find((check) => check.subject === subject);
    expect(code).toBe(1);
    expect(of('rollouts/status')).toMatchObject({
      verdict: 'fail',
      message: expect.stringContaining('may not patch (to promote, abort)'),
    });
    expect(of('Secret moneywise-cache')).toMatchObject({ verdict: 'unknown' });
    expect(of('Argo Rollouts')).toMatchObject({ verdict: 'unknown' });
  });
});
