import { describe, expect, it } from 'vitest';
import { decide } from '../../promotion/core/decide.ts';
import type { Journal } from '../../promotion/core/journal.ts';
import { memberOf, NEW, NOW, OLD, observationOf, planFor, type State, stateAt } from './state.ts';

const journal: Journal = {
  ask: 'promote',
  phase: 'returning',
  since: NOW - 10_000,
  members: {
    backend: {
      uid: 'backend-uid',
      from: OLD,
      to: NEW,
      switched: true,
      unchanged: false,
      asked: { abort: NOW - 9000 },
    },
  },
  cause: { code: 'gate-failed', message: 'a gate failed' },
};

/** A member that is aborted and not brought back by the controller, with so many available pods. */
function state(old: number, current: number): State {
  const live = stateAt('held', 'backend', 1);
  const rollout = live.rollouts.backend;
  if (!rollout) throw new Error('no Rollout');
  const available = (name: string, availableReplicas: number) => {
    const set = live.replicaSets[name];
    return set ? { [name]: { ...set, status: { ...set.status, availableReplicas } } } : {};
  };
  return {
    ...live,
    rollouts: {
      backend: { ...rollout, status: { ...rollout.status, abort: true, abortedAt: '2026-01-01T11:59:50Z' } },
    },
    replicaSets: { ...live.replicaSets, ...available(`backend-${OLD}`, old), ...available(`backend-${NEW}`, current) },
  };
}
const actsAt = (seen: State) =>
  decide(planFor([memberOf('backend')]), observationOf(seen), journal, NOW, 1).actions.map(({ act }) => act);

describe('the way back without the controller', () => {
  it('moves the Service to the old pods', () => {
    expect(actsAt(state(2, 2))).toContain('point-service');
    expect(actsAt(state(1, 0))).toContain('point-service');
  });

  it('never moves traffic from pods that serve to a revision that has none', () => {
    expect(actsAt(state(0, 2))).not.toContain('point-service');
    expect(actsAt(state(0, 1))).not.toContain('point-service');
  });

  it('moves it all the same where neither revision has a pod: the old one is where they come back', () => {
    expect(actsAt(state(0, 0))).toContain('point-service');
  });
});
