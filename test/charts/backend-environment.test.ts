import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf } from './objects.ts';

/** Where a container of the backend image gets each variable from. */
function environment(objects: KubeObject[], template: KubeObject): Record<string, string> {
  const [container] = template.spec.containers;
  const config = Object.assign(
    {},
    ...container.envFrom.map((from: KubeObject) => find(objects, 'ConfigMap', from.configMapRef.name).data),
  );
  const secrets = container.env.map(({ name, value, valueFrom }: KubeObject) => {
    const { secretKeyRef } = valueFrom ?? {};
    return [name, value ?? `${secretKeyRef.optional ? 'maybe ' : ''}${secretKeyRef.name}/${secretKeyRef.key}`];
  });
  return { ...config, ...Object.fromEntries(secrets) };
}

const production = loadOverlay('production');
const objects = objectsOf({ ...production, pins: sample().pins });
const backend = find(objects, 'Rollout', 'backend').spec.template;
const { MAX_CONNECTION_AGE_SECONDS, ...environmentOfBackend } = environment(objects, backend);

describe('the environment of the backend', () => {
  it('has every variable of the contract, credentials from Secrets and the rest from the ConfigMap', () => {
    expect(environmentOfBackend).toEqual({
      NODE_ENV: 'production',
      PORT: '3001',
      API_PREFIX: 'api',
      LOG_LEVEL: 'log',
      CORS_ORIGIN: 'https://moneywise.app',
      DB_HOST: 'postgres.production.moneywise.internal',
      DB_PORT: '5432',
      DB_USERNAME: 'moneywise',
      DB_NAME: 'moneywise',
      DB_SCHEMA: 'public',
      DB_PASSWORD: 'moneywise-database/DB_PASSWORD',
      DATABASE_URL: 'moneywise-database/DATABASE_URL',
      REDIS_HOST: 'redis.production.moneywise.internal',
      REDIS_PORT: '6379',
      REDIS_DB: '0',
      REDIS_PASSWORD: 'moneywise-cache/REDIS_PASSWORD',
      REDIS_URL: 'moneywise-cache/REDIS_URL',
      JWT_ACCESS_SECRET: 'moneywise-backend/JWT_ACCESS_SECRET',
      JWT_REFRESH_SECRET: 'moneywise-backend/JWT_REFRESH_SECRET',
      SENTRY_DSN: 'moneywise-backend/SENTRY_DSN',
      SENTRY_ENVIRONMENT: 'production',
      SENTRY_RELEASE: 'moneywise@1.2.3',
      SENTRY_TRACES_SAMPLE_RATE: '0.1',
      METRICS_ENABLED: 'true',
      METRICS_FLUSH_INTERVAL: '60000',
    });
  });

  it('is the same for the migration, but for what has to do with connections', () => {
    expect(MAX_CONNECTION_AGE_SECONDS).toBe('5');
    const [job] = objects.filter(({ kind }) => kind === 'Job');
    expect(environment(objects, job.spec.template)).toEqual({ ...environmentOfBackend, HOME: '/tmp' });
  });

  it('points at the data stores in the cluster where there are any', () => {
    const inCluster = objectsOf(sample());
    const rollout = find(inCluster, 'Rollout', 'backend').spec.template;
    expect(environment(inCluster, rollout)).toMatchObject({ DB_HOST: 'postgres', REDIS_HOST: 'redis' });
    expect(() => find(inCluster, 'Service', 'postgres')).not.toThrow();
    expect(() => find(inCluster, 'Service', 'redis')).not.toThrow();
  });

  it('does without Sentry where the overlay allows it', () => {
    const development = objectsOf(loadOverlay('development'));
    const { template } = find(development, 'Deployment', 'backend').spec;
    expect(environment(development, template).SENTRY_DSN).toBe('maybe moneywise-backend/SENTRY_DSN');
  });

  it('takes the optional groups of settings that an overlay adds', () => {
    const { backend } = sample();
    const added = objectsOf(sample({ backend: { ...backend, extraEnv: { CLOUDWATCH_REGION: 'eu-central-1' } } }));
    const rollout = find(added, 'Rollout', 'backend').spec.template;
    expect(environment(added, rollout).CLOUDWATCH_REGION).toBe('eu-central-1');
  });
});

describe('the ConfigMap of the backend', () => {
  const nameIn = (rendered: KubeObject[]) =>
    find(rendered, 'Rollout', 'backend').spec.template.spec.containers[0].envFrom[0].configMapRef.name;

  it('has its content in its name, so that changed settings are a new revision', () => {
    const { sentry } = sample();
    const changed = objectsOf(sample({ sentry: { ...sentry, tracesSampleRate: 0.25 } }));
    expect(nameIn(changed)).not.toBe(nameIn(objectsOf(sample())));
    expect(nameIn(objectsOf(sample()))).toMatch(/^backend-config-[0-9a-f]{10}$/);
  });

  it('keeps its name when something else changes', () => {
    const { backend } = sample();
    expect(nameIn(objectsOf(sample({ backend: { ...backend, replicas: 3 } })))).toBe(nameIn(objectsOf(sample())));
  });
});

describe('the probes of the backend', () => {
  it('ask different routes: whether it lives, and whether its data stores answer', () => {
    const [container] = backend.spec.containers;
    expect(container.startupProbe.httpGet.path).toBe('/api/health/live');
    expect(container.livenessProbe.httpGet.path).toBe('/api/health/live');
    expect(container.readinessProbe.httpGet.path).toBe('/api/health/ready');
  });
});
