const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

interface Container {
  image: string;
  command?: string[];
  args?: string[];
  env?: Record<string, string>;
  readinessProbe?: object;
  /** Where the container may write: the path → the volume's name. */
  mounts?: Record<string, string>;
}

/**
 * The specification of a pod that Pod Security calls restricted, and that cannot write but where it says so.
 * What `sources` does not name is an empty folder; a claim's template names the volume itself, and is null there.
 */
export function podSpec(
  uid: number,
  { env = {}, mounts = {}, ...container }: Container,
  sources: Record<string, object | null> = {},
) {
  return {
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: uid, runAsGroup: uid, fsGroup: uid },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'main',
        imagePullPolicy: 'IfNotPresent',
        ...container,
        securityContext: restricted,
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
        volumeMounts: Object.entries(mounts).map(([mountPath, name]) => ({ name, mountPath })),
      },
    ],
    volumes: [...new Set(Object.values(mounts))]
      .filter((name) => sources[name] !== null)
      .map((name) => ({ name, ...(sources[name] ?? { emptyDir: {} }) })),
  };
}

export const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec,
});

export const service = (name: string, app: string, port: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app }, ports: [{ port }] },
});

const every = { periodSeconds: 1, timeoutSeconds: 3 };

export const postgresFiles = [
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'postgres' }, stringData: { password: 'only-for-tests' } },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'postgres-scripts' },
    data: {
      '1-schema.sql': 'CREATE TABLE prepared (by text)',
      '2-fill.sh': `psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "INSERT INTO prepared VALUES ('a script')"`,
    },
  },
];

export const postgres = (image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'postgres' },
  spec: {
    serviceName: 'postgres',
    selector: { matchLabels: { app: 'postgres' } },
    template: {
      metadata: { labels: { app: 'postgres' } },
      spec: podSpec(
        999,
        {
          image,
          args: ['-c', 'max_connections=50'],
          env: {
            POSTGRES_USER: 'moneywise',
            POSTGRES_PASSWORD_FILE: '/etc/postgres/password',
            POSTGRES_DB: 'app',
            POSTGRES_INITDB_ARGS: '--data-checksums',
            PGDATA: '/var/lib/postgresql/data/pgdata',
          },
          readinessProbe: { exec: { command: ['pg_isready', '-U', 'moneywise', '-h', '127.0.0.1'] }, ...every },
          mounts: {
            '/var/lib/postgresql/data': 'data',
            '/var/run/postgresql': 'run',
            '/tmp': 'tmp',
            '/etc/postgres': 'secret',
            '/docker-entrypoint-initdb.d': 'scripts',
          },
        },
        {
          data: null,
          secret: { secret: { secretName: 'postgres' } },
          scripts: { configMap: { name: 'postgres-scripts' } },
        },
      ),
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
    ],
  },
});

export const redis = (image: string) =>
  podSpec(999, {
    image,
    args: ['--appendonly', 'yes'],
    readinessProbe: { exec: { command: ['redis-cli', 'ping'] }, ...every },
    mounts: { '/data': 'data' },
  });

export const backendEnvironment = {
  NODE_ENV: 'staging',
  PORT: '3001',
  DB_HOST: 'postgres',
  DB_PORT: '5432',
  DB_USERNAME: 'moneywise',
  DB_PASSWORD: 'only-for-tests',
  DB_NAME: 'app',
  DB_SCHEMA: 'public',
  DATABASE_URL: 'postgresql://moneywise:only-for-tests@postgres:5432/app?schema=public',
  JWT_ACCESS_SECRET: 'a'.repeat(32),
  JWT_REFRESH_SECRET: 'b'.repeat(32),
  REDIS_HOST: 'redis',
  REDIS_PORT: '6379',
  SENTRY_DSN: 'https://key@sentry.invalid/1',
};

export const backend = (image: string, env: Record<string, string> = backendEnvironment) =>
  podSpec(1000, {
    image,
    env,
    readinessProbe: { httpGet: { path: '/api/health/ready', port: 3001 }, ...every },
    mounts: { '/tmp': 'tmp' },
  });

export const web = (image: string) =>
  podSpec(1000, { image, readinessProbe: { httpGet: { path: '/', port: 3000 }, ...every }, mounts: { '/tmp': 'tmp' } });
