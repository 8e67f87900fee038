import { createServer, type ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import pg from 'pg';
import { readEnvironment } from './environment.ts';
import { crashIfAsked, faultFor } from './fault.ts';

// The backend as the cluster sees it: its environment, its health routes, its data stores, its end.
process.on('SIGTERM', () => process.exit(0)); // at once, as the real one does: open requests are cut

const read = readEnvironment(process.env);
if ('errors' in read) {
  for (const error of read.errors) console.error(`Config validation error: ${error}`);
  process.exit(1);
}
const { settings } = read;
const version = process.env.APP_VERSION ?? 'unknown';

const patience = 2000; // milliseconds that a data store has to answer
const pool = new pg.Pool({
  connectionString: settings.databaseUrl,
  max: 2,
  connectionTimeoutMillis: patience,
  query_timeout: patience,
});
pool.on('error', (error) => console.error(`database: ${error.message}`));
const redis = new Redis({ ...settings.redis, commandTimeout: patience, maxRetriesPerRequest: 1 });
redis.on('error', (error) => console.error(`redis: ${error.message}`));

const passes = (check: Promise<unknown>): Promise<boolean> =>
  check.then(
    () => true,
    () => false,
  );

async function readiness() {
  const [database, cache] = await Promise.all([passes(pool.query('SELECT 1')), passes(redis.ping())]);
  const word = (up: boolean) => (up ? 'up' : 'down');
  return { ready: database && cache, checks: { database: word(database), redis: word(cache) } };
}

const health = () => ({
  status: 'ok',
  timestamp: new Date().toISOString(),
  uptime: process.uptime(),
  version,
  environment: settings.environment,
  memory: process.memoryUsage(),
});

type Answer = [status: number, body: object];

const routes: Record<string, () => Promise<Answer>> = {
  health: async () => [200, health()],
  'health/live': async () => [200, { status: 'alive' }],
  'health/ready': async () => {
    const { ready, checks } = await readiness();
    return ready ? [200, { status: 'ready', checks }] : [503, { status: 'not ready', checks }];
  },
  'health/detailed': async () => [200, { ...health(), checks: (await readiness()).checks }],
  'health/metrics': async () => [
    200,
    { uptime: process.uptime(), memory: process.memoryUsage(), connections: pool.totalCount },
  ],
};

function send(response: ServerResponse, status: number, body: object | string): void {
  const json = typeof body !== 'string';
  response.writeHead(status, { 'content-type': json ? 'application/json' : 'text/html' });
  response.end(json ? JSON.stringify(body) : body);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://backend');
  const path = pathname.startsWith(`/${settings.prefix}/`) ? pathname.slice(settings.prefix.length + 2) : '';
  const route = routes[path];
  if (!route) return send(response, 404, { statusCode: 404, message: `Cannot GET ${pathname}` });
  const fault = await faultFor(request.headers.host);
  const [status, body] = await route();
  // Faults are of the service, not of the process: liveness stays as it is.
  if (path === 'health/live') return send(response, status, body);
  if (fault === 'unready' && path === 'health/ready') return send(response, 503, { ...body, status: 'not ready' });
  if (fault === 'http-500') return send(response, 500, { statusCode: 500, message: 'Internal server error' });
  if (fault === 'status-error') return send(response, 200, { ...body, status: 'error' });
  if (fault === 'not-json') return send(response, 200, '<!doctype html><title>Sign in</title>');
  if (fault === 'wrong-version' && 'version' in body) return send(response, status, { ...body, version: 'v0' });
  send(response, status, body);
});

server.listen(settings.port, () => console.log(`backend ${version} listens on ${settings.port}`));
crashIfAsked();
