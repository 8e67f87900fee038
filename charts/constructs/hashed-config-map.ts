import { createHash } from 'node:crypto';
import type { Construct } from 'constructs';
import * as kplus from '../kplus.ts';

export interface HashedConfigMapProps {
  /** The name before the hash. */
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * An immutable ConfigMap with the hash of its content in its name. Changed content is a new object, which a new
 * revision refers to while the old revision keeps its own: pods that come back find the configuration they had.
 */
export class HashedConfigMap extends kplus.ConfigMap {
  constructor(scope: Construct, id: string, { name, data }: HashedConfigMapProps) {
    super(scope, id, { metadata: { name: `${name}-${contentHash(data)}` }, data, immutable: true });
  }
}

/** Ten hex digits that stay the same whatever the order of keys. */
export function contentHash(content: unknown): string {
  const sorted = JSON.stringify(content, (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(sorted).digest('hex').slice(0, 10);
}
