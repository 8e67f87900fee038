import { z } from 'zod';
import type { HorizontalPodAutoscaler } from '../cluster/objects.ts';
import { jsonIn } from '../gates/json.ts';
import type { Action, Situation } from './decide.ts';
import type { MemberView } from './member.ts';
import type { Observation } from './observation.ts';
import { handOverOf } from './ownership.ts';

/**
 * On a HorizontalPodAutoscaler: the bounds that it had, as JSON, while this tool keeps it still. A change of the number of
 * pods in the middle of a switch makes the controller lose a promote, or leave an aborted member where it is.
 */
export const PINNED = 'moneywise.app/pinned';

/** The bounds before, and the number of pods that both were set to. */
export interface Pin {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly replicas: number;
}

const count = z.int().min(1);
const pinSchema = z
  .object({ minReplicas: count, maxReplicas: count, replicas: count })
  .refine(({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas);

/** How an autoscaler is pinned; undefined where it is not, or what is written there is not ours. */
export function pinOf({ metadata }: HorizontalPodAutoscaler): Pin | undefined {
  return pinSchema.safeParse(jsonIn(metadata.annotations?.[PINNED] ?? '')).data;
}

/** Whether its bounds are still those that it was pinned to: nobody else has changed them since. */
export function isStill({ spec }: HorizontalPodAutoscaler, { replicas }: Pin): boolean {
  return spec.minReplicas === replicas && spec.maxReplicas === replicas;
}

/** The autoscalers of a member. */
export function autoscalersOf(member: string, o: Pick<Observation, 'autoscalers'>): HorizontalPodAutoscaler[] {
  return [...o.autoscalers.values()].filter(
    ({ spec: { scaleTargetRef } }) => scaleTargetRef?.kind === 'Rollout' && scaleTargetRef.name === member,
  );
}

type PinOrHandOver = Extract<Action, { act: 'pin' | 'hand-over' }>;

/**
 * Keeps the number of a prepared member's pods as it is. Once only: an autoscaler whose bounds somebody puts back carries
 * the annotation still, and is left alone. One of a Rollout at 0 does nothing by itself.
 */
export function pin({ member, stage, rollout }: MemberView, { observation }: Situation): PinOrHandOver[] {
  const replicas = rollout?.spec.replicas ?? 1;
  if (stage !== 'prepared' || replicas < 1) return [];
  return autoscalersOf(member.name, observation).flatMap((autoscaler): PinOrHandOver[] => {
    const { name, uid, resourceVersion } = autoscaler.metadata;
    // Theirs at once: manifests that somebody applies while it is pinned must not be refused as a conflict.
    if (pinOf(autoscaler)) return handOverOf('autoscalers', member.name, autoscaler);
    if (!uid || !resourceVersion) return [];
    const { minReplicas = 1, maxReplicas } = autoscaler.spec;
    const before = { minReplicas, maxReplicas, replicas };
    return [{ act: 'pin', member: member.name, name, uid, resourceVersion, pin: before }];
  });
}

/** Gives an autoscaler its bounds back, where they are still as it was pinned, and its fields to whoever applied it. */
export function unpin({ member }: MemberView, { observation }: Situation): Action[] {
  return autoscalersOf(member.name, observation).flatMap((autoscaler): Action[] => {
    const { name, uid, resourceVersion } = autoscaler.metadata;
    const pinned = pinOf(autoscaler);
    if (!pinned) return handOverOf('autoscalers', member.name, autoscaler);
    if (!uid || !resourceVersion) return [];
    const bounds = isStill(autoscaler, pinned) ? { bounds: pinned } : {};
    return [{ act: 'unpin', member: member.name, name, uid, resourceVersion, ...bounds }];
  });
}
