import { createHash } from 'node:crypto';
import type { Construct } from 'constructs';
import { HASHED_CONFIG } from '../../promotion/plan/plan.ts';
import * as kplus from '../kplus.ts';

export interface HashedConfigMapProps {
  /** The name before the hash. */
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * An immutable ConfigMap with the hash of its content in its name. Changed content is a new object, which a new
 * revision refers to while the old revision keeps its own: pods that come back find the configuration they had. By its label
 * the promoter finds those that nothing needs any more, and deletes them.
 */
export class HashedConfigMap extends kplus.ConfigMap {
  constructor(scope: Construct, id: string, { name, data }: HashedConfigMapProps) {
    // Argo CD must not prune what the old revision may need: a container of it that restarts reads its ConfigMap again.
    // Pruning last would not do, since a sync ends when the release is live and the old revision stays for the way back.
    const annotations = {
      'argocd.argoproj.io/sync-options': 'Prune=false',
      // Or the Application would be OutOfSync for as long as an old one is there, and sync again and again.
      'argocd.argoproj.io/compare-options': 'IgnoreExtraneous',
    };
    super(scope, id, { metadata: { name: `${name}-${contentHash(data)}`, annotations }, data, immutable: true });
    this.metadata.addLabel(HASHED_CONFIG, name);
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
