import { describe, expect, it } from 'vitest';
import type { Action } from '../../promotion/core/decide.ts';
import { epochOf, fenced, highestEpoch, targetOf } from '../../promotion/core/fence.ts';
import { viewOf } from '../../promotion/core/member.ts';
import { memberOf, observationOf, type State, stateAt, together } from './state.ts';

const EPOCH = 'moneywise.app/epoch';
const members = [memberOf('backend'), memberOf('web')];
const nudge: Action = { act: 'nudge', member: 'backend', uid: 'backend-uid' };

function fence(state: State, actions: readonly Action[], epoch: number) {
  const o = observationOf(state);
  const views = members.map((member) => viewOf(member, o, undefined));
  return { actions: fenced(actions, views, o, epoch), highest: highestEpoch(views, o) };
}

const both = (backend?: number, web = backend) =>
  together(stateAt('prepared', 'backend', backend), stateAt('prepared', 'web', web));

describe('the fence', () => {
  it('claims each Rollout and each active Service first, and lets nothing else through', () => {
    const { actions, highest } = fence(both(), [nudge], 4);
    expect(highest).toBe(0);
    expect(actions).toEqual(
      ['backend', 'web'].flatMap((name) => [
        {
          act: 'claim',
          kind: 'rollouts',
          name,
          member: name,
          uid: `${name}-uid`,
          resourceVersion: '100',
          from: 0,
          epoch: 4,
          isFirstAnnotation: false,
        },
        {
          act: 'claim',
          kind: 'services',
          name,
          member: name,
          uid: `${name}-service-uid`,
          resourceVersion: '80',
          from: 0,
          epoch: 4,
          isFirstAnnotation: true,
        },
      ]),
    );
  });

  it('lets an act on a claimed object through, beside the claims of the others', () => {
    const { actions, highest } = fence(both(4, 3), [nudge, { act: 'refresh' }, { act: 'check', check: 'public' }], 4);
    expect(highest).toBe(4);
    expect(actions.map(({ act }) => act)).toEqual(['claim', 'claim', 'nudge', 'refresh', 'check']);
    expect(actions[0]).toMatchObject({ member: 'web', from: 3, epoch: 4 });
  });

  it('claims nothing that a later run has taken over, and writes nothing there', () => {
    const { actions, highest } = fence(both(5), [nudge], 4);
    expect([actions, highest]).toEqual([[], 5]);
  });

  it('claims what an act writes beside the Rollout and the Service', () => {
    const retire: Action = {
      act: 'retire',
      member: 'web',
      replicaSet: 'web-79cf4f6d8b',
      uid: 'web-79cf4f6d8b-uid',
      resourceVersion: '1',
    };
    const state = together(both(4), { ...stateAt('prepared', 'web', 3), rollouts: {}, services: {} });
    expect(fence(state, [retire], 4).actions).toEqual([
      expect.objectContaining({ act: 'claim', kind: 'replicaSets', name: 'web-79cf4f6d8b', member: 'web', from: 3 }),
    ]);
  });

  it('claims the Service, and not the Rollout, of a member whose Service has lost the hash', () => {
    const state = structuredClone(both()) as { services: { backend: { spec: { selector: object } } } } & State;
    state.services.backend.spec.selector = {};
    const claims = fence(state, [nudge], 4).actions.map((action) => targetOf(action));
    expect(claims).toEqual([
      expect.objectContaining({ kind: 'services', name: 'backend' }),
      expect.objectContaining({ kind: 'rollouts', name: 'web' }),
      expect.objectContaining({ kind: 'services', name: 'web' }),
    ]);
  });

  it('does not claim what is not there, or does not say what it is', () => {
    const state = structuredClone(both()) as unknown as {
      rollouts: { backend: { metadata: object } };
      services: object;
    } & State;
    state.rollouts.backend.metadata = { name: 'backend', uid: 'backend-uid' };
    const { actions } = fence({ ...state, services: {} }, [], 4);
    expect(actions.map((action) => targetOf(action))).toEqual([]);
  });

  it.each(['', 'later', 'NaN', '-1', '1.5', '1e3', '0x10', ' 7', '99999999999999999999', 'Infinity'])(
    'takes the annotation "%s" for none, so that nobody is locked out by it',
    (text) => {
      const object = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', annotations: { [EPOCH]: text } } };
      expect(epochOf(object)).toBe(0);
    },
  );

  it('reads the number of a run from the annotation', () => {
    const numbered = (text: string) => ({
      apiVersion: 'v1',
      kind: 'x',
      metadata: { name: 'a', annotations: { [EPOCH]: text } },
    });
    expect(['0', '7', '120000'].map((text) => epochOf(numbered(text)))).toEqual([0, 7, 120_000]);
    expect(epochOf(undefined)).toBe(0);
  });

  it.each<[Action, ReturnType<typeof targetOf>]>([
    [{ act: 'refresh' }, undefined],
    [{ act: 'check', check: 'public' }, undefined],
    [{ act: 'collect', member: 'web', replicaSet: 'web-1' }, undefined],
    [nudge, { kind: 'rollouts', name: 'backend' }],
    [
      { act: 'forget-run', member: 'web', run: 'web-1-pre', uid: 'u' },
      { kind: 'analysisRuns', name: 'web-1-pre' },
    ],
    [
      { act: 'end-hold', member: 'web', run: 'web-1-post', uid: 'u', hash: '1' },
      { kind: 'analysisRuns', name: 'web-1-post' },
    ],
    [
      {
        act: 'point-service',
        member: 'web',
        service: 'front',
        uid: 'u',
        resourceVersion: '1',
        selector: {},
        hash: '1',
      },
      { kind: 'services', name: 'front' },
    ],
    [
      {
        act: 'hand-over',
        member: 'web',
        kind: 'autoscalers',
        name: 'scaler',
        uid: 'u',
        resourceVersion: '1',
        managedFields: [],
      },
      { kind: 'autoscalers', name: 'scaler' },
    ],
    [
      { act: 'unpin', member: 'web', name: 'scaler', uid: 'u', resourceVersion: '1' },
      { kind: 'autoscalers', name: 'scaler' },
    ],
    [
      {
        act: 'pin',
        member: 'web',
        name: 'scaler',
        uid: 'u',
        resourceVersion: '1',
        pin: { minReplicas: 1, maxReplicas: 2, replicas: 2 },
      },
      { kind: 'autoscalers', name: 'scaler' },
    ],
  ])('knows what an act writes: %j', (action, target) => {
    expect(target ? targetOf(action) : (targetOf(action) ?? 'none')).toEqual(
      target ? expect.objectContaining(target) : 'none',
    );
  });

  it('claims nothing of a member that is not in the cluster', () => {
    const { actions, highest } = fence({ ...both(3), rollouts: {} }, [], 4);
    expect([actions, highest]).toEqual([[], 3]);
  });

  it.each(['uid', 'resourceVersion', 'name'])('claims nothing that has no %s', (field) => {
    const state = structuredClone(stateAt('prepared')) as unknown as {
      services: { backend: { metadata: Record<string, string> } };
    } & State;
    state.services.backend.metadata[field] = '';
    const { actions } = fence(together(state, stateAt('prepared', 'web', 4)), [], 4);
    expect(actions.map((action) => targetOf(action))).toEqual([
      expect.objectContaining({ kind: 'rollouts', name: 'backend' }),
    ]);
  });
});
