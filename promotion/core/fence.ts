import type { KubeObject } from '../cluster/objects.ts';
import type { Watched } from '../cluster/port.ts';
import type { Action } from './decide.ts';
import type { MemberView } from './member.ts';
import type { Observation } from './observation.ts';

/**
 * On every object that a run may write: the number of the run that may. The API server cannot check a Lease inside the
 * patch of another object, but it can check this; so a run that lost its lock, and does not know it yet, writes nothing.
 */
export const EPOCH = 'moneywise.app/epoch';

/** The number of the run that may write an object; 0 when none ever did, or somebody wrote what is no such number. */
export function epochOf(object: KubeObject | undefined): number {
  const text = object?.metadata.annotations?.[EPOCH] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The object that an act writes. */
export function targetOf(action: Action): { readonly kind: Watched; readonly name: string } | undefined {
  switch (action.act) {
    case 'check':
    case 'collect':
    case 'refresh':
      return undefined;
    case 'claim':
      return action;
    case 'end-hold':
    case 'forget-run':
      return { kind: 'analysisRuns', name: action.run };
    case 'point-service':
      return { kind: 'services', name: action.service };
    case 'hand-over':
      return action;
    case 'pin':
    case 'unpin':
      return { kind: 'autoscalers', name: action.name };
    case 'refill':
    case 'retire':
      return { kind: 'replicaSets', name: action.replicaSet };
    default:
      return { kind: 'rollouts', name: action.member };
  }
}

/**
 * The acts that this run may carry out now: an act on an object that is not claimed yet becomes the claim of that object.
 * Each member's Rollout and active Service are claimed at once, so that an earlier run is shut out before it matters; but
 * for a Rollout whose Service has lost its hash: any write of it makes the controller take the new revision live ungated.
 */
export function fenced(
  actions: readonly Action[],
  views: readonly MemberView[],
  o: Observation,
  epoch: number,
): Action[] {
  const unguarded = new Set(views.filter((view) => view.stage === 'unguarded').map((view) => view.member.name));
  const mayWrite = ({ kind, name }: { kind: Watched; name: string }) => kind !== 'rollouts' || !unguarded.has(name);
  const targets = [
    ...views
      .filter((view) => view.rollout)
      .flatMap(({ member }) => [
        { kind: 'rollouts' as const, name: member.name, member: member.name },
        { kind: 'services' as const, name: member.activeService, member: member.name },
      ]),
    ...actions.flatMap((action) => {
      const target = targetOf(action);
      return target && 'member' in action ? [{ ...target, member: action.member }] : [];
    }),
  ];
  const wanted = targets
    .filter(mayWrite)
    .map(({ kind, name, member }) => claim(kind, o[kind].get(name), member))
    .filter((c) => c !== undefined);
  const claims = new Map(wanted.filter((c) => c.from < epoch).map((c) => [`${c.kind} ${c.name}`, { ...c, epoch }]));
  const allowed = actions.filter((action) => {
    const target = targetOf(action);
    return !target || (mayWrite(target) && epochOf(o[target.kind].get(target.name)) === epoch);
  });
  return [...claims.values(), ...allowed];
}

/** The number of the last run that took these members over: if it is a later one, this one has nothing more to say. */
export function highestEpoch(views: readonly MemberView[], o: Observation): number {
  return Math.max(
    0,
    ...views.flatMap(({ member, rollout }) => [epochOf(rollout), epochOf(o.services.get(member.activeService))]),
  );
}

type Claim = Extract<Action, { act: 'claim' }>;

function claim(kind: Watched, object: KubeObject | undefined, member: string): Claim | undefined {
  const { uid, resourceVersion, name, annotations } = object?.metadata ?? {};
  if (!uid || !resourceVersion || !name) return undefined;
  return {
    act: 'claim',
    member,
    kind,
    name,
    uid,
    resourceVersion,
    from: epochOf(object),
    epoch: 0,
    isFirstAnnotation: annotations === undefined,
  };
}
