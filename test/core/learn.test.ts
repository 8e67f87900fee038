import { describe, expect, it } from 'vitest';
import { decide, interrupt, newJournal } from '../../promotion/core/decide.ts';
import type { Journal, Phase } from '../../promotion/core/journal.ts';
import { actsOf, all, decisionAt, type Moment, SINCE, scaler, withMetadata, withObject, withStatus } from './moment.ts';
import { memberOf, NEW, NOW, OLD, observationOf, type Place, planFor, type State, stateAt } from './state.ts';

// What a decision keeps in the journal whatever the phase, and what it does beside the acts of one.

const plan = planFor([memberOf('backend')]);
const at = (place: Place, phase: Phase, more: Partial<Moment> = {}) =>
  decisionAt({ plan, phase, at: { backend: place }, ...more });
const learned = (place: Place, changed?: Moment['changed']) =>
  at(place, 'preparing', { journal: { members: {} }, ...(changed ? { changed } : {}) }).journal.members.backend;

describe('what is learned of a member', () => {
  const known = { uid: 'backend-uid', from: OLD, switched: false, unchanged: false, asked: {} };

  it('is what it runs and what it goes to, once the controller has taken up what is wanted', () => {
    expect(learned('prepared')).toEqual({ ...known, to: NEW });
    expect(learned('before')).toEqual(known);
    expect(learned('prepared', withStatus('backend', { currentPodHash: undefined }))).toEqual(known);
    expect(learned('prepared', withMetadata({ generation: 4 }))).toEqual({ ...known, owedSince: NOW });
    const invalid = withStatus('backend', { conditions: [{ type: 'InvalidSpec', status: 'True' }] });
    expect(learned('prepared', invalid)).toEqual(known);
  });

  it('is nothing of what is not there, or has no identity', () => {
    expect(learned('prepared', withMetadata({ uid: '' }))).toBeUndefined();
    expect(
      learned(
        'prepared',
        withObject('rollouts', 'backend', () => undefined),
      ),
    ).toBeUndefined();
  });

  it('is that it was settled before', () => {
    expect(learned('settled')).toEqual({ ...known, from: NEW, to: NEW, unchanged: true });
  });

  it('is that there is nothing to go back to on a first deployment', () => {
    const { from: _, ...first } = known;
    const starting = withStatus('backend', { phase: 'Progressing' });
    expect(learned('settled', starting)).toEqual({ ...first, to: NEW });
    expect(learned('prepared', withStatus('backend', { stableRS: undefined }))).toEqual({ ...first, to: NEW });
  });

  it('is that an earlier release aborted it, and when', () => {
    const aborted = { ...known, to: NEW, wasAborted: true };
    expect(learned('aborted')).toMatchObject({ ...aborted, abortedAt: '2026-01-01T11:59:30Z' });
    const asked = learned('aborted', withStatus('backend', { abortedAt: undefined }));
    expect(asked).toEqual({ ...aborted, owedSince: NOW });
  });

  it('is that it has switched, once its Service selects the new revision', () => {
    expect(learned('held')).toEqual({ ...known, to: NEW, switched: true });
    const first = at('held', 'verifying', {
      journal: { members: { backend: { uid: 'backend-uid', to: NEW, switched: false, unchanged: false, asked: {} } } },
    });
    expect(first.journal.members.backend?.switched).toBe(false);
    const same = at('settled', 'verifying', { known: { backend: { from: NEW, unchanged: true } } });
    expect(same.journal.members.backend?.switched).toBe(false);
  });

  it('is the same journal where nothing is new', () => {
    const { journal } = at('starting', 'preparing');
    const observation = observationOf(stateAt('starting', 'backend', 1));
    expect(decide(plan, observation, journal, NOW, 1).journal).toBe(journal);
  });
});

