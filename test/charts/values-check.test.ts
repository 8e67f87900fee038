import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { valuesCheckScript } from '../../charts/values-check.ts';
import { VALUES_WRONG } from '../../promotion/plan/plan.ts';
import { sample } from '../overlays/samples.ts';
import { objectsOf, ofKind } from './objects.ts';

const GOOD: Readonly<Record<string, string>> = {
  NODE_ENV: 'production',
  DB_HOST: 'postgres',
  DB_PORT: '5432',
  DB_USERNAME: 'money',
  DB_PASSWORD: 'p@ss wörd',
  DB_NAME: 'wise',
  DB_SCHEMA: 'public',
  DATABASE_URL: 'postgresql://money:p%40ss%20w%C3%B6rd@postgres:5432/wise?schema=public',
  JWT_ACCESS_SECRET: 'a'.repeat(32),
  JWT_REFRESH_SECRET: 'r'.repeat(32),
  REDIS_HOST: 'redis',
  REDIS_PORT: '6379',
  REDIS_PASSWORD: 'hidden',
  REDIS_URL: 'rediss://:hidden@redis:6379',
  SENTRY_DSN: 'https://key@sentry.example/1',
};

/** What the check says of an environment, in a process of its own as in a pod. */
function check(environment: Readonly<Record<string, string>>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', valuesCheckScript], {
    encoding: 'utf8',
    env: environment,
  });
  return { status, said: stdout.split('\n').filter(Boolean), stderr };
}

describe('the check of the values of Secrets', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['as the backend wants them', GOOD],
    [
      'with the default port left out of the URL',
      { ...GOOD, DATABASE_URL: GOOD.DATABASE_URL?.replace(':5432', '') ?? '' },
    ],
    ['with no schema in the URL', { ...GOOD, DATABASE_URL: GOOD.DATABASE_URL?.replace(/\?.*/, '') ?? '' }],
    [
      'with the shorter name of the protocol',
      { ...GOOD, DATABASE_URL: GOOD.DATABASE_URL?.replace('postgresql', 'postgres') ?? '' },
    ],
    ['with the default port of Redis left out of the URL', { ...GOOD, REDIS_URL: 'redis://:hidden@redis' }],
    ['without what is optional', { ...GOOD, REDIS_URL: '' }],
    ['in development, without Sentry', { ...GOOD, NODE_ENV: 'development', SENTRY_DSN: '' }],
    [
      'with the shortest password',
      { ...GOOD, DB_PASSWORD: '12345678', DATABASE_URL: 'postgres://money:12345678@postgres/wise' },
    ],
  ])('finds nothing %s', (_, environment) => {
    expect(check(environment)).toEqual({ status: 0, said: [], stderr: '' });
  });

  const url = (from: string, to: string) => ({ DATABASE_URL: GOOD.DATABASE_URL?.replace(from, to) ?? '' });

  it.each<[string, Readonly<Record<string, string>>]>([
    [
      'DB_PASSWORD must have at least 8 characters',
      { DB_PASSWORD: '1234567', DATABASE_URL: 'postgres://money:1234567@postgres/wise' },
    ],
    ['DATABASE_URL must be a postgresql URL', { DATABASE_URL: '' }],
    ['DATABASE_URL must be a postgresql URL', { DATABASE_URL: 'postgres hidden' }],
    ['DATABASE_URL must be a postgresql URL', url('postgresql:', 'mysql:')],
    ['DATABASE_URL must name the host of DB_HOST', url('@postgres', '@elsewhere')],
    ['DATABASE_URL must name the port of DB_PORT', url('5432', '5433')],
    ['DATABASE_URL must name the user of DB_USERNAME', url('money', 'monex')],
    ['DATABASE_URL must have the password of DB_PASSWORD', url('%20', '%21')],
    ['DATABASE_URL must have the password of DB_PASSWORD', url('%20', '%')],
    ['DATABASE_URL must name the database of DB_NAME', url('/wise', '/wide')],
    ['DATABASE_URL must name the schema of DB_SCHEMA', url('=public', '=other')],
    ['DATABASE_URL must name the schema of DB_SCHEMA', { ...url('?schema=public', ''), DB_SCHEMA: 'other' }],
    ['JWT_ACCESS_SECRET must have at least 32 characters', { JWT_ACCESS_SECRET: 'a'.repeat(31) }],
    ['JWT_REFRESH_SECRET must have at least 32 characters', { JWT_REFRESH_SECRET: 'r'.repeat(31) }],
    ['JWT_ACCESS_SECRET and JWT_REFRESH_SECRET must differ', { JWT_REFRESH_SECRET: 'a'.repeat(32) }],
    ['REDIS_URL must be a redis URL, or empty', { REDIS_URL: 'http://:hidden@redis:6379' }],
    ['REDIS_URL must name the host of REDIS_HOST', { REDIS_URL: 'redis://:hidden@redis-2:6379' }],
    ['REDIS_URL must name the port of REDIS_PORT', { REDIS_URL: 'redis://:hidden@redis:6380' }],
    ['REDIS_URL must have the password of REDIS_PASSWORD', { REDIS_URL: 'redis://:hiden@redis:6379' }],
    ['SENTRY_DSN is required here', { SENTRY_DSN: '' }],
    ['SENTRY_DSN is required here', { NODE_ENV: 'staging', SENTRY_DSN: '' }],
    ['SENTRY_DSN must be an https URL, or empty', { SENTRY_DSN: 'http://key@sentry.example/1' }],
  ])('says "%s" alone, and no value, where %j', (rule, change) => {
    const { status, said, stderr } = check({ ...GOOD, ...change });
    expect([status, said, stderr]).toEqual([VALUES_WRONG, [rule], '']);
  });

  it('says everything at once where nothing is set', () => {
    const { status, said } = check({ NODE_ENV: 'production' });
    expect(status).toBe(VALUES_WRONG);
    expect(said).toEqual(
      expect.arrayContaining([
        'DB_PASSWORD must have at least 8 characters',
        'DATABASE_URL must be a postgresql URL',
        'JWT_ACCESS_SECRET must have at least 32 characters',
        'SENTRY_DSN is required here',
      ]),
    );
  });

  it('runs before the migration, in the environment of the backend itself, and fails the Job at once', () => {
    const objects = objectsOf(sample());
    const [job] = ofKind(objects, 'Job');
    const [container] =
      ofKind(objects, 'Rollout').find(({ metadata }) => metadata.name === 'backend')?.spec.template.spec.containers ??
      [];
    const [values] = job.spec.template.spec.initContainers;
    const env = container.env.filter(({ name }: { name: string }) => name !== 'MAX_CONNECTION_AGE_SECONDS');
    expect([values.env, values.envFrom, values.image]).toEqual([env, container.envFrom, container.image]);
    expect(values.terminationMessagePolicy).toBe('FallbackToLogsOnError');
    expect(job.spec.podFailurePolicy.rules).toEqual([
      { action: 'FailJob', onExitCodes: { containerName: values.name, operator: 'In', values: [VALUES_WRONG] } },
    ]);
  });
});
