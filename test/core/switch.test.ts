import { describe, expect, it } from 'vitest';
import { promoteAction, switchOver } from '../../promotion/core/switch.ts';
import { actsOf, decisionAt, SINCE } from './moment.ts';
import { memberOf, NEW, NOW, observationOf, type Place, planFor } from './state.ts';

const plan = planFor([memberOf('backend', 0), memberOf('web', 10)], { timeouts: { switchSeconds: 60 } });
const switching = (backend: Place, web: Place, now = NOW) =>
  decisionAt({ plan, phase: 'switching', at: { backend, web }, now });

describe('the switch', () => {
  it('promotes the lower order first, and wakes when its time is up: as many times the limit as there are orders', () => {
    const decision = switching('prepared', 'prepared');
    expect(actsOf(decision)).toEqual(['promote backend']);
    expect(decision.wakeAt).toBe(SINCE + 120_000);
    expect(decision.journal.phase).toBe('switching');
  });

  it('promotes members of one order at the same time', () => {
    const same = planFor([memberOf('backend'), memberOf('web')]);
    const decision = decisionAt({ plan: same, phase: 'switching', at: { backend: 'prepared', web: 'prepared' } });
    expect(actsOf(decision)).toEqual(['promote backend', 'promote web']);
    expect(decision.wakeAt).toBe(SINCE + 60_000);
  });

  it('waits for a member that is promoted before it goes on to the next order', () => {
    expect(actsOf(switching('promoted', 'prepared'))).toEqual([]);
  });

  it.each(['held', 'settled'] as const)('goes on to the next order when the lower one is %s', (place) => {
    expect(actsOf(switching(place, 'prepared'))).toEqual(['promote web']);
  });

  it.each(['held', 'settled'] as const)('is over when every member is %s', (place) => {
    expect(switching(place, place).journal.phase).not.toBe('switching');
    expect(switching(place, place).journal.cause).toBeUndefined();
  });

  it('goes back at the very end of its time, and says who was waited for', () => {
    expect(switching('promoted', 'prepared', SINCE + 119_999).journal.phase).toBe('switching');
    const { phase, cause } = switching('promoted', 'prepared', SINCE + 120_000).journal;
    expect(phase).toBe('returning');
    expect(cause).toMatchObject({ code: 'not-switched-in-time' });
    expect(cause?.message).toMatch(/^not switched in time: backend: /);
    expect(cause?.message).not.toContain('web');
  });

  it('names each member of an order that was not switched in time', () => {
    const same = planFor([memberOf('backend'), memberOf('web')]);
    const at = { backend: 'promoted', web: 'promoted' } as const;
    const { cause } = decisionAt({ plan: same, phase: 'switching', at, now: SINCE + 60_000 }).journal;
    expect(cause?.message).toMatch(/: backend: .*; web: /);
  });

  it('goes back as soon as a member is aborted, whichever it is', () => {
    for (const [backend, web] of [
      ['aborted', 'prepared'],
      ['held', 'aborted'],
    ] as const) {
      const { phase, cause } = switching(backend, web).journal;
      expect([phase, cause?.code]).toEqual(['returning', 'aborted']);
    }
  });
});

describe('the promote of a member', () => {
  const { views, journal } = switching('prepared', 'prepared');
  const view = views[0];
  if (!view?.rollout) throw new Error('no Rollout');
  const { rollout, current: _, ...without } = view;

  it('names the Rollout, the spec and the revision that were judged', () => {
    expect(promoteAction(view, 'backend-uid')).toEqual([
      { act: 'promote', member: 'backend', uid: 'backend-uid', generation: 3, hash: NEW },
    ]);
  });

  it('is not asked for while one of these is not known', () => {
    const { generation: __, ...metadata } = rollout.metadata;
    const { rollout: ___, ...gone } = view;
    expect(promoteAction({ ...without, rollout }, 'backend-uid')).toEqual([]);
    expect(promoteAction(view, undefined)).toEqual([]);
    expect(promoteAction({ ...view, rollout: { ...rollout, metadata } }, 'backend-uid')).toEqual([]);
    expect(promoteAction(gone, 'backend-uid')).toEqual([]);
    // Nor of a member that the journal does not know.
    const observation = observationOf({
      rollouts: {},
      analysisRuns: {},
      replicaSets: {},
      services: {},
      endpointSlices: {},
      jobs: {},
      pods: {},
      autoscalers: {},
      checks: {},
    });
    expect(switchOver({ plan, views, journal: { ...journal, members: {} }, observation, now: NOW })).toMatchObject({
      actions: [],
    });
  });
});
