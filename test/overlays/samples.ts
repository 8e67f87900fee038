import { parseOverlay } from '../../overlays/load.ts';
import type { Overlay, OverlayInput } from '../../overlays/overlay.ts';
import type { PinsInput } from '../../overlays/pins.ts';
import { staging } from '../../overlays/staging.ts';

/** A digest for each word, so that images can be told apart. */
export const digestOf = (word: string) => `sha256:${Buffer.from(word).toString('hex').padEnd(64, '0').slice(0, 64)}`;

export const pins = {
  backend: { version: 'v1.2.3', digest: digestOf('backend') },
  web: { version: 'v1.2.3', digest: digestOf('web') },
} satisfies PinsInput;

export const inClusterDatabase = {
  kind: 'in-cluster',
  image: { repository: 'postgres', version: '15.13', digest: digestOf('postgres') },
  storage: { kind: 'persistent', sizeGibibytes: 8, className: 'fast' },
  resources: { cpuMillis: 100, memoryMebibytes: 512 },
  exporter: {
    image: { repository: 'postgres-exporter', version: 'v0.17.1', digest: digestOf('postgres-exporter') },
    resources: { cpuMillis: 10, memoryMebibytes: 64 },
  },
  backup: { target: { kind: 'volume', sizeGibibytes: 16 } },
  secretName: 'moneywise-database',
} satisfies OverlayInput['database'];

/** Dumps in a bucket instead of on a volume. */
export const inBucket = {
  kind: 'object-storage',
  endpoint: 'https://s3.example.net:9000',
  cidrs: ['10.20.49.0/24'],
  region: 'eu-central-1',
  bucket: 'moneywise-backups',
  prefix: 'moneywise/staging',
  provider: 'Other',
  secretName: 'moneywise-backups',
  image: { repository: 'rclone/rclone', version: '1.71.2', digest: digestOf('rclone') },
  scratchGibibytes: 16,
} satisfies NonNullable<Extract<OverlayInput['database'], { kind: 'in-cluster' }>['backup']>['target'];

/** The sample, with its dumps in a bucket. */
export const sampleWithBucket = (): Overlay =>
  sample({ database: { ...inClusterDatabase, backup: { target: inBucket } } });

/** The sample, with load before each switch. */
export const sampleUnderLoad = (): Overlay =>
  sample({
    strategy: {
      ...(staging.strategy as Extract<OverlayInput['strategy'], { kind: 'blue-green' }>),
      performance: { image: { repository: 'promoter', version: 'v0.1.0', digest: digestOf('promoter') } },
    },
  });

export const inClusterCache = {
  kind: 'in-cluster',
  image: { repository: 'redis', version: '7.4.5', digest: digestOf('redis') },
  storage: { kind: 'ephemeral', sizeGibibytes: 1 },
  resources: { cpuMillis: 50, memoryMebibytes: 256 },
  exporter: {
    image: { repository: 'redis-exporter', version: 'v1.74.0', digest: digestOf('redis-exporter') },
    resources: { cpuMillis: 10, memoryMebibytes: 32 },
  },
  secretName: 'moneywise-cache',
} satisfies OverlayInput['cache'];

/** Staging with in-cluster data, and with whatever else a test wants to be different. */
export function sample(change: Partial<OverlayInput> = {}, changedPins: Partial<PinsInput> = {}): Overlay {
  const data = { ...staging, database: inClusterDatabase, cache: inClusterCache, ...change };
  return parseOverlay(data, { ...pins, ...changedPins });
}
