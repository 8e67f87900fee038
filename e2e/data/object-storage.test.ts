import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { find, type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { inBucket, inClusterDatabase, sample } from '../../test/overlays/samples.ts';
import { run } from '../../testbed/run.ts';
import { contentOf, type Database, fill, startDatabase } from './database.ts';
import { freePort, ownFolder, runAs, type Server, startOwn, variables } from './server.ts';

// The rendered Jobs' own commands, container after container, between a real PostgreSQL and a server of S3's interface, which
// knows this one key and looks at no signature.

const keys: Record<string, string> = { ACCESS_KEY_ID: 'S3RVER', SECRET_ACCESS_KEY: 'S3RVER' };
const server = join(process.cwd(), 'node_modules', 's3rver', 'bin', 's3rver.js');

describe('dumps in a bucket', () => {
  let database: Database;
  let storage: Server;
  let objects: KubeObject[];
  const scratches: string[] = [];

  beforeAll(async () => {
    const port = await freePort();
    objects = objectsOf(sample({ database: { ...inClusterDatabase, port, backup: { target: inBucket } } }));
    database = await startDatabase(objects, port);
    await fill(database);
    const [served, own] = [await ownFolder('bucket'), await freePort()];
    const listening = ['--address', '127.0.0.1', '--port', String(own), '--directory', served, '--silent'];
    storage = await startOwn(['node', server, ...listening, '--configure-bucket', inBucket.bucket], {
      port: own,
      folder: served,
      ready: () => fetch(`http://127.0.0.1:${own}/`).then(() => true),
    });
  });
  afterAll(async () => {
    await database?.server.stop('SIGINT');
    await storage?.stop();
    for (const scratch of scratches) await rm(scratch, { recursive: true });
  });
  beforeEach(async () => {
    await client('delete', folder);
  });

  const folder = `store:${inBucket.bucket}/${inBucket.prefix}`;

  /** rclone, told of the bucket as the Jobs are. */
  function client(...args: string[]): Promise<string> {
    const [upload] = find(objects, 'CronJob', 'backup').spec.jobTemplate.spec.template.spec.containers;
    return step({ ...upload, command: ['rclone', ...args] }, '');
  }
  const stored = async () => (await client('lsf', '--files-only', folder)).split('\n').filter(Boolean).sort();
  async function put(name: string, content: string | Buffer): Promise<void> {
    const file = join(await scratchFolder(), name);
    await writeFile(file, content);
    await client('copyto', file, `${folder}/${name}`);
  }
  async function scratchFolder(): Promise<string> {
    const scratch = await ownFolder('scratch');
    scratches.push(scratch);
    return scratch;
  }

  /** Runs one container's own command with its own variables; where it connects to and writes to are the test's. */
  async function step(container: KubeObject, scratch: string, change: Record<string, string> = {}): Promise<string> {
    const fromSecrets = container.env
      .filter(({ valueFrom }: KubeObject) => valueFrom?.secretKeyRef?.name === inBucket.secretName)
      .map(({ name, valueFrom }: KubeObject) => [name, keys[valueFrom.secretKeyRef.key]]);
    const env: NodeJS.ProcessEnv = {
      ...variables(container),
      ...Object.fromEntries(fromSecrets),
      BACKUP_DIR: scratch,
      // A pod has none of what this machine says.
      AWS_CA_BUNDLE: undefined,
      ...change,
    };
    if (!env.RCLONE_CONFIG) return runAs(container.command, { ...env, PGHOST: '127.0.0.1' });
    const endpoint = `http://127.0.0.1:${storage.port}`;
    return run(container.command, { env: { ...process.env, ...env, RCLONE_CONFIG_STORE_ENDPOINT: endpoint } });
  }

  /** A Job's containers in their order, on scratch space of their own. */
  async function job(name: string, change: Record<string, string> = {}, between?: (scratch: string) => Promise<void>) {
    const { initContainers, containers } = find(objects, 'CronJob', name).spec.jobTemplate.spec.template.spec;
    const scratch = await scratchFolder();
    const said = [await step(initContainers[0], scratch, change)];
    await between?.(scratch);
    said.push(await step(containers[0], scratch, change));
    return said.join('');
  }

  it('bring back what was lost, and what was changed', async () => {
    const before = await contentOf(database);
    expect(await job('backup')).toMatch(/\.dump: uploaded and compared/);
    expect(await stored()).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z\.dump$/)]);
    await database.sql('DROP TABLE transfers CASCADE');
    await database.sql('UPDATE accounts SET balance = 0');
    expect(await job('restore')).toContain('restored');
    expect(await contentOf(database)).toEqual(before);
  });

  it('are proven in a database that is gone afterwards', async () => {
    await job('backup');
    expect(await job('verify-backup')).toMatch(/fetched[\s\S]*2 tables restored/);
    expect(await database.sql('SELECT datname FROM pg_database ORDER BY 1')).not.toContain('restore_check');
  });

  it('are kept as many as are asked for, once the new one is there', async () => {
    for (const day of ['01', '02', '03']) await put(`202001${day}T000000Z.dump`, 'old');
    await put('notes.txt', 'somebody’s own');
    await job('backup', { KEEP: '2' });
    expect(await stored()).toEqual(['20200103T000000Z.dump', expect.stringMatching(/^20(?!20)\d{6}T/), 'notes.txt']);
  });

  it('are all still there after a night that fails', async () => {
    await put('20200101T000000Z.dump', 'old');
    await expect(job('backup', { PGDATABASE: 'absent', KEEP: '1' })).rejects.toThrow(/absent/);
    expect(await stored()).toEqual(['20200101T000000Z.dump']);
  });

  it('fail their proof where there is none, or none that is new', async () => {
    await expect(job('verify-backup')).rejects.toThrow(/moneywise\/staging holds no dump/);
    const age = async (scratch: string) => {
      for (const name of await readdir(scratch)) await utimes(join(scratch, name), new Date(0), new Date(0));
    };
    await job('backup', {}, age);
    await expect(job('verify-backup')).rejects.toThrow(/is older than 26 h/);
  });

  it('fail their proof where they are broken, cut off, or have a byte that is another', async () => {
    await job('backup');
    const [name = ''] = await stored();
    const file = join(await scratchFolder(), name);
    await client('copyto', `${folder}/${name}`, file);
    const bytes = await readFile(file);
    const another = Buffer.from(bytes);
    // A byte of the first table's rows, which are compressed.
    const at = bytes.indexOf(Buffer.from([0x78, 0x9c])) + 100;
    another[at] = (bytes[at] ?? 0) ^ 0xff;
    for (const broken of ['PGDMP and nothing more', bytes.subarray(0, 3000), another]) {
      await put('99990101T000000Z.dump', broken);
      await expect(job('verify-backup')).rejects.toThrow(/pg_restore/);
    }
  });

  it('restore nothing at all where the one that is asked for is not there', async () => {
    await job('backup');
    const before = await contentOf(database);
    const asked = job('restore', { BACKUP_FILE: '20200101T000000Z.dump' });
    await expect(asked).rejects.toThrow(/20200101T000000Z\.dump is not there/);
    expect(await contentOf(database)).toEqual(before);
  });

  it('fail by the status alone, and tell no key, where the server does not know it', async () => {
    const wrong = {
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: 'what-nobody-may-read',
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: 'what-nobody-may-read-either',
    };
    for (const name of ['backup', 'verify-backup', 'restore']) {
      const failure = await job(name, wrong).catch((error: Error) => error.message);
      expect(failure).toMatch(/InvalidAccessKeyId[\s\S]*403/);
      for (const secret of Object.values(wrong)) expect(failure).not.toContain(secret);
    }
    expect(await stored()).toEqual([]);
  });
});
