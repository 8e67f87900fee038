import type { Rollout } from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';
import { patchStatus } from './status-patch.ts';

/** What came of a pass over a Rollout. */
export interface PassResult {
  /** When the controller wants to look again, in milliseconds since 1970. */
  readonly wakeAt?: number;
  /** The Rollout as the pass's last write of it was answered; absent when it wrote none. */
  readonly written?: Rollout;
}

export function resultOf(wakeAt: number | undefined, written: Rollout | undefined): PassResult {
  return { ...(wakeAt === undefined ? {} : { wakeAt }), ...(written ? { written } : {}) };
}

/** After this time a Rollout that is invalid is looked at again, in milliseconds. */
const INVALID_RETRY = 20_000;

/** What a pass leaves behind that refuses the Rollout's spec. */
export function invalid(api: ApiServer, rollout: Rollout, wrong: string, now: number): PassResult {
  const message = `The Rollout "${rollout.metadata.name}" is invalid: ${wrong}`;
  const others = (rollout.status?.conditions ?? []).filter(({ type }) => type !== 'InvalidSpec');
  const written = patchStatus(api, rollout, {
    ...rollout.status,
    observedGeneration: String(rollout.metadata.generation),
    phase: 'Degraded',
    message: `InvalidSpec: ${message}`,
    conditions: [...others, { type: 'InvalidSpec', status: 'True', reason: 'InvalidSpec', message }],
  });
  return resultOf(now + INVALID_RETRY, written);
}
