import type { HorizontalPodAutoscaler, KubeObject, ReplicaSet, Rollout } from '../cluster/objects.ts';
import type { Phase } from '../core/journal.ts';
import { autoscalersOf } from '../core/pin.ts';
import type { Connection } from '../simulation/connection.ts';
import type { World } from '../simulation/world.ts';

/** What others do to a release under way. */
export interface Disturbance {
  /**
   * When: so many milliseconds after it was applied, or after a phase of it began; then only while that phase lasts.
   */
  readonly at: number | { readonly phase: Phase; readonly after: number };
  readonly what:
    | 'newer-apply'
    | 'operator-promote'
    | 'operator-abort'
    | 'operator-retry'
    | 'pod-lost'
    | 'pod-back'
    /** Load that has its autoscaler ask for one more pod, as far as that may. */
    | 'load'
    /** Ctrl-C. */
    | 'interrupt'
    /** kill -9. */
    | 'kill';
  /** Whom it befalls; of no meaning for the last two. */
  readonly member: string;
}

export interface Scene {
  readonly world: World;
  readonly manifests: { readonly newer: readonly KubeObject[] };
  /** Hears of each member that an operator takes past its gates by hand, or aborts. */
  readonly onOperator: (member: string, what: 'past its gates' | 'abort') => void;
  /** The run that is under way. */
  readonly connection?: Connection;
  readonly stop?: AbortController;
}

export function disturb({ what, member }: Disturbance, scene: Scene): void {
  const { world, onOperator } = scene;
  const status = (change: (status: NonNullable<Rollout['status']>) => Rollout['status']) =>
    world.api.update<Rollout>('rollouts', member, (r) => ({ ...r, status: change(r.status ?? {}) ?? {} }));
  switch (what) {
    case 'newer-apply':
      world.apply(scene.manifests.newer.filter((o) => o.kind === 'Rollout' && o.metadata.name === member));
      return;
    case 'operator-promote':
      status(({ pauseConditions, ...rest }) => {
        if (pauseConditions) onOperator(member, 'past its gates');
        return rest;
      });
      return;
    case 'operator-abort':
      onOperator(member, 'abort');
      status((s) => ({ ...s, abort: true }));
      return;
    case 'operator-retry':
      // With its pods still up, the controller takes it live ungated: the operator's doing, not the promoter's.
      if (world.api.get<Rollout>('rollouts', member)?.status?.abort) onOperator(member, 'past its gates');
      status((s) => ({ ...s, abort: false }));
      return;
    case 'pod-lost':
    case 'pod-back': {
      const hash = world.api.get<Rollout>('rollouts', member)?.status?.currentPodHash;
      world.api.update<ReplicaSet>('replicasets', `${member}-${hash}`, (set) => {
        const available = set.status?.availableReplicas ?? 0;
        const next = what === 'pod-lost' ? Math.max(0, available - 1) : Math.min(set.spec.replicas ?? 0, available + 1);
        return { ...set, status: { ...set.status, availableReplicas: next } };
      });
      return;
    }
    case 'load': {
      const [autoscaler] = autoscalersOf(member, autoscalersIn(world));
      if (!autoscaler) return;
      const { minReplicas = 1, maxReplicas } = autoscaler.spec;
      world.api.update<Rollout>('rollouts', member, (rollout) => {
        const { replicas = 1 } = rollout.spec;
        const next = Math.max(minReplicas, Math.min(maxReplicas, replicas + 1));
        return next === replicas ? rollout : { ...rollout, spec: { ...rollout.spec, replicas: next } };
      });
      return;
    }
    case 'interrupt':
      scene.stop?.abort();
      return;
    case 'kill':
      scene.connection?.kill();
  }
}

/** The autoscalers that there are now, as an observation has them. */
export function autoscalersIn(world: World) {
  const all = world.api.list<HorizontalPodAutoscaler>('horizontalpodautoscalers');
  return { autoscalers: new Map(all.map((autoscaler) => [autoscaler.metadata.name, autoscaler])) };
}
