import { createHash } from 'node:crypto';
import type { PodTemplate, Rollout } from '../cluster/objects.ts';

const hashes = new WeakMap<PodTemplate, string>();

/** Stands for the controller's hash of a pod template: equal templates, equal hashes. */
export function templateHash({ spec: { template = {} } }: Rollout): string {
  const known = hashes.get(template);
  if (known) return known;
  const hash = createHash('sha256')
    .update(JSON.stringify(sorted(template)))
    .digest('hex')
    .slice(0, 10);
  hashes.set(template, hash);
  return hash;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
