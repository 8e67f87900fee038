import { Duration, Size } from 'cdk8s';
import { Construct } from 'constructs';
import type { Exporter, Resources, Storage } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { container } from './container.ts';
import { DataStore, withStorage } from './data-store.ts';
import { exporter } from './exporter.ts';
import { HashedConfigMap } from './hashed-config-map.ts';

export interface PostgresProps {
  readonly labels: Labels;
  /** The official image of PostgreSQL 15, or one that honours its variables and paths. */
  readonly image: string;
  readonly resources: Resources;
  readonly storage: Storage;
  /** Tells Prometheus about it, with the login `exporter` and this password of it. @default - nothing does */
  readonly exporter?: (Exporter & { readonly password: kplus.SecretValue }) | undefined;
  /** User and group id of `postgres` in the image. */
  readonly uid: number;
  /** @default 5432 */
  readonly port?: number;
  /** Database that is made at the first start. */
  readonly database: string;
  /** Superuser that is made at the first start. */
  readonly username: string;
  /** The Secret key with that user's password, of the same Secret as the exporter's. */
  readonly password: kplus.SecretValue;
}

/** Where its exporter listens. */
export const postgresExporterPort = 9187;

const dataPath = '/var/lib/postgresql/data';
const secretPath = '/run/secrets/postgres';

/**
 * Run once, by the image's entry point, when the database is made. The password is read by psql itself: on a command line
 * others could see it.
 */
const exporterLogin = `
\\set password \`cat ${secretPath}/exporter-password\`
CREATE ROLE exporter LOGIN PASSWORD :'password' CONNECTION LIMIT 5;
GRANT pg_monitor TO exporter;
`.trimStart();

/** A PostgreSQL 15 primary without replicas. */
export class Postgres extends Construct {
  readonly store: DataStore;

  constructor(scope: Construct, id: string, props: PostgresProps) {
    super(scope, id);
    const port = props.port ?? 5432;
    const ready = ['pg_isready', '-h', '127.0.0.1', '-p', `${port}`, '-U', props.username, '-d', props.database];
    // Any answer will do, a refusal while it starts or recovers included: what answers is not to be killed.
    const alive = ['sh', '-c', `${ready.join(' ')}; test $? -le 1`];
    const probe = (command: string[], periodSeconds: number, failureThreshold: number) =>
      kplus.Probe.fromCommand(command, {
        periodSeconds: Duration.seconds(periodSeconds),
        timeoutSeconds: Duration.seconds(5),
        failureThreshold,
      });
    const env = {
      // A folder below the mount: the mount itself belongs to the volume and may hold lost+found.
      PGDATA: `${dataPath}/pgdata`,
      PGPORT: `${port}`,
      POSTGRES_DB: props.database,
      POSTGRES_USER: props.username,
      POSTGRES_PASSWORD_FILE: `${secretPath}/password`,
      POSTGRES_INITDB_ARGS: '--data-checksums --auth-host=scram-sha-256',
    };
    const password = kplus.Volume.fromSecret(this, 'Password', props.password.secret, {
      name: 'password',
      defaultMode: 0o440,
      items: {
        [props.password.key]: { path: 'password' },
        ...(props.exporter ? { [props.exporter.password.key]: { path: 'exporter-password' } } : {}),
      },
    });
    const atFirstStart = props.exporter && this.#atFirstStart(`${props.labels['app.kubernetes.io/name']}-logins`);
    const writable = (name: string, options: kplus.EmptyDirVolumeOptions = {}) =>
      kplus.Volume.fromEmptyDir(this, name, name, options);
    this.store = new DataStore(this, 'Store', {
      labels: props.labels,
      uid: props.uid,
      storage: props.storage,
      ...(props.exporter
        ? {
            sidecars: [
              exporter(props.exporter, postgresExporterPort, {
                DATA_SOURCE_URI: kplus.EnvValue.fromValue(`127.0.0.1:${port}/${props.database}?sslmode=disable`),
                DATA_SOURCE_USER: kplus.EnvValue.fromValue('exporter'),
                DATA_SOURCE_PASS: kplus.EnvValue.fromSecretValue(props.exporter.password),
              }),
            ],
          }
        : {}),
      dataPath,
      // SIGINT, the image's stop signal, is PostgreSQL's fast shutdown; the final checkpoint may still take a while.
      terminationGracePeriod: Duration.seconds(120),
      container: container({
        name: 'postgres',
        image: props.image,
        resources: withStorage(props.resources, props.storage),
        ports: [{ name: 'postgresql', number: port }],
        envVariables: Object.fromEntries(
          Object.entries(env).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)]),
        ),
        // Half an hour: replaying the write-ahead log after a crash must not be cut short, or it starts again.
        startup: probe(ready, 5, 360),
        readiness: probe(ready, 10, 3),
        liveness: probe(alive, 30, 6),
        volumeMounts: [
          { path: secretPath, volume: password, readOnly: true },
          ...(atFirstStart ? [{ path: '/docker-entrypoint-initdb.d', volume: atFirstStart, readOnly: true }] : []),
          { path: '/run/postgresql', volume: writable('run') },
          { path: '/tmp', volume: writable('tmp') },
          // Parallel queries share memory there; the runtime's default is 64 MiB. It counts as the container's memory.
          {
            path: '/dev/shm',
            volume: writable('shm', {
              medium: kplus.EmptyDirMedium.MEMORY,
              sizeLimit: Size.mebibytes(Math.min(1024, Math.floor(props.resources.memoryMebibytes / 4))),
            }),
          },
        ],
      }),
    });
  }

  #atFirstStart(name: string): kplus.Volume {
    const logins = new HashedConfigMap(this, 'Logins', { name, data: { 'exporter.sql': exporterLogin } });
    const found = kplus.ConfigMap.fromConfigMapName(this, 'LoginsByName', logins.name);
    return kplus.Volume.fromConfigMap(this, 'AtFirstStart', found, { name: 'at-first-start' });
  }
}
