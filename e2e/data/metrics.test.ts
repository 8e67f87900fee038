import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { metricsNamed } from '../../test/charts/queries.ts';
import { sample } from '../../test/overlays/samples.ts';
import { freePort, ownFolder, postgresBin, runAs, type Server, start } from './server.ts';

// Every metric of a data store that a rule or a panel names is one that the store's exporter really exports.

const objects = objectsOf(sample());

const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers.reverse()) await server.stop('SIGINT');
});

async function exported(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

describe('the exporter of PostgreSQL', () => {
  let metrics: string;
  let login: Record<string, string>;
  beforeAll(async () => {
    const [port, folder] = [await freePort(), await ownFolder('postgres')];
    await runAs([
      `${postgresBin}/initdb`,
      '-D',
      join(folder, 'data'),
      '-U',
      'moneywise',
      '--auth-local=trust',
      '--auth-host=scram-sha-256',
    ]);
    const listening = ['-k', folder, '-c', 'listen_addresses=127.0.0.1', '-p', String(port)];
    const ready = () => runAs(['pg_isready', '-h', '127.0.0.1', '-p', String(port)]).then(() => true);
    servers.push(
      await start([`${postgresBin}/postgres`, '-D', join(folder, 'data'), ...listening], { port, folder, ready }),
    );
    login = { PGHOST: '127.0.0.1', PGPORT: String(port), PGDATABASE: 'moneywise' };
    const superuser = { ...login, PGHOST: folder, PGUSER: 'moneywise' };
    await runAs(['createdb', 'moneywise'], superuser);
    await runAs(['psql', '-c', 'CREATE TABLE accounts (name text)'], superuser);
    // As the entry point of the image does with what is mounted for it.
    await writeFile(join(folder, 'exporter-password'), 'only-for-tests');
    const made = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && /^postgres-logins-/.test(metadata.name));
    const script = made.data['exporter.sql'].replaceAll('/run/secrets/postgres', folder);
    await writeFile(join(folder, 'exporter.sql'), script);
    await runAs(['psql', '-v', 'ON_ERROR_STOP=1', '-f', join(folder, 'exporter.sql')], superuser);
    const [, sidecar] = find(objects, 'StatefulSet', 'postgres').spec.template.spec.containers;
    const variables = sidecar.env.map(({ name, value }: KubeObject) => [name, value ?? 'only-for-tests']);
    const own = await freePort();
    const env: Record<string, string> = {
      ...Object.fromEntries(variables),
      DATA_SOURCE_URI: `127.0.0.1:${port}/moneywise?sslmode=disable`,
    };
    expect(env.DATA_SOURCE_USER).toBe('exporter');
    servers.push(
      await start(['prometheus-postgres-exporter', `--web.listen-address=127.0.0.1:${own}`], {
        port: own,
        folder: await ownFolder('exporter'),
        env,
        ready: async () => (await exported(own)).includes('pg_up 1'),
      }),
    );
    metrics = await exported(own);
  });

  it.each(metricsNamed('pg'))('exports %s', (name) => {
    expect(metrics).toMatch(new RegExp(`^${name}[ {]`, 'm'));
  });

  it('logs in as somebody who may read no table', async () => {
    const asExporter = { ...login, PGUSER: 'exporter', PGPASSWORD: 'only-for-tests' };
    expect((await runAs(['psql', '-Atc', 'SELECT current_user'], asExporter)).trim()).toBe('exporter');
    await expect(runAs(['psql', '-c', 'SELECT * FROM accounts'], asExporter)).rejects.toThrow(/permission denied/);
  });

  it('names databases by the label that the panels select by', () => {
    expect(metrics).toMatch(/^pg_stat_database_blks_hit\{.*datname="moneywise"/m);
  });
});

describe('the exporter of Redis', () => {
  let metrics: string;
  beforeAll(async () => {
    const [port, folder] = [await freePort(), await ownFolder('redis')];
    const ready = () => runAs(['redis-cli', '-p', String(port), 'ping']).then((said) => said.trim() === 'PONG');
    const redis = ['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
    servers.push(await start(redis, { port, folder, ready }));
    const own = await freePort();
    servers.push(
      await start(['prometheus-redis-exporter', `-web.listen-address=127.0.0.1:${own}`], {
        port: own,
        folder: await ownFolder('exporter'),
        env: { REDIS_ADDR: `redis://127.0.0.1:${port}` },
        ready: async () => (await exported(own)).includes('redis_up 1'),
      }),
    );
    metrics = await exported(own);
  });

  it.each(metricsNamed('redis'))('exports %s', (name) => {
    expect(metrics).toMatch(new RegExp(`^${name}[ {]`, 'm'));
  });
});
