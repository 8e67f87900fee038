import { describe, expect, it } from 'vitest';
import type { AnalysisRun } from '../../promotion/cluster/objects.ts';
import type { Verdict } from '../../promotion/core/observation.ts';
import { actsOf, all, crashed, decisionAt, type Moment, SINCE, withPods } from './moment.ts';
import { memberOf, NEW, NOW, type Place, planFor, type State } from './state.ts';

const POLICY = {
  healthChecks: [{ name: 'public', target: { url: 'http://shop/' } }],
  timeouts: { verifySeconds: 300 },
  holdMarginSeconds: 20,
};
const plan = planFor([memberOf('backend'), memberOf('web')], POLICY);
const SWITCHED = { backend: { switched: true }, web: { switched: true } };
/** When the holds of these members end: 60 times 10 s after their analysis began. */
const HOLD_ENDS = Date.parse('2026-01-01T12:08:00Z');

const passed: Verdict = { verdict: 'pass', final: true, reason: 'it is well' };
const answered =
  (verdict: Verdict) =>
  (state: State): State => ({ ...state, checks: { ...state.checks, public: verdict } });
const withRun =
  (name: string, change: (run: AnalysisRun) => AnalysisRun) =>
  (state: State): State => {
    const key = `${name}-${NEW}-2-post`;
    const run = state.analysisRuns[key] as AnalysisRun;
    return { ...state, analysisRuns: { ...state.analysisRuns, [key]: change(run) } };
  };
const ended =
  (phase: string) =>
  (run: AnalysisRun): AnalysisRun => ({
    ...run,
    status: {
      ...run.status,
      phase,
      metricResults: (run.status?.metricResults ?? []).map((m) =>
        m.name === 'health' ? { ...m, phase, failed: 1, successful: 0 } : m,
      ),
    } as NonNullable<AnalysisRun['status']>,
  });

const verifying = (backend: Place, web: Place, more: Partial<Moment> = {}) =>
  decisionAt({ plan, phase: 'verifying', at: { backend, web }, known: SWITCHED, ...more });

