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
  backup: { volume: { sizeGibibytes: 16 } },
  secretName: 'moneywise-database',
} satisfies OverlayInput['database'];

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
