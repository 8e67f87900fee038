import { describe, expect, it } from 'vitest';
import type { HorizontalPodAutoscaler, ManagedFields } from '../../promotion/cluster/objects.ts';
import { FIELD_MANAGER } from '../../promotion/cluster/port.ts';
import { autoscalersOf, isStill, PINNED, pinOf } from '../../promotion/core/pin.ts';
import { all, decisionAt, type Moment, scaler, withObject } from './moment.ts';
import { memberOf, NEW, OLD, planFor, type State } from './state.ts';

const NOTE = JSON.stringify({ minReplicas: 1, maxReplicas: 5, replicas: 2 });
const owned: readonly ManagedFields[] = [
  { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:metrics': {} } } },
  { manager: FIELD_MANAGER, operation: 'Update', fieldsV1: { 'f:spec': { 'f:minReplicas': {} } } },
] as unknown as readonly ManagedFields[];

const plan = planFor([memberOf('backend'), memberOf('web')]);
/** What is decided of autoscalers, with all members prepared or as said. */
function actsOn(autoscaler: HorizontalPodAutoscaler, more: Partial<Moment> = {}) {
  const { changed = (state: State) => state } = more;
  const decision = decisionAt({
    plan,
    phase: 'preparing',
    at: { backend: 'prepared', web: 'prepared' },
    ...more,
    changed: (state) => ({ ...changed(state), autoscalers: { scaler: autoscaler } }),
  });
  return decision.actions.filter(({ act }) => ['pin', 'unpin', 'hand-over'].includes(act));
}
/** With so many pods wanted of the backend, and there. */
const atReplicas = (replicas: number) =>
  all(
    withObject('rollouts', 'backend', (r) => ({ ...r, spec: { ...r.spec, replicas } })),
    ...[OLD, NEW].map((hash) =>
      withObject('replicaSets', `backend-${hash}`, (set) => ({
        ...set,
        metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...desired(replicas) } },
        spec: { ...set.spec, replicas },
        status: { replicas, readyReplicas: replicas, availableReplicas: replicas },
      })),
    ),
  );
const desired = (replicas: number) => ({ 'rollout.argoproj.io/desired-replicas': String(replicas) });
const over: Partial<Moment> = { phase: 'settling', at: { backend: 'settled', web: 'settled' } };
const ID = { member: 'backend', name: 'scaler', uid: 'scaler-uid', resourceVersion: '7' };

describe('an autoscaler', () => {
  it('of a member that is about to switch is kept at the number of pods that there is, with its bounds noted', () => {
    const pin = { minReplicas: 1, maxReplicas: 5, replicas: 2 };
    expect(actsOn(scaler())).toEqual([{ act: 'pin', ...ID, pin }]);
    expect(actsOn(scaler({ bounds: [undefined, 5] }))).toEqual([{ act: 'pin', ...ID, pin }]);
  });

  it.each<[string, HorizontalPodAutoscaler, Partial<Moment>]>([
    ['another kind of thing', scaler({ target: { kind: 'Deployment', name: 'backend' } }), {}],
    ['another Rollout', scaler({ target: { kind: 'Rollout', name: 'other' } }), {}],
    ['a Rollout at 0', scaler(), { changed: atReplicas(0) }],
    ['a member that is live already', scaler(), { at: { backend: 'settled', web: 'prepared' } }],
    ['a member, before the others are prepared', scaler(), { at: { backend: 'prepared', web: 'analysing' } }],
    ['a member, and has no identity', scaler({ metadata: { uid: '' } }), {}],
    ['a member, and was never stored', scaler({ metadata: { resourceVersion: '' } }), {}],
  ])('of %s is left alone', (_, autoscaler, more) => {
    expect(actsOn(autoscaler, more)).toEqual([]);
  });

  it('that is kept is not kept anew, whatever its bounds are now, but left to whoever applied it', () => {
    expect(actsOn(scaler({ note: NOTE }))).toEqual([]);
    const ours = scaler({ note: NOTE, metadata: { managedFields: owned } });
    expect(actsOn(ours)).toMatchObject([{ act: 'hand-over', kind: 'autoscalers', ...ID }]);
  });

  it('of a single pod is kept at one, by a note that other tools can know', () => {
    expect(actsOn(scaler(), { changed: atReplicas(1) })).toMatchObject([
      { act: 'pin', ...ID, pin: { minReplicas: 1, maxReplicas: 5, replicas: 1 } },
    ]);
    expect(PINNED).toBe('moneywise.app/pinned');
  });

  it('gets its bounds back at the end, where they are still as it was kept', () => {
    const bounds = { minReplicas: 1, maxReplicas: 5 };
    expect(actsOn(scaler({ note: NOTE, bounds: [2, 2] }), over)).toMatchObject([{ act: 'unpin', ...ID, bounds }]);
    for (const set of [
      [2, 9],
      [1, 2],
      [1, 5],
    ] as const)
      expect(actsOn(scaler({ note: NOTE, bounds: set }), over)).toEqual([{ act: 'unpin', ...ID }]);
  });

  it('that was never kept is left at the end, but for fields that are somebody else’s', () => {
    expect(actsOn(scaler(), over)).toEqual([]);
    expect(actsOn(scaler({ metadata: { managedFields: owned } }), over)).toMatchObject([{ act: 'hand-over', ...ID }]);
    for (const metadata of [{ uid: '' }, { resourceVersion: '' }])
      expect(actsOn(scaler({ note: NOTE, metadata }), over)).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['no JSON', 'two'],
    ['another shape', '{}'],
    ['bounds that are none', '{"minReplicas":0,"maxReplicas":5,"replicas":2}'],
    ['bounds the wrong way round', '{"minReplicas":6,"maxReplicas":5,"replicas":2}'],
  ])('says that it is kept by a note of this tool alone, not by %s', (_, note) => {
    expect(pinOf(scaler(note === undefined ? {} : { note }))).toBeUndefined();
  });

  it('says so with any bounds that there can be, and is still while both are the number of pods', () => {
    const equal = { minReplicas: 5, maxReplicas: 5, replicas: 5 };
    expect(pinOf(scaler({ note: JSON.stringify(equal) }))).toEqual(equal);
    expect(
      [
        [5, 5],
        [5, 6],
        [4, 5],
      ].map(([min, max]) => isStill(scaler({ bounds: [min as number, max as number] }), equal)),
    ).toEqual([true, false, false]);
  });

  it('belongs to the Rollout that it names', () => {
    const all = new Map([
      ['a', scaler()],
      ['b', scaler({ target: { kind: 'Rollout', name: 'web' } })],
    ]);
    expect(autoscalersOf('web', { autoscalers: all })).toEqual([all.get('b')]);
    const { scaleTargetRef: _, ...spec } = scaler().spec;
    expect(autoscalersOf('web', { autoscalers: new Map([['c', { ...scaler(), spec }]]) })).toEqual([]);
  });
});
