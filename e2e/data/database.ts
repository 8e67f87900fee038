import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { find, type KubeObject } from '../../test/charts/objects.ts';
import { ownFolder, password, postgresBin, runAs, type Server, start, variables } from './server.ts';

/** PostgreSQL 15 as it is rendered, and a way to ask it. */
export interface Database {
  readonly server: Server;
  /** The variables by which PostgreSQL's tools reach it. */
  readonly login: NodeJS.ProcessEnv;
  /** What a statement gives, unaligned, in the application's database or another. */
  readonly sql: (statement: string, database?: string) => Promise<string>;
}

/** Makes an empty database of what the StatefulSet says, on loopback. */
export async function startDatabase(objects: KubeObject[], port: number): Promise<Database> {
  const [container] = find(objects, 'StatefulSet', 'postgres').spec.template.spec.containers;
  const env = variables(container);
  const folder = await ownFolder('postgres');
  const data = join(folder, 'pgdata');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  await chmod(passwordFile, 0o644);
  const initdb = ['-D', data, '-U', env.POSTGRES_USER ?? '', `--pwfile=${passwordFile}`];
  await runAs([`${postgresBin}/initdb`, ...initdb, ...(env.POSTGRES_INITDB_ARGS?.split(' ') ?? [])]);
  const listening = ['-D', data, '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
  const server = await start([`${postgresBin}/postgres`, ...listening], {
    port,
    folder,
    env: { PGPORT: env.PGPORT },
    ready: () => runAs(container.readinessProbe.exec.command).then(() => true),
  });
  const login = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'moneywise', PGPASSWORD: password };
  await runAs(['createdb', env.POSTGRES_DB ?? ''], login);
  const sql = (statement: string, database = 'moneywise') =>
    runAs(['psql', '--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-Atc', statement], { ...login, PGDATABASE: database });
  return { server, login, sql };
}

/** Two tables, one of which refers to the other, and a sequence. */
export async function fill({ sql }: Database): Promise<void> {
  await sql('CREATE TABLE accounts (id serial PRIMARY KEY, name text, balance numeric)');
  await sql(`INSERT INTO accounts (name, balance) SELECT 'a' || n, n * 1.25 FROM generate_series(1, 500) n`);
  await sql('CREATE TABLE transfers (id serial PRIMARY KEY, account int REFERENCES accounts, note text)');
  await sql(`INSERT INTO transfers (account, note) VALUES (1, 'ümlaut ''quoted'''), (2, NULL)`);
}

export const contentOf = async ({ sql }: Database): Promise<string[]> => [
  await sql('SELECT * FROM accounts ORDER BY id'),
  await sql('SELECT * FROM transfers ORDER BY id'),
  await sql('SELECT last_value FROM accounts_id_seq'),
];