describe('a controller that owes an answer', () => {
  const owing = (owedSince: number | undefined, more: Partial<Moment> = {}) =>
    at('promoted', 'switching', {
      known: { backend: { switched: true, ...(owedSince === undefined ? {} : { owedSince }) } },
      ...more,
    });

  it('is noted, and forgotten when it has answered', () => {
    expect(owing(undefined).journal.members.backend?.owedSince).toBe(NOW);
    expect(owing(NOW - 500).journal.members.backend?.owedSince).toBe(NOW - 500);
    const answered = at('held', 'switching', { known: { backend: { owedSince: NOW - 500 } } });
    expect(answered.journal.members.backend).not.toHaveProperty('owedSince');
  });

  it('is nudged after 0.7 s, for a minute', () => {
    const young = owing(NOW - 699);
    expect([young.actions, young.wakeAt]).toEqual([[], NOW + 1]);
    expect(owing(NOW - 700).actions).toEqual([{ act: 'nudge', member: 'backend', uid: 'backend-uid' }]);
    expect(actsOf(owing(NOW - 59_999))).toEqual(['nudge backend']);
    expect(owing(NOW - 60_000).actions).toEqual([]);
    expect(owing(NOW - 700).journal.members.backend?.asked).toEqual({});
  });

  it('is nudged for the first that is due, each member by itself', () => {
    const both = planFor([memberOf('backend'), memberOf('web')]);
    const { wakeAt } = decisionAt({
      plan: both,
      phase: 'switching',
      at: { backend: 'promoted', web: 'promoted' },
      known: { backend: { owedSince: NOW - 100 }, web: { owedSince: NOW - 300 } },
    });
    expect(wakeAt).toBe(NOW + 400);
  });

  it('is left alone while something of the set is written, for ten seconds: what is owed is queued then', () => {
    const both = planFor([memberOf('backend'), memberOf('web')]);
    const moment = (owed: number, written?: Journal['written']) =>
      decisionAt({
        plan: both,
        phase: 'switching',
        at: { backend: 'promoted', web: 'held' },
        known: { backend: { owedSince: NOW - owed }, web: { switched: true } },
        ...(written ? { journal: { written } } : {}),
      });
    const mark = moment(5000).journal.written?.mark ?? '';
    expect(moment(5000).journal.written).toEqual({ mark, at: 0 });
    const queued = (owed: number, at: number) => moment(owed, { mark, at: NOW - at });
    expect([queued(5000, 699).actions, queued(5000, 699).wakeAt]).toEqual([[], NOW + 1]);
    expect(actsOf(queued(5000, 700))).toEqual(['nudge backend']);
    // What was written before is no sign of what is written now, and another mark is.
    expect(actsOf(queued(700, 5000))).toEqual(['nudge backend']);
    expect(moment(5000, { mark: 'another', at: NOW - 5000 }).journal.written).toEqual({ mark, at: NOW });
    expect(actsOf(queued(10_699, 1))).toEqual([]);
    expect(actsOf(queued(10_700, 1))).toEqual(['nudge backend']);
    const held = at('held', 'switching', { journal: { written: { mark, at: NOW } } });
    expect(held.journal).not.toHaveProperty('written');
  });

  it('is not nudged where the Rollout is gone', () => {
    const { actions } = at('held', 'returning', {
      known: { backend: { owedSince: NOW - 1000 } },
      journal: { cause: { code: 'superseded', message: 'gone' } },
      changed: withObject('rollouts', 'backend', () => undefined),
    });
    expect(actions).toEqual([]);
  });
});

describe('what was asked for', () => {
  it('is noted with its time, the first time only', () => {
    const first = at('held', 'returning', { journal: { cause: { code: 'aborted', message: 'so it is' } } });
    expect(first.journal.members.backend?.asked).toEqual({ abort: NOW });
    const again = at('held', 'returning', { known: { backend: { asked: { abort: NOW - 5 } } } });
    expect([actsOf(again), again.journal.members.backend?.asked]).toEqual([['abort backend'], { abort: NOW - 5 }]);
  });

  it('counts as a switch where it is a promote of the new revision, and nothing else does', () => {
    expect(at('prepared', 'switching').journal.members.backend).toMatchObject({
      switched: true,
      asked: { promote: NOW },
    });
    const elsewhere = withObject('services', 'backend', (service) => ({
      ...service,
      spec: { ...service.spec, selector: { 'rollouts-pod-template-hash': 'elsewhere' } },
    }));
    const reversed = { backend: { from: NEW, to: OLD } };
    const back = at('prepared', 'returning', { known: reversed, changed: elsewhere });
    expect([actsOf(back), back.journal.members.backend?.switched]).toEqual([['promote backend'], false]);
    expect(at('prepared', 'returning').journal.members.backend).toMatchObject({
      switched: false,
      asked: { abort: NOW },
    });
    const kept = at('aborted', 'returning', { known: { backend: { switched: true } } }).journal.members.backend;
    expect(kept).toMatchObject({ switched: true, asked: { retire: NOW } });
  });

  it('leaves out what changes nothing that is public', () => {
    const collecting = at('aborted', 'returning', { collected: [] });
    expect([actsOf(collecting), collecting.journal.members.backend?.asked]).toEqual([['collect backend'], {}]);
    const unclaimed = withMetadata({ annotations: { 'rollout.argoproj.io/revision': '2' } });
    const claiming = at('held', 'returning', { changed: unclaimed });
    expect([actsOf(claiming), claiming.journal.members.backend?.asked]).toEqual([['claim backend'], {}]);
  });
});

