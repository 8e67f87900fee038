import { describe, expect, it } from 'vitest';
import type { AnalysisRun } from '../../promotion/cluster/objects.ts';
import { actsOf, decisionAt, SINCE } from './moment.ts';
import { memberOf, NEW, type Place, planFor, type State } from './state.ts';

const plan = planFor([memberOf('backend'), memberOf('web')], { timeouts: { settleSeconds: 60 } });
const settling = (backend: Place, web: Place, more: { now?: number; changed?: (state: State) => State } = {}) =>
  decisionAt({ plan, phase: 'settling', at: { backend, web }, ...more });

/** With another analysis after the switch of the backend. */
const withRun = (change: (run: AnalysisRun) => AnalysisRun | undefined) => (state: State) => {
  const { [`backend-${NEW}-2-post`]: run, ...others } = state.analysisRuns;
  const changed = run && change(run);
  return { ...state, analysisRuns: changed ? { ...others, [changed.metadata.name]: changed } : others };
};

describe('settling', () => {
  it('ends all holds at once, and wakes when its time is up', () => {
    const decision = settling('held', 'held');
    expect(decision.actions).toEqual(
      ['backend', 'web'].map((name) => ({
        act: 'end-hold',
        member: name,
        run: `${name}-${NEW}-2-post`,
        uid: `${name}-post-uid`,
        hash: NEW,
      })),
    );
    expect(decision.wakeAt).toBe(SINCE + 60_000);
  });

  it('ends only the holds that are left', () => {
    expect(actsOf(settling('settled', 'held'))).toEqual(['end-hold web']);
    expect(actsOf(settling('promoted', 'held'))).toEqual(['end-hold web']);
  });

  it('does not end the hold of a member whose Service has lost its endpoints: it could not go back any more', () => {
    const changed = (state: State): State => {
      const { 'backend-x1': _, ...endpointSlices } = state.endpointSlices;
      return { ...state, endpointSlices };
    };
    expect(actsOf(settling('held', 'held', { changed }))).toEqual(['end-hold web']);
  });

  it.each(['Running', 'Pending', '', undefined])('ends a hold whose analysis is "%s"', (phase) => {
    const changed = withRun((run) => ({ ...run, status: { ...run.status, phase } }) as AnalysisRun);
    expect(actsOf(settling('held', 'settled', { changed }))).toEqual(['end-hold backend']);
  });

  it('ends a hold whose analysis has no status yet', () => {
    const changed = withRun(({ status: _, ...run }) => run);
    expect(actsOf(settling('held', 'settled', { changed }))).toEqual(['end-hold backend']);
  });

  it.each([
    ['is over', (run: AnalysisRun) => ({ ...run, status: { ...run.status, phase: 'Successful' } })],
    ['is ended already', (run: AnalysisRun) => ({ ...run, spec: { ...run.spec, terminate: true } })],
    ['has no identity', ({ metadata: { uid: _, ...metadata }, ...run }: AnalysisRun) => ({ ...run, metadata })],
    ['is not there', () => undefined],
  ])('ends no hold whose analysis %s', (_, change) => {
    const decision = settling('held', 'settled', { changed: withRun(change) });
    expect(actsOf(decision)).toEqual([]);
    expect(decision.journal.phase).toBe('settling');
  });

  it('is over when every member is live and stable: promoted, or restored if it was a rollback', () => {
    expect(settling('settled', 'settled').journal).toMatchObject({ phase: 'over', outcome: 'promoted' });
    const at = { backend: 'settled', web: 'settled' } as const;
    expect(decisionAt({ plan, phase: 'settling', at, ask: 'rollback' }).journal.outcome).toBe('restored');
    expect(settling('settled', 'held').journal.phase).toBe('settling');
  });

  it('goes back at the very end of its time, and says who was waited for', () => {
    expect(settling('held', 'settled', { now: SINCE + 59_999 }).journal.phase).toBe('settling');
    const { phase, cause } = settling('held', 'held', { now: SINCE + 60_000 }).journal;
    expect([phase, cause?.code]).toEqual(['returning', 'not-settled-in-time']);
    expect(cause?.message).toMatch(/^not settled in time: backend: .*; web: /);
    expect(settling('settled', 'held', { now: SINCE + 60_000 }).journal.cause?.message).not.toContain('backend');
  });

  it('goes back as soon as a member is aborted, whichever it is', () => {
    expect(settling('aborted', 'held').journal).toMatchObject({ phase: 'returning', cause: { code: 'aborted' } });
    expect(settling('held', 'aborted').journal).toMatchObject({ phase: 'returning', cause: { code: 'aborted' } });
  });
});
