import type { Rollout, RolloutStatus } from '../cluster/objects.ts';
import { type ApiServer, same } from './api-server.ts';

/**
 * Writes a status as the controller does: a merge patch of what differs from its cached copy, so what others wrote in the
 * meantime stays. Undefined when nothing differs.
 */
export function patchStatus(api: ApiServer, cached: Rollout, status: RolloutStatus): Rollout | undefined {
  if (same(cached.status ?? {}, status)) return undefined;
  return api.update<Rollout>('rollouts', cached.metadata.name, (live) => ({
    ...live,
    status: merged(live.status ?? {}, cached.status ?? {}, status) as RolloutStatus,
  }));
}

function merged(live: object, before: object, after: object): object {
  const at = (object: object, key: string) => (object as Record<string, unknown>)[key];
  const isObject = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const result: Record<string, unknown> = { ...live };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, next, now] = [at(before, key), at(after, key), at(live, key)];
    if (same(old, next)) continue;
    if (next === undefined) delete result[key];
    else result[key] = isObject(next) ? merged(isObject(now) ? now : {}, isObject(old) ? old : {}, next) : next;
  }
  return result;
}