describe('a release that has reached its end', () => {
  const note = JSON.stringify({ minReplicas: 1, maxReplicas: 5, replicas: 2 });
  const pinned = (state: State): State => ({ ...state, autoscalers: { scaler: scaler({ note, bounds: [2, 2] }) } });
  const ending = (more: Partial<Moment> = {}) => at('settled', 'settling', { changed: pinned, ...more });

  it('leaves autoscalers still that are to be for its switch', () => {
    const { journal, actions } = at('prepared', 'preparing', {
      changed: pinned,
      journal: { preparedAt: NOW - 1000 },
    });
    expect([journal.phase, actions.map(({ act }) => act)]).toEqual(['switching', ['promote']]);
  });

  it('gives autoscalers their bounds back before it is over, for half a minute', () => {
    const first = ending();
    expect([first.journal.phase, actsOf(first), first.wakeAt]).toEqual(['settling', ['unpin backend'], NOW + 30_000]);
    expect(first.journal.closingSince).toBe(NOW);
    const second = ending({ journal: { closingSince: NOW - 29_999 } });
    expect([second.journal.phase, second.journal.closingSince]).toEqual(['settling', NOW - 29_999]);
    const last = ending({ journal: { closingSince: NOW - 30_000 } });
    expect([last.journal.phase, last.journal.outcome, last.actions]).toEqual(['over', 'promoted', []]);
    expect(last.journal).not.toHaveProperty('closingSince');
  });

  it('is over at once where there is nothing to give back, or it never began', () => {
    expect(ending({ changed: (s) => s }).journal.phase).toBe('over');
    const none = planFor([memberOf('backend'), memberOf('web')]);
    const absent = decisionAt({ plan: none, phase: 'preparing', at: { backend: 'prepared' }, changed: pinned });
    expect([absent.journal.outcome, absent.actions]).toEqual(['usage', []]);
  });

  it('decides nothing more', () => {
    const over = at('prepared', 'over', { journal: { outcome: 'refused' } });
    expect([over.journal.phase, over.actions, 'wakeAt' in over]).toEqual(['over', [], false]);
    expect(over.views).toHaveLength(1);
  });

  it('wakes at no time where nothing ends by itself', () => {
    expect('wakeAt' in at('prepared', 'preparing')).toBe(false);
  });
});

it('a release that has not begun is to be promoted, where nothing else is asked', () => {
  expect(newJournal(NOW)).toEqual({ ask: 'promote', phase: 'preparing', since: NOW, members: {} });
  expect(newJournal(NOW, 'abort').ask).toBe('abort');
});

describe('a signal', () => {
  const journal = (phase: Phase): Journal => ({ ask: 'promote', phase, since: SINCE, members: {} });

  it.each<Phase>(['preparing', 'switching', 'verifying'])('takes a release back that is %s', (phase) => {
    const stopped = interrupt(journal(phase), NOW);
    expect(stopped).toEqual({
      ...journal('returning'),
      since: NOW,
      cause: { code: 'interrupted', message: 'stopped by a signal' },
    });
  });

  it.each<Phase>(['settling', 'returning', 'over'])('changes nothing of one that is %s', (phase) => {
    const before = journal(phase);
    expect(interrupt(before, NOW)).toBe(before);
  });
});

describe('a cause', () => {
  it.each<[string, NonNullable<Moment['changed']>, string]>([
    ['superseded', withStatus('backend', { currentPodHash: 'newer' }), 'superseded'],
    ['withdrawn', withStatus('backend', { currentPodHash: OLD }), 'withdrawn'],
    ['aborted', withStatus('backend', { abort: true }), 'aborted'],
    ['unguarded', withObject('services', 'backend', (s) => ({ ...s, spec: { selector: {} } })), 'unguarded'],
    [
      'rejected',
      withStatus('backend', { pauseConditions: [{ reason: 'InconclusiveAnalysisRun', startTime: '' }] }),
      'gate-failed',
    ],
  ])('is found in every phase before the set stays: %s', (_, changed, code) => {
    for (const phase of ['preparing', 'switching', 'verifying'] as const) {
      const { cause } = at('prepared', phase, { changed: all(changed) }).journal;
      expect([cause?.code, cause?.member]).toEqual([code, 'backend']);
      expect(cause?.message).toMatch(/^backend: ./);
    }
  });
});
