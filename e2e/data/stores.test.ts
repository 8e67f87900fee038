import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { sample } from '../../test/overlays/samples.ts';
import { succeeds } from '../../testbed/run.ts';
import { contentOf, type Database, fill, startDatabase } from './database.ts';
import { freePort, ownFolder, password, runAs, type Server, start, variables } from './server.ts';

describe('PostgreSQL 15 as it is rendered', () => {
  let database: Database;
  let backups: string;
  let objects: KubeObject[];
  const sql: Database['sql'] = (...args) => database.sql(...args);

  /** Runs a Job's own command with its own variables; where it connects to and writes to are the test's. */
  function job(name: string, change: Record<string, string> = {}): Promise<string> {
    const { jobTemplate } = find(objects, 'CronJob', name).spec;
    const [container] = jobTemplate.spec.template.spec.containers;
    const env = { ...variables(container), PGHOST: '127.0.0.1', BACKUP_DIR: backups, ...change };
    return runAs(container.command, env);
  }
  const dumps = async () => (await readdir(backups)).filter((name) => name.endsWith('.dump')).sort();

  beforeAll(async () => {
    const port = await freePort();
    objects = objectsOf(sample({ database: { ...sample().database, port } }));
    backups = await ownFolder('backups');
    database = await startDatabase(objects, port);
    await fill(database);
  });
  afterAll(async () => {
    await database?.server.stop('SIGINT');
    if (backups) await rm(backups, { recursive: true });
  });

  const content = () => contentOf(database);

  it('checks its pages, and asks for a password by scram', async () => {
    expect(await sql('SHOW data_checksums')).toBe('on\n');
    await expect(runAs(['psql', '-c', 'SELECT 1'], { ...database.login, PGPASSWORD: 'wrong' })).rejects.toThrow(
      /password/,
    );
  });

  it('is the same after its backup, the loss of its tables, and its restore', async () => {
    const before = await content();
    expect(await job('backup')).toMatch(/\.dump: \S+\n1 kept/);
    await sql('DROP TABLE transfers, accounts CASCADE');
    expect(await job('restore')).toContain('restored');
    expect(await content()).toEqual(before);
  });

  it('takes back what was changed since the backup, too', async () => {
    const before = await content();
    await sql('UPDATE accounts SET balance = 0');
    await sql('ALTER TABLE accounts ADD COLUMN later text');
    await job('restore');
    expect(await content()).toEqual(before);
  });

  it('restores nothing at all from a dump that is broken', async () => {
    const before = await content();
    await writeFile(join(backups, '00000000T000000Z.dump'), 'PGDMP and nothing more');
    await expect(job('restore', { BACKUP_FILE: join(backups, '00000000T000000Z.dump') })).rejects.toThrow();
    await rm(join(backups, '00000000T000000Z.dump'));
    expect(await content()).toEqual(before);
  });

  it('has its newest dump proven in a database that is gone afterwards', async () => {
    expect(await job('verify-backup')).toMatch(/2 tables restored/);
    expect(await sql('SELECT datname FROM pg_database ORDER BY 1')).not.toContain('restore_check');
  });

  it('fails the proof of a dump that is too old, or broken', async () => {
    const [newest = ''] = (await dumps()).slice(-1);
    await utimes(join(backups, newest), new Date(0), new Date(0));
    await expect(job('verify-backup')).rejects.toThrow();
    await writeFile(join(backups, '99990101T000000Z.dump'), 'broken');
    await expect(job('verify-backup')).rejects.toThrow();
    await rm(join(backups, '99990101T000000Z.dump'));
  });

  it('keeps as many dumps as it is told to, and leaves no half of one', async () => {
    await mkdir(backups, { recursive: true });
    for (const day of ['01', '02', '03']) await writeFile(join(backups, `202001${day}T000000Z.dump`), '');
    await writeFile(join(backups, '20200104T000000Z.dump.part'), 'half');
    expect(await job('backup', { KEEP: '2' })).toContain('2 kept');
    const kept = await readdir(backups);
    expect(kept).toHaveLength(2);
    expect(kept.join()).not.toContain('.part');
    // A backup of the same second has the same name, so one of the old ones may be among the two.
    expect(kept).not.toContain('20200101T000000Z.dump');
    expect(kept).not.toContain('20200102T000000Z.dump');
    expect(kept.filter((name) => !name.startsWith('2020')).length).toBeGreaterThan(0);
  });

  it('a backup that fails costs none of the others', async () => {
    const before = await dumps();
    await expect(job('backup', { PGDATABASE: 'absent', KEEP: '1' })).rejects.toThrow();
    expect(await dumps()).toEqual(before);
  });

  it('stops within seconds although a client is connected, by the signal of its image', async () => {
    const waiting = sql('SELECT pg_sleep(600)').then(
      () => 'slept',
      () => 'cut off',
    );
    const started = Date.now();
    expect(await database.server.stop('SIGINT')).toBe(0);
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(await waiting).toBe('cut off');
    expect(database.server.said()).toContain('database system is shut down');
  });
});

describe('Redis as it is rendered', () => {
  let server: Server;
  let port: number;
  const cli = (...command: string[]) =>
    runAs(['redis-cli', '-p', String(port), ...command], { REDISCLI_AUTH: password });

  beforeAll(async () => {
    port = await freePort();
    const objects = objectsOf(sample({ cache: { ...sample().cache, port } }));
    const [container] = find(objects, 'StatefulSet', 'redis').spec.template.spec.containers;
    const folder = await ownFolder('redis');
    const args: string[] = container.args.map((arg: string) =>
      arg.replace('$(REDIS_PASSWORD)', password).replace(/^\/data$/, folder),
    );
    const probe = container.readinessProbe.exec.command;
    const ready = () => runAs(probe, { REDISCLI_AUTH: password }).then((said) => said.trim() === 'PONG');
    server = await start([...args, '--bind', '127.0.0.1'], { port, folder, ready });
  });
  afterAll(async () => {
    await server?.stop();
  });

  it('logs every write, forgets the least used keys, and stays below its limit', async () => {
    const setting = async (name: string) => (await cli('CONFIG', 'GET', name)).split('\n')[1];
    expect(await setting('appendonly')).toBe('yes');
    expect(await setting('maxmemory-policy')).toBe('allkeys-lru');
    expect(await setting('maxmemory')).toBe(String(179 * 1024 * 1024));
    expect(await setting('save')).toBe('');
  });

  it('answers nobody without the password, and its liveness whoever asks', async () => {
    expect(await runAs(['redis-cli', '-p', String(port), 'GET', 'key'], { REDISCLI_AUTH: '' })).toContain('NOAUTH');
    expect(await succeeds(['redis-cli', '-p', String(port), 'ping'])).toBe(true);
  });
});
