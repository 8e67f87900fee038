import type { Overlay } from '../overlays/overlay.ts';
import { bareVersion } from '../overlays/pins.ts';
import { objectStorageOf } from './constructs/object-storage.ts';
import { backendPort, cacheName, databaseName } from './names.ts';

/** Where the value of a secret variable is found. */
export interface SecretSource {
  readonly secretName: string;
  readonly key: string;
  /** Whether the pod starts without it. @default false */
  readonly optional?: boolean;
}

/** The backend's plain settings, for its ConfigMap. The backend checks them when it starts and exits when one is wrong. */
export function backendConfig(overlay: Overlay): Record<string, string> {
  const { backend, cache, database, environment, hosts, ingress, pins, sentry } = overlay;
  return {
    NODE_ENV: environment,
    PORT: String(backendPort.number),
    API_PREFIX: 'api',
    LOG_LEVEL: backend.logLevel,
    CORS_ORIGIN: `${ingress.scheme}://${hosts.web}`,
    DB_HOST: database.kind === 'external' ? database.host : databaseName,
    DB_PORT: String(database.port),
    DB_USERNAME: database.username,
    DB_NAME: database.name,
    DB_SCHEMA: database.schema,
    REDIS_HOST: cache.kind === 'external' ? cache.host : cacheName,
    REDIS_PORT: String(cache.port),
    REDIS_DB: String(cache.index),
    SENTRY_ENVIRONMENT: environment,
    SENTRY_RELEASE: `moneywise@${bareVersion(pins.backend)}`,
    SENTRY_TRACES_SAMPLE_RATE: String(sentry.tracesSampleRate),
    METRICS_ENABLED: String(backend.metrics.enabled),
    METRICS_FLUSH_INTERVAL: String(backend.metrics.flushIntervalMillis),
    ...backend.extraEnv,
  };
}

/** The backend's variables that carry credentials, each from a Secret that you made. */
export function backendSecrets({ cache, credentials, database, sentry }: Overlay): Record<string, SecretSource> {
  const { secretName } = credentials;
  return {
    DB_PASSWORD: { secretName: database.secretName, key: database.passwordKey },
    DATABASE_URL: { secretName: database.secretName, key: database.urlKey },
    REDIS_PASSWORD: { secretName: cache.secretName, key: cache.passwordKey },
    REDIS_URL: { secretName: cache.secretName, key: cache.urlKey },
    JWT_ACCESS_SECRET: { secretName, key: credentials.jwtAccessKey },
    JWT_REFRESH_SECRET: { secretName, key: credentials.jwtRefreshKey },
    SENTRY_DSN: { secretName, key: credentials.sentryDsnKey, optional: !sentry.required },
  };
}

/** Every Secret that the overlay names for the application and its data stores, with its keys. */
export function secretKeys(overlay: Overlay): Map<string, string[]> {
  const { database } = overlay;
  const exporter =
    database.kind === 'in-cluster' && database.exporter
      ? [{ secretName: database.secretName, key: database.exporter.passwordKey }]
      : [];
  const target = objectStorageOf(overlay);
  const storage = target
    ? [target.accessKeyIdKey, target.secretAccessKeyKey].map((key) => ({ secretName: target.secretName, key }))
    : [];
  const found = new Map<string, string[]>();
  for (const { secretName, key } of [...Object.values(backendSecrets(overlay)), ...exporter, ...storage]) {
    found.set(secretName, [...(found.get(secretName) ?? []), key]);
  }
  return found;
}

/** What the backend's health route reports as its version; undefined where that is not known. */
export function backendVersion({ health, pins }: Overlay): string | undefined {
  switch (health.reportedVersion) {
    case 'bare':
      return bareVersion(pins.backend);
    case 'tag':
      return pins.backend.version;
    case 'none':
      return undefined;
  }
}
