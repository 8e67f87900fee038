import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../promotion/core/observation.ts';
import { memberAskedFor, neededToGoBack, wayBackOf } from '../../promotion/core/way-back.ts';
import { actsOf, decisionAt, type Moment } from './moment.ts';
import { memberOf, NOW, OLD, observationOf, planFor, type State, stateAt } from './state.ts';

const timeouts = { switchSeconds: 60, verifySeconds: 300, returnSeconds: 60 };
const plan = planFor([memberOf('backend'), memberOf('web', 10)], { timeouts });
const preparing = (changed: (state: State) => State, more: Partial<Moment> = {}) =>
  decisionAt({ plan, phase: 'preparing', at: { backend: 'prepared', web: 'prepared' }, changed, ...more });

const answered =
  (verdict: Verdict | undefined, member = 'web') =>
  (state: State): State => {
    const { [wayBackOf(member)]: _, ...checks } = state.checks;
    return { ...state, checks: { ...checks, ...(verdict ? { [wayBackOf(member)]: verdict } : {}) } };
  };
const open = (at?: number): Verdict => ({
  verdict: 'pass',
  final: true,
  reason: 'all there',
  ...(at === undefined ? {} : { at }),
});
const withDelay =
  (seconds: number | undefined, member = 'web') =>
  (state: State): State => {
    const rollout = state.rollouts[member] as NonNullable<State['rollouts'][string]>;
    const strategy = { blueGreen: { ...(seconds === undefined ? {} : { scaleDownDelaySeconds: seconds }) } };
    const spec = { ...rollout.spec, strategy } as typeof rollout.spec;
    return { ...state, rollouts: { ...state.rollouts, [member]: { ...rollout, spec } } };
  };

describe('the way back', () => {
  it.each<[string, Verdict | undefined]>([
    ['was never asked for', undefined],
    ['was found open too long ago', open(NOW - 30_001)],
    ['was found open, nobody knows when', open()],
    ['is not known yet', { verdict: 'unknown', final: false, reason: 'no answer yet' }],
  ])('is asked for before a switch where it %s', (_, verdict) => {
    const decision = preparing(answered(verdict));
    expect(decision.journal.phase).toBe('preparing');
    expect(decision.actions).toEqual([{ act: 'check', check: 'way back of web' }]);
  });

  it('need not be asked for again within half a minute', () => {
    expect(actsOf(preparing(answered(open(NOW - 30_000))))).toEqual(['refresh']);
  });

  it.each<[Verdict['verdict'], string]>([
    ['fail', 'gate-failed'],
    ['unknown', 'gate-unknown'],
  ])('keeps the set from being switched where it is %s for good', (verdict, code) => {
    const { journal } = preparing(answered({ verdict, final: true, reason: 'ConfigMap old is gone', at: NOW }));
    expect([journal.phase, journal.cause]).toEqual([
      'returning',
      { code, member: 'web', message: 'web: ConfigMap old is gone' },
    ]);
  });

  it('is not asked for where a member does not switch, or has nothing to go back to', () => {
    const settled = preparing(answered(undefined), {
      at: { backend: 'prepared', web: 'settled' },
      known: { web: { unchanged: true } },
    });
    expect(actsOf(settled)).toEqual(['refresh']);
  });

  it.each([
    [479, 'returning'],
    [480, 'preparing'],
    // The controller never scales down then.
    [0, 'preparing'],
    // What it does where nothing is said.
    [undefined, 'returning'],
  ])(
    'of a member that nothing holds needs old pods that outlast two switches, verification and return: %s s',
    (delay, phase) => {
      const unheld = planFor([memberOf('backend'), { ...memberOf('web', 10), isHeld: false }], { timeouts });
      const { journal } = preparing(withDelay(delay), { plan: unheld });
      expect(journal.phase).toBe(phase);
      if (phase === 'returning')
        expect(journal.cause).toMatchObject({
          code: 'gate-failed',
          member: 'web',
          message: expect.stringMatching(/^web: nothing holds it/),
        });
    },
  );

  it('of a member that is held needs no old pods beyond its hold', () => {
    expect(preparing(withDelay(1)).journal.phase).toBe('preparing');
  });

  it('is known by its question', () => {
    expect([memberAskedFor(wayBackOf('web')), memberAskedFor('public'), memberAskedFor('a way back of web')]).toEqual([
      'web',
      undefined,
      undefined,
    ]);
  });

  it('needs what the pods of the stable revision name, each once, and nothing where that is not there', () => {
    const state = stateAt('prepared');
    const needs = (change: (state: State) => State) => neededToGoBack('backend', observationOf(change(state)));
    const named = (s: State): State => {
      const key = `backend-${OLD}`;
      const set = structuredClone(s.replicaSets[key]) as NonNullable<State['replicaSets'][string]>;
      const [container] = (set.spec.template?.spec?.containers ?? []) as object[];
      const config = { configMapRef: { name: 'config-1' } };
      Object.assign(container ?? {}, { envFrom: [config, config, { secretRef: { name: 'login' } }] });
      return { ...s, replicaSets: { ...s.replicaSets, [key]: set } };
    };
    expect(needs(named).map(({ kind, name }) => `${kind} ${name}`)).toEqual(['ConfigMap config-1', 'Secret login']);
    expect(needs((s) => ({ ...named(s), replicaSets: {} }))).toEqual([]);
    expect(needs((s) => ({ ...named(s), rollouts: {} }))).toEqual([]);
    expect(needs((s) => s)).toEqual([]);
    const untold = (s: State): State => {
      const { status: _, ...rollout } = named(s).rollouts.backend as NonNullable<State['rollouts'][string]>;
      return { ...named(s), rollouts: { backend: rollout } };
    };
    expect(needs(untold)).toEqual([]);
  });
});
