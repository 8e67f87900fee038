import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labelsOfMetric, metricsNamed } from '../../test/charts/queries.ts';
import { images } from '../../testbed/images.ts';
import { until } from '../../testbed/run.ts';
import { down, type Testbed, up } from '../../testbed/testbed.ts';
import { fingerprint, tracesOf } from './host.ts';
import { answerOf, apply, awaitReady, createNamespace, inside, kubectl, statusOf } from './inside.ts';
import {
  backend,
  backendEnvironment,
  pod,
  podSpec,
  postgres,
  postgresFiles,
  redis,
  service,
  web,
} from './manifests.ts';

const names = ['e2ea', 'e2eb'] as const;
const [first, second] = names;
let before: string[];
let testbed: Testbed;
let image: (name: string) => string;

beforeAll(async () => {
  for (const name of names) await down(name);
  before = await fingerprint();
  const references = await images();
  image = (name) => references[`testbed.local/${name}`] ?? `no image ${name}`;
  testbed = await up({ name: first, kind: 'node' });
  await createNamespace(testbed);
});

afterAll(async () => {
  for (const name of names) await down(name);
});

const inPod = (name: string, ...command: string[]) => kubectl(testbed, 'exec', name, '--', ...command);

describe('a real node', () => {
  beforeAll(async () => {
    await apply(
      testbed,
      ...postgresFiles,
      postgres(image('postgres:15')),
      service('postgres', 'postgres', 5432),
      pod('cache', redis(image('redis:7'))),
      service('redis', 'cache', 6379),
      pod('by-digest', web(image('moneywise/web:v1'))),
      pod('by-tag', web('testbed.local/moneywise/web:v2')),
      service('web', 'by-digest', 3000),
    );
    await kubectl(testbed, 'rollout', 'status', 'statefulset/postgres', '--timeout=90s');
    await awaitReady(testbed, 'cache', 'by-digest', 'by-tag');
  });

  // Series of any control group will do: names and labels are the same, and not every host measures each container. What
  // volumes hold the kubelet counts once a minute.
  test.each([
    ['containers', 'container', 'metrics/cadvisor'],
    ['volumes', 'kubelet', 'metrics'],
  ])('tells Prometheus of %s by the names and labels that are asked for', async (_, prefix, page) => {
    const asked = metricsNamed(prefix);
    expect(asked.length).toBeGreaterThan(0);
    const path = `/api/v1/nodes/testbed-${first}/proxy/${page}`;
    await until('the metrics', 150, async () => {
      const lines = (await kubectl(testbed, 'get', '--raw', path)).split('\n');
      const isThere = (metric: string) => (line: string) =>
        line.startsWith(`${metric}{`) && labelsOfMetric(metric).every((label) => line.includes(`${label}="`));
      return asked.every((metric) => lines.some(isThere(metric)));
    });
  });

  test('runs a pod that Pod Security restricts, with nothing but what it was given', async () => {
    const status = await inPod('by-digest', 'grep', '-E', '^(Uid|Seccomp|CapBnd|NoNewPrivs):', '/proc/self/status');
    expect(status.split(/\s+/)).toEqual([
      'Uid:',
      '1000',
      '1000',
      '1000',
      '1000',
      'CapBnd:',
      '0000000000000000',
      'NoNewPrivs:',
      '1',
      'Seccomp:',
      '2',
    ]);
    await expect(inPod('by-digest', 'touch', '/app/file')).rejects.toThrow('Read-only file system');
  });

  test('refuses a pod that is not restricted', async () => {
    await expect(
      apply(testbed, pod('free', { containers: [{ name: 'main', image: image('node:20') }] })),
    ).rejects.toThrow(/violates PodSecurity/);
  });

  test('finds an image by its digest and by its tag, and pulls neither', async () => {
    const used = await kubectl(testbed, 'get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[*].image}');
    expect(used).toContain('testbed.local/moneywise/web@sha256:');
    expect(used).toContain('testbed.local/moneywise/web:v2');
    const events = await kubectl(testbed, 'get', 'events', '-o', 'jsonpath={.items[*].reason}');
    expect(events.split(' ')).not.toContain('Pulling');
  });

  test('resolves names of the cluster, in pods and for clients, and no others', async () => {
    const lookUp = (name: string) =>
      `require('dns').promises.lookup('${name}').then((found) => console.log(found.address), (error) => console.log(error.code))`;
    const address = await kubectl(testbed, 'get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    expect(await inPod('by-digest', 'node', '-e', lookUp('web'))).toBe(address);
    expect(await inPod('by-digest', 'node', '-e', lookUp('web.app.svc.cluster.local'))).toBe(address);
    expect(await inPod('by-digest', 'node', '-e', lookUp('www.example.com'))).toBe('ENOTFOUND');
    expect(await answerOf(testbed, 'http://web.app:3000/')).toContain('<meta name="version" content="1.0.0">');
  });

  test('has no way out', async () => {
    const connect = `require('net').connect(80, '192.0.2.1').on('error', (error) => console.log(error.code)).on('connect', () => console.log('connected'))`;
    expect(await inPod('by-digest', 'node', '-e', connect)).toBe('ENETUNREACH');
    expect(await inside(testbed, ['ip', 'route', 'show', 'default'])).toBe('');
  });

  test('can be found from inside, where clients run, but not taken down', async () => {
    const script = join(import.meta.dirname, '../../scripts/testbed.ts');
    const command = (...args: string[]) => [process.execPath, '--import', 'tsx', script, ...args];
    const asked = command('exec', '--name', first, '--', 'kubectl', 'get', 'nodes', '-o', 'name');
    expect(await inside(testbed, asked)).toBe(`node/testbed-${first}`);
    await expect(inside(testbed, command('down', '--name', first))).rejects.toThrow('do it outside');
  });

  test('gives PostgreSQL the volume it claims, and the database its variables ask for', async () => {
    const claim = await kubectl(
      testbed,
      'get',
      'pvc',
      'data-postgres-0',
      '-o',
      'jsonpath={.status.phase} {.spec.storageClassName}',
    );
    expect(claim).toBe('Bound testbed-local');
    const settings = ['max_connections', 'data_checksums'].map((name) => `current_setting('${name}')`);
    const query = `select current_user, current_database(), by, ${settings} from prepared`;
    const asked = () => inPod('postgres-0', 'psql', '-U', 'moneywise', '-Atc', query, 'app');
    expect(await asked()).toBe('moneywise|app|a script|50|on');
    await kubectl(testbed, 'delete', 'pod', 'postgres-0');
    await kubectl(testbed, 'rollout', 'status', 'statefulset/postgres', '--timeout=60s');
    expect(await asked()).toBe('moneywise|app|a script|50|on');
  });
});

describe('the stand-in backend', () => {
  const job = (name: string, spec: object) => pod(name, { ...spec, restartPolicy: 'Never' });
  const phaseOf = (name: string) => kubectl(testbed, 'get', 'pod', name, '-o', 'jsonpath={.status.phase}');
  const ended = (name: string) =>
    until(`the end of ${name}`, 60, async () => /Succeeded|Failed/.test(await phaseOf(name)));
  const faulty = ['never-ready', 'fails-analysis', 'unhealthy-active', 'wrong-version'];

  beforeAll(async () => {
    const spec = backend(image('moneywise/backend:v1'));
    const migration = podSpec(1000, {
      image: image('moneywise/backend:v1'),
      command: ['node', 'migrate.js'],
      env: backendEnvironment,
    });
    await apply(
      testbed,
      pod('backend', spec),
      service('backend', 'backend', 3001),
      job('migrate-a', migration),
      job('migrate-b', migration),
      job(
        'mistaken',
        backend(image('moneywise/backend:v1'), { ...backendEnvironment, JWT_REFRESH_SECRET: 'short', SENTRY_DSN: '' }),
      ),
      ...faulty.flatMap((fault) => [
        pod(fault, backend(image(`moneywise/backend:v2-${fault}`))),
        service(fault, fault, 3001),
      ]),
    );
    await awaitReady(testbed, 'backend', ...faulty.slice(1));
  });

  test('is ready with a real PostgreSQL and Redis, and says its version', async () => {
    const ready = JSON.parse(await answerOf(testbed, 'http://backend.app:3001/api/health/ready'));
    expect(ready).toEqual({ status: 'ready', checks: { database: 'up', redis: 'up' } });
    const health = JSON.parse(await answerOf(testbed, 'http://backend.app:3001/api/health'));
    expect(health).toMatchObject({ status: 'ok', version: '1.0.0', environment: 'staging' });
    expect(JSON.parse(await answerOf(testbed, 'http://backend.app:3001/api/health/live'))).toEqual({ status: 'alive' });
  });

  test('migrates once, however many do it at once', async () => {
    await Promise.all(['migrate-a', 'migrate-b'].map(ended));
    expect(await Promise.all(['migrate-a', 'migrate-b'].map(phaseOf))).toEqual(['Succeeded', 'Succeeded']);
    const logs = await Promise.all(['migrate-a', 'migrate-b'].map((name) => kubectl(testbed, 'logs', name)));
    expect(logs.join('\n').match(/applied 1_accounts/g)).toHaveLength(1);
    expect(
      await inPod('postgres-0', 'psql', '-U', 'moneywise', '-Atc', 'select count(*) from _migrations', 'app'),
    ).toBe('2');
  });

  test('exits with a message that names each wrong variable', async () => {
    await ended('mistaken');
    expect(await phaseOf('mistaken')).toBe('Failed');
    const log = await kubectl(testbed, 'logs', 'mistaken');
    expect(log.split('\n')).toEqual([
      'Config validation error: JWT_REFRESH_SECRET must have at least 32 characters',
      'Config validation error: SENTRY_DSN is required',
    ]);
  });

  test('is unready, but alive, when its cache is gone', async () => {
    await kubectl(testbed, 'delete', 'pod', 'cache', '--wait=false');
    await until(
      '503',
      30,
      async () => (await statusOf(testbed, `http://${await addressOf('backend')}:3001/api/health/ready`)) === '503',
    );
    expect(await statusOf(testbed, `http://${await addressOf('backend')}:3001/api/health/live`)).toBe('200');
  });

  test('misbehaves as its tag says, and to whom', async () => {
    const ask = async (name: string, path: string, host?: string) => {
      const url = `http://${await addressOf(name)}:3001/api/${path}`;
      const body = await inside(testbed, ['curl', '-sS', '-m', '3', ...(host ? ['-H', `Host: ${host}`] : []), url]);
      return JSON.parse(body);
    };
    expect(await statusOf(testbed, `http://${await addressOf('never-ready')}:3001/api/health/ready`)).toBe('503');
    expect(await ask('fails-analysis', 'health', 'backend-preview.app')).toMatchObject({
      status: 'error',
      version: '2.0.0',
    });
    expect(await ask('fails-analysis', 'health', 'backend.app')).toMatchObject({ status: 'ok' });
    const unhealthy = `http://${await addressOf('unhealthy-active')}:3001/api/health`;
    expect(await statusOf(testbed, unhealthy, 'api.moneywise.app')).toBe('500');
    expect(await statusOf(testbed, unhealthy, 'backend-preview:3001')).toBe('200');
    expect(await statusOf(testbed, unhealthy)).toBe('200'); // by the pod's address, as kubelet asks
    expect(await ask('wrong-version', 'health')).toMatchObject({ status: 'ok', version: 'v0' });
  });

  const addressOf = (name: string) => kubectl(testbed, 'get', 'pod', name, '-o', 'jsonpath={.status.podIP}');
});

describe('two testbeds side by side', () => {
  test('share nothing, leave the host as it was, and the end of one is no business of the other', async () => {
    const other = await up({ name: second, kind: 'node' });
    await createNamespace(other);
    await apply(other, pod('by-digest', web(image('moneywise/web:v3'))), service('web', 'by-digest', 3000));
    await awaitReady(other, 'by-digest');
    expect(await answerOf(other, 'http://web.app:3000/')).toContain('content="3.0.0"');
    expect(await answerOf(testbed, 'http://web.app:3000/')).toContain('content="1.0.0"');
    expect(await fingerprint()).toEqual(before);

    await down(second);
    expect(await answerOf(testbed, 'http://web.app:3000/')).toContain('content="1.0.0"');
  });

  test('are gone without a trace after `down`', async () => {
    await down(first);
    expect(await fingerprint()).toEqual(before);
    for (const name of names) expect(await tracesOf(name)).toEqual([]);
  });
});
