import { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import type { Exporter, Resources, Storage } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import type { Labels } from '../labels.ts';
import { container } from './container.ts';
import { DataStore, withStorage } from './data-store.ts';
import { exporter } from './exporter.ts';

export interface RedisProps {
  readonly labels: Labels;
  /** The official image of Redis 7, or one with `redis-server` and `redis-cli`. */
  readonly image: string;
  readonly resources: Resources;
  readonly storage: Storage;
  /** Tells Prometheus about it. @default - nothing does */
  readonly exporter?: Exporter | undefined;
  /** User and group id of `redis` in the image. */
  readonly uid: number;
  /** @default 6379 */
  readonly port?: number;
  /** The Secret key with the password that clients must give. */
  readonly password: kplus.SecretValue;
}

/** Where its exporter listens. */
export const redisExporterPort = 9121;

const dataPath = '/data';

/** A Redis 7 with the application's settings: every write is logged, and the least recently used keys make room. */
export class Redis extends Construct {
  readonly store: DataStore;

  constructor(scope: Construct, id: string, props: RedisProps) {
    super(scope, id);
    const port = props.port ?? 6379;
    const probe = (command: string[], periodSeconds: number, failureThreshold: number) =>
      kplus.Probe.fromCommand(command, {
        periodSeconds: Duration.seconds(periodSeconds),
        timeoutSeconds: Duration.seconds(5),
        failureThreshold,
      });
    // With -e an error answer, such as LOADING, is a failure. Liveness takes any answer: loading is not being stuck.
    const ready = ['redis-cli', '-e', '-h', '127.0.0.1', '-p', `${port}`, 'ping'];
    const alive = ['redis-cli', '-h', '127.0.0.1', '-p', `${port}`, 'ping'];
    const password = kplus.EnvValue.fromSecretValue(props.password);
    this.store = new DataStore(this, 'Store', {
      labels: props.labels,
      uid: props.uid,
      storage: props.storage,
      ...(props.exporter
        ? {
            sidecars: [
              exporter(props.exporter, redisExporterPort, {
                REDIS_ADDR: kplus.EnvValue.fromValue(`redis://127.0.0.1:${port}`),
                REDIS_PASSWORD: password,
              }),
            ],
          }
        : {}),
      dataPath,
      terminationGracePeriod: Duration.seconds(60),
      container: container({
        name: 'redis',
        image: props.image,
        resources: withStorage(props.resources, props.storage),
        ports: [{ name: 'redis', number: port }],
        envVariables: { REDIS_PASSWORD: password, REDISCLI_AUTH: password },
        // The kubelet puts the password in; the manifest never has it, and redis-server overwrites its command line.
        args: [
          ...['redis-server', '--port', `${port}`, '--dir', dataPath, '--requirepass', '$(REDIS_PASSWORD)'],
          ...['--appendonly', 'yes', '--save', ''],
          // The rest of the limit is for buffers, and for the copy of pages while the log is rewritten.
          ...['--maxmemory', `${Math.floor(props.resources.memoryMebibytes * 0.7)}mb`],
          ...['--maxmemory-policy', 'allkeys-lru'],
        ],
        startup: probe(ready, 5, 60),
        readiness: probe(ready, 10, 3),
        liveness: probe(alive, 20, 5),
        volumeMounts: [{ path: '/tmp', volume: kplus.Volume.fromEmptyDir(this, 'tmp', 'tmp') }],
      }),
    });
  }
}
