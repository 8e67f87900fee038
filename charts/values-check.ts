import type { Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { VALUES_CHECK, VALUES_WRONG } from '../promotion/plan/plan.ts';
import type { Environment } from './config.ts';
import type { ContainerSettings } from './constructs/container.ts';

/**
 * Looks at the values of the variables that carry credentials, by the rules by which the backend exits when it starts, and
 * says a line for each that is broken: the variable and the rule, never a value or a part of one.
 *
 * Given to `node -e`, with the backend's own environment. Prisma takes a URL without a schema to mean `public`.
 */
export const valuesCheckScript = `
const { env } = process;
const of = (name) => env[name] ?? '';
const url = (text) => { try { return new URL(text); } catch { return undefined; } };
const text = (part) => { try { return decodeURIComponent(part); } catch { return undefined; } };
const database = url(of('DATABASE_URL'));
const cache = url(of('REDIS_URL'));
const needsSentry = ['staging', 'production'].includes(of('NODE_ENV'));
const rules = [
  ['DB_PASSWORD must have at least 8 characters', of('DB_PASSWORD').length >= 8],
  ['DATABASE_URL must be a postgresql URL', ['postgres:', 'postgresql:'].includes(database?.protocol)],
  ...(database ? [
    ['DATABASE_URL must name the host of DB_HOST', database.hostname === of('DB_HOST')],
    ['DATABASE_URL must name the port of DB_PORT', (database.port || '5432') === of('DB_PORT')],
    ['DATABASE_URL must name the user of DB_USERNAME', text(database.username) === of('DB_USERNAME')],
    ['DATABASE_URL must have the password of DB_PASSWORD', text(database.password) === of('DB_PASSWORD')],
    ['DATABASE_URL must name the database of DB_NAME', text(database.pathname.slice(1)) === of('DB_NAME')],
    ['DATABASE_URL must name the schema of DB_SCHEMA', (database.searchParams.get('schema') ?? 'public') === of('DB_SCHEMA')],
  ] : []),
  ['JWT_ACCESS_SECRET must have at least 32 characters', of('JWT_ACCESS_SECRET').length >= 32],
  ['JWT_REFRESH_SECRET must have at least 32 characters', of('JWT_REFRESH_SECRET').length >= 32],
  ['JWT_ACCESS_SECRET and JWT_REFRESH_SECRET must differ', of('JWT_ACCESS_SECRET') !== of('JWT_REFRESH_SECRET')],
  ['REDIS_URL must be a redis URL, or empty', !of('REDIS_URL') || ['redis:', 'rediss:'].includes(cache?.protocol)],
  ...(cache ? [
    ['REDIS_URL must name the host of REDIS_HOST', cache.hostname === of('REDIS_HOST')],
    ['REDIS_URL must name the port of REDIS_PORT', (cache.port || '6379') === of('REDIS_PORT')],
    ['REDIS_URL must have the password of REDIS_PASSWORD', text(cache.password) === of('REDIS_PASSWORD')],
  ] : []),
  ['SENTRY_DSN is required here', !needsSentry || of('SENTRY_DSN') !== ''],
  ['SENTRY_DSN must be an https URL, or empty', !of('SENTRY_DSN') || url(of('SENTRY_DSN'))?.protocol === 'https:'],
];
const broken = rules.filter(([, holds]) => !holds);
for (const [rule] of broken) console.log(rule);
if (broken.length > 0) process.exitCode = ${VALUES_WRONG};
`.trim();

/** Checks the values that the backend would exit on, before anything else is done with them. */
export function valuesCheck(overlay: Overlay, environment: Environment): ContainerSettings {
  return {
    name: VALUES_CHECK,
    image: imageReference(overlay.images.backend, overlay.pins.backend),
    command: ['node', '-e', valuesCheckScript],
    resources: { cpuMillis: 50, memoryMebibytes: 128, scratchGibibytes: 1 },
    envFrom: environment.envFrom,
    envVariables: environment.envVariables,
  };
}
