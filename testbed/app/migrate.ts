import pg from 'pg';

// Brings the schema up to this version, as `prisma migrate deploy` does: once, however many run it and however often.
const migrations: Record<string, string> = {
  '1_accounts': 'CREATE TABLE accounts (id bigserial PRIMARY KEY, name text NOT NULL)',
  '2_balance': 'ALTER TABLE accounts ADD COLUMN balance numeric NOT NULL DEFAULT 0',
};
const lock = 72707369; // any number that all runs share

async function migrate(client: pg.Client): Promise<void> {
  await client.connect();
  await client.query('SELECT pg_advisory_lock($1)', [lock]);
  await client.query(
    'CREATE TABLE IF NOT EXISTS _migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  );
  const applied = (await client.query<{ name: string }>('SELECT name FROM _migrations')).rows.map((row) => row.name);
  for (const [name, statement] of Object.entries(migrations)) {
    if (applied.includes(name)) continue;
    await client.query('BEGIN');
    await client.query(statement);
    await client.query('INSERT INTO _migrations (name) VALUES ($1)', [name]);
    await client.query('COMMIT');
    console.log(`applied ${name}`);
  }
}

const url = process.env.DATABASE_URL;
if (!url) {
  console.error('Config validation error: DATABASE_URL is required');
  process.exit(1);
}
const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
migrate(client)
  .then(() => console.log('the schema is up to date'))
  .catch((error: Error) => {
    console.error(`migration failed: ${error.message}`);
    process.exitCode = 1;
  })
  .finally(() => client.end());
