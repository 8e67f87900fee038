/** The backend's settings that the stand-in uses. */
export interface Settings {
  environment: string;
  port: number;
  prefix: string;
  databaseUrl: string;
  redis: { host: string; port: number; password?: string; db: number };
}

type Variables = Record<string, string | undefined>;

const environments = ['development', 'staging', 'production', 'test'];

/** Checks the environment as the real backend does. @returns all that is wrong with it, or the settings. */
export function readEnvironment(variables: Variables): { errors: string[] } | { settings: Settings } {
  const errors: string[] = [];
  const must = (holds: boolean, message: string) => {
    if (!holds) errors.push(message);
  };
  const text = (name: string): string => {
    must(Boolean(variables[name]), `${name} is required`);
    return variables[name] ?? '';
  };
  const number = (name: string, low: number, high: number, otherwise?: number): number => {
    const value = variables[name] || (otherwise === undefined ? text(name) : String(otherwise));
    const right = /^\d+$/.test(value) && Number(value) >= low && Number(value) <= high;
    if (value) must(right, `${name} must be a whole number from ${low} to ${high}, is "${value}"`);
    return Number(value);
  };
  const optional = (name: string, right: (value: string) => boolean, rule: string) => {
    const value = variables[name];
    if (value) must(right(value), `${name} must be ${rule}`);
  };

  const environment = text('NODE_ENV');
  if (environment) must(environments.includes(environment), `NODE_ENV must be one of ${environments.join(', ')}`);
  const port = number('PORT', 1024, 65535, 3001);

  const database = {
    host: text('DB_HOST'),
    port: number('DB_PORT', 1, 65535),
    user: text('DB_USERNAME'),
    name: text('DB_NAME'),
    schema: text('DB_SCHEMA'),
    password: text('DB_PASSWORD'),
  };
  if (database.password) must(database.password.length >= 8, 'DB_PASSWORD must have at least 8 characters');
  const databaseUrl = text('DATABASE_URL');
  if (databaseUrl)
    must(
      agrees(databaseUrl, database),
      'DATABASE_URL must agree with DB_HOST, DB_PORT, DB_USERNAME, DB_PASSWORD, DB_NAME and DB_SCHEMA',
    );

  const secrets = ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET'].map((name) => {
    const secret = text(name);
    if (secret) must(secret.length >= 32, `${name} must have at least 32 characters`);
    return secret;
  });
  if (secrets[0]) must(secrets[0] !== secrets[1], 'JWT_ACCESS_SECRET and JWT_REFRESH_SECRET must differ');

  const password = variables.REDIS_PASSWORD;
  const redis = { host: text('REDIS_HOST'), port: number('REDIS_PORT', 1, 65535), db: number('REDIS_DB', 0, 15, 0) };
  optional('REDIS_URL', (value) => /^rediss?:$/.test(protocolOf(value)), 'a redis URL');

  if (['staging', 'production'].includes(environment)) text('SENTRY_DSN');
  optional('SENTRY_DSN', (value) => protocolOf(value) === 'https:', 'an https URL');
  optional('SENTRY_RELEASE', (value) => /^moneywise@.+/.test(value), 'moneywise@VERSION');
  optional('SENTRY_TRACES_SAMPLE_RATE', (value) => Number(value) >= 0 && Number(value) <= 1, 'a number from 0 to 1');
  optional('CORS_ORIGIN', (value) => /^https?:$/.test(protocolOf(value)), 'a URL');
  optional('METRICS_ENABLED', (value) => ['true', 'false'].includes(value), 'true or false');
  optional('METRICS_FLUSH_INTERVAL', (value) => Number(value) >= 1000, 'at least 1000');

  if (errors.length > 0) return { errors };
  const prefix = variables.API_PREFIX || 'api';
  return { settings: { environment, port, prefix, databaseUrl, redis: password ? { ...redis, password } : redis } };
}

const parse = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined);
const protocolOf = (url: string): string => parse(url)?.protocol ?? '';

function agrees(
  text: string,
  database: Record<'host' | 'user' | 'name' | 'schema' | 'password', string> & { port: number },
): boolean {
  const url = parse(text);
  return (
    url !== undefined &&
    /^postgres(ql)?:$/.test(url.protocol) &&
    url.hostname === database.host &&
    Number(url.port || 5432) === database.port &&
    decodeURIComponent(url.username) === database.user &&
    decodeURIComponent(url.password) === database.password &&
    decodeURIComponent(url.pathname.slice(1)) === database.name &&
    (url.searchParams.get('schema') ?? database.schema) === database.schema
  );
}