describe('verifying', () => {
  it('decides that the set stays once every member is held, every analysis has passed and every check as well', () => {
    const { journal } = verifying('held', 'held', { changed: answered(passed) });
    expect([journal.phase, journal.since, journal.cause]).toEqual(['settling', NOW, undefined]);
  });

  it('asks what has not been asked yet, and wakes when its time is up', () => {
    const decision = verifying('held', 'held');
    expect([decision.journal.phase, actsOf(decision)]).toEqual(['verifying', ['check']]);
    expect(decision.wakeAt).toBe(SINCE + 300_000);
  });

  it('wakes before the first hold ends where that is sooner', () => {
    const policy = { ...POLICY, timeouts: { verifySeconds: 3000 } };
    const sooner = withRun('web', (run) => ({
      ...run,
      metadata: { ...run.metadata, creationTimestamp: '2026-01-01T11:57:00Z' },
    }));
    const changed = { plan: planFor([memberOf('backend'), memberOf('web')], policy), changed: sooner };
    expect(verifying('held', 'held', changed).wakeAt).toBe(HOLD_ENDS - 60_000 - 20_000);
  });

  it('wakes when pods that are ready since a moment ago have been so for long enough', () => {
    const lately = withPods(NEW, (pod) => ({
      ...pod,
      status: {
        ...pod.status,
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T11:59:59Z' }],
      },
    }));
    const baking = planFor([memberOf('backend'), memberOf('web')], { ...POLICY, podHealth: { bakeSeconds: 40 } });
    const { journal, wakeAt } = verifying('held', 'held', { plan: baking, changed: all(answered(passed), lately) });
    expect([journal.phase, wakeAt]).toEqual(['verifying', NOW - 1000 + 40_000]);
  });

  it.each<[string, Place, (state: State) => State]>([
    ['a member is not live yet', 'promoted', answered(passed)],
    ['an analysis still runs', 'live', answered(passed)],
    ['a check has no verdict yet', 'held', answered({ verdict: 'unknown', final: false, reason: 'no answer yet' })],
    [
      'a pod is not ready',
      'held',
      all(
        answered(passed),
        withPods(NEW, (pod) => ({
          ...pod,
          status: {
            ...pod.status,
            conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T11:59:59Z' }],
          },
        })),
      ),
    ],
  ])('waits while %s', (_, web, changed) => {
    const { journal, actions } = verifying('held', web, { changed });
    expect([journal.phase, actions]).toEqual(['verifying', []]);
  });

  it.each([
    ['Failed', 'gate-failed'],
    ['Error', 'gate-failed'],
    ['Inconclusive', 'gate-unknown'],
  ])('takes the set back where an analysis ends %s', (phase, code) => {
    const { journal } = verifying('held', 'live', { changed: all(answered(passed), withRun('web', ended(phase))) });
    expect([journal.phase, journal.cause?.code, journal.cause?.member]).toEqual(['returning', code, 'web']);
    expect(journal.cause?.message).toMatch(/^web: /);
  });

  it.each<[Verdict['verdict'], string]>([
    ['fail', 'gate-failed'],
    ['unknown', 'gate-unknown'],
  ])('takes the set back where a check is %s for good', (verdict, code) => {
    const { journal } = verifying('held', 'held', {
      changed: answered({ verdict, final: true, reason: 'it said so' }),
    });
    expect([journal.phase, journal.cause]).toEqual(['returning', { code, message: 'health check public: it said so' }]);
  });

  it('takes the set back where a pod of a member that has switched was restarted', () => {
    const restarted = withPods(NEW, crashed('Error', 1));
    const of = (known: Moment['known']) =>
      verifying('held', 'held', { changed: all(answered(passed), restarted), ...(known ? { known } : {}) });
    expect([of(SWITCHED).journal.phase, of(SWITCHED).journal.cause?.code]).toEqual(['returning', 'gate-failed']);
    // What was there before the release is not this release's doing: the controller has not analysed it, either.
    const settled = { unchanged: true, switched: false, from: NEW };
    const untouched = verifying('settled', 'settled', {
      known: { backend: settled, web: settled },
      changed: all(answered(passed), restarted),
    });
    expect(untouched.journal.outcome).toBe('promoted');
  });

  it('takes the set back where a member was aborted or superseded', () => {
    const { journal } = verifying('held', 'aborted', { changed: answered(passed) });
    expect([journal.phase, journal.cause?.code, journal.cause?.member]).toEqual(['returning', 'aborted', 'web']);
  });

  it('takes the set back when a hold is about to end and something is open, not a moment sooner', () => {
    const policy = { ...POLICY, timeouts: { verifySeconds: 3000 } };
    const longer = planFor([memberOf('backend'), memberOf('web')], policy);
    const at = (now: number) => verifying('held', 'held', { plan: longer, now }).journal;
    expect(at(HOLD_ENDS - 20_001).phase).toBe('verifying');
    expect([at(HOLD_ENDS - 20_000).phase, at(HOLD_ENDS - 20_000).cause]).toMatchObject([
      'returning',
      { code: 'hold-expiring', member: 'backend' },
    ]);
    // Even where nothing is open any more: the hold could end before the decision is carried out.
    const late = verifying('held', 'held', { plan: longer, now: HOLD_ENDS - 20_000, changed: answered(passed) });
    expect(late.journal.cause?.code).toBe('hold-expiring');
  });

  it('takes the set back when its time is up and something is open', () => {
    const at = (now: number) => verifying('held', 'held', { now }).journal;
    expect(at(SINCE + 299_999).phase).toBe('verifying');
    expect([at(SINCE + 300_000).phase, at(SINCE + 300_000).cause]).toEqual([
      'returning',
      {
        code: 'not-verified-in-time',
        message: 'not verified in time: health check public has not passed yet',
      },
    ]);
    const running = verifying('held', 'live', { now: SINCE + 300_000, changed: answered(passed) });
    expect(running.journal.cause?.message).toBe(
      `not verified in time: web: web-${NEW}-2-post: metric health Running (1 of 1 measurements good; last value {"status":"ok"})`,
    );
    const promoted = verifying('held', 'promoted', { now: SINCE + 300_000, changed: answered(passed) });
    expect(promoted.journal.cause?.message).toMatch(/^not verified in time: web: /);
  });

  it('expects no verdict of an analysis that only holds, and none where nothing analyses', () => {
    const onlyHold = withRun('web', (run) => ({
      ...run,
      spec: { ...run.spec, metrics: (run.spec.metrics ?? []).filter(({ name }) => name === 'hold') },
    }));
    expect(verifying('held', 'held', { changed: all(answered(passed), onlyHold) }).journal.phase).toBe('settling');
    const without = planFor([{ ...memberOf('backend'), analysedAfter: false, isHeld: false }, memberOf('web')], POLICY);
    const noRun = (state: State): State => {
      const { [`backend-${NEW}-2-post`]: _, ...analysisRuns } = state.analysisRuns;
      return { ...state, analysisRuns };
    };
    const { journal } = verifying('settled', 'held', { plan: without, changed: all(answered(passed), noRun) });
    expect(journal.phase).toBe('settling');
    // The hold that is there is waited for all the same.
    const late = verifying('settled', 'held', { plan: without, changed: noRun, now: HOLD_ENDS - 20_000 });
    expect(late.journal.cause).toMatchObject({ code: 'hold-expiring', member: 'web' });
  });

  it('expects no verdict of a first deployment, which the controller does not analyse', () => {
    const first = { uid: 'backend-uid', to: NEW, switched: false, unchanged: false, asked: {} };
    const noRun = (state: State): State => ({ ...state, analysisRuns: {} });
    const { journal } = decisionAt({
      plan: planFor([memberOf('backend')], POLICY),
      phase: 'verifying',
      at: { backend: 'settled' },
      journal: { members: { backend: first } },
      changed: all(answered(passed), noRun),
    });
    expect([journal.phase, journal.outcome]).toEqual(['over', 'promoted']);
  });
});
