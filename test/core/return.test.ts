import { describe, expect, it } from 'vitest';
import type { Cause, MemberJournal } from '../../promotion/core/journal.ts';
import { requestOf } from '../../promotion/run/writes.ts';
import {
  actsOf,
  all,
  decisionAt,
  type Moment,
  SINCE,
  TEMPLATE_WRITTEN,
  withMetadata,
  withNewest,
  withObject,
  withStatus,
} from './moment.ts';
import { memberOf, NEW, NOW, OLD, type Place, planFor, type State, stateAt, templateOf } from './state.ts';

const plan = planFor([memberOf('backend')], { timeouts: { returnSeconds: 60 } });
const two = planFor([memberOf('backend', 0), memberOf('web', 10)], { timeouts: { returnSeconds: 60 } });
const FAILED: Cause = { code: 'gate-failed', message: 'a gate failed' };
const CLEAN_ABORT = { abort: true, abortedAt: '2026-01-01T11:59:50Z' };
/** A release whose new revision is OLD, so that it goes back to NEW. */
const REVERSED = { from: NEW, to: OLD, switched: true };

/** A backend that goes back since ten seconds, after its switch and an abort asked for nine seconds ago. */
const returning = (place: Place, known: Partial<MemberJournal> = {}, more: Partial<Moment> = {}) =>
  decisionAt({
    plan,
    phase: 'returning',
    at: { backend: place },
    known: { backend: { switched: true, asked: { abort: NOW - 9000 }, ...known } },
    ...more,
    journal: { cause: FAILED, ...more.journal },
  });
const because = (code: Cause['code']): Partial<Moment> => ({ journal: { cause: { code, message: 'so it is' } } });
const outcomeOf = (decision: ReturnType<typeof decisionAt>) => [decision.journal.phase, decision.journal.outcome];

const select = (hash: string | undefined, name = 'backend') =>
  withObject('services', name, (service) => ({
    ...service,
    spec: { ...service.spec, selector: hash === undefined ? {} : { 'rollouts-pod-template-hash': hash } },
  }));
/** With the endpoints behind the active Service of that revision. */
const serve = (hash: string, name = 'backend') =>
  withObject('endpointSlices', `${name}-x1`, (slice) => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map((endpoint, i) => ({
      ...endpoint,
      targetRef: { kind: 'Pod', name: `${name}-${hash}-${i}` },
    })),
  }));
const available = (hash: string, pods: number | undefined) =>
  withObject('replicaSets', `backend-${hash}`, (set) => {
    const { status, ...silent } = set;
    return pods === undefined ? silent : ({ ...set, status: { ...status, availableReplicas: pods } } as typeof set);
  });
const up = (replicas: number | undefined, hash = NEW, name = 'backend') =>
  withObject('replicaSets', `${name}-${hash}`, (set) => {
    const { replicas: _, ...spec } = set.spec;
    return { ...set, spec: replicas === undefined ? spec : { ...spec, replicas } };
  });
const without = (...names: string[]) => all(...names.map((name) => withObject('replicaSets', name, () => undefined)));

describe('the way back of a member', () => {
  it('begins with an abort of exactly its revision', () => {
    const abort = { act: 'abort', member: 'backend', uid: 'backend-uid', generation: 3, hash: NEW } as const;
    expect(returning('held').actions).toEqual([abort]);
    expect(requestOf(abort, 1, new Date(NOW)).patch.slice(2)).toEqual([
      { op: 'test', path: '/metadata/generation', value: 3 },
      { op: 'test', path: '/status/currentPodHash', value: NEW },
      { op: 'add', path: '/status/abort', value: true },
    ]);
    expect(actsOf(returning('prepared', { switched: false }))).toEqual(['abort backend']);
  });

  it('asks for no second abort while one is under way, or done', () => {
    for (const status of [{ abort: true }, { abortedAt: '2026-01-01T11:59:50Z' }, CLEAN_ABORT])
      expect(actsOf(returning('held', {}, { changed: withStatus('backend', status) }))).not.toContain('abort backend');
    expect(actsOf(returning('prepared', {}, { changed: withStatus('backend', { abort: true }) }))).toEqual([]);
  });

  it('retires what was rejected once traffic is back and the abort is done', () => {
    expect(returning('aborted').actions).toEqual([
      {
        act: 'retire',
        member: 'backend',
        replicaSet: `backend-${NEW}`,
        uid: `backend-${NEW}-uid`,
        resourceVersion: '90',
      },
    ]);
    expect(actsOf(returning('aborted', {}, { changed: withStatus('backend', { abortedAt: undefined }) }))).toEqual([]);
  });

  it.each<[string, Moment['changed']]>([
    ['has no pods left', up(0)],
    ['says nothing of its pods', up(undefined)],
    ['is gone', without(`backend-${NEW}`)],
    [
      'has no uid',
      withObject('replicaSets', `backend-${NEW}`, (s) => ({ ...s, metadata: { ...s.metadata, uid: '' } })),
    ],
    [
      'has no version',
      withObject('replicaSets', `backend-${NEW}`, (s) => ({ ...s, metadata: { ...s.metadata, resourceVersion: '' } })),
    ],
  ])('is done where the rejected ReplicaSet %s', (_, changed) => {
    const decision = returning('aborted', {}, changed ? { changed } : {});
    expect([...outcomeOf(decision), decision.actions]).toEqual(['over', 'rolled-back', []]);
  });

  it('keeps what the rejected pods leave behind first, for half of its time at most', () => {
    const collecting = (collected: readonly string[], now: number) => returning('aborted', {}, { collected, now });
    const first = collecting([`backend-${OLD}`], SINCE + 29_999);
    expect(first.actions).toEqual([{ act: 'collect', member: 'backend', replicaSet: `backend-${NEW}` }]);
    expect(first.wakeAt).toBe(SINCE + 30_000);
    expect(actsOf(collecting([`backend-${NEW}`], SINCE + 29_999))).toEqual(['retire backend']);
    expect(actsOf(collecting([], SINCE + 30_000))).toEqual(['retire backend']);
    expect(collecting([], SINCE + 30_000).wakeAt).toBe(SINCE + 60_000);
    expect(outcomeOf(collecting([], SINCE + 60_000))).toEqual(['over', 'rolled-back']);
  });
});

describe('the active Service of a member that goes back', () => {
  const aborted = withStatus('backend', CLEAN_ABORT);

  it('is moved to the old pods where the controller has not done it in its time', () => {
    const at = (now: number, asked: MemberJournal['asked']) => returning('held', { asked }, { changed: aborted, now });
    const asked = { abort: NOW - 4999 };
    expect([at(NOW, asked).actions, at(NOW, asked).wakeAt]).toEqual([[], NOW + 1]);
    expect(at(NOW + 1, asked).actions).toEqual([
      {
        act: 'point-service',
        member: 'backend',
        service: 'backend',
        uid: 'backend-service-uid',
        resourceVersion: '80',
        selector: { 'rollouts-pod-template-hash': NEW },
        hash: OLD,
      },
    ]);
    expect(actsOf(at(NOW, { 'restore-template': NOW - 4999 }))).toEqual([]);
    expect(actsOf(at(NOW, { 'restore-template': NOW - 5000 }))).toEqual(['point-service backend']);
    expect(actsOf(at(NOW, { abort: NOW - 4999, 'restore-template': NOW - 9000 }))).toEqual([]);
    expect(actsOf(at(SINCE + 4999, {}))).toEqual([]);
    expect(actsOf(at(SINCE + 5000, {}))).toEqual(['point-service backend']);
  });

  it.each<[string, number | undefined, number | undefined, boolean]>([
    ['there are both', 2, 2, true],
    ['there are old pods alone', 1, 0, true],
    ['there are none at all', 0, 0, true],
    ['nothing is said of either', undefined, undefined, true],
    ['there are new pods alone', 0, 2, false],
    ['there is a single new pod', undefined, 1, false],
  ])('is never moved from pods that serve to none: %s', (_, old, current, moves) => {
    const changed = all(aborted, available(OLD, old), available(NEW, current));
    expect(actsOf(returning('held', {}, { changed })).includes('point-service backend')).toBe(moves);
    // One that has lost its hash selects the pods of both, and is put right at once.
    const lost = all(select(undefined), available(OLD, old), available(NEW, current));
    const { actions } = returning('held', { asked: {} }, { changed: lost, now: SINCE });
    expect(actions.map(({ act }) => act)).toEqual(moves ? ['point-service'] : []);
  });

  it('that lost its hash does not select the pods of other Rollouts', () => {
    const changed = all(select(undefined), available(OLD, 0), available(NEW, 0));
    const withForeign = (state: State): State => ({
      ...changed(state),
      replicaSets: { ...changed(state).replicaSets, ...stateAt('settled', 'other').replicaSets },
    });
    expect(actsOf(returning('held', {}, { changed: withForeign }))).toEqual(['point-service backend']);
  });

  it('is left where it is not there, or there already while its endpoints still follow', () => {
    for (const changed of [
      withObject('services', 'backend', () => undefined),
      withObject('services', 'backend', (s) => ({ ...s, metadata: { ...s.metadata, uid: '' } })),
      withObject('services', 'backend', (s) => ({ ...s, metadata: { ...s.metadata, resourceVersion: '' } })),
      select(OLD),
    ]) {
      const decision = returning('held', {}, { changed: all(aborted, changed) });
      expect([decision.journal.phase, decision.actions]).toEqual(['returning', []]);
    }
  });

  it('counts as back only with endpoints of nothing else', () => {
    const back = (changed: NonNullable<Moment['changed']>) => returning('held', {}, { changed: all(aborted, changed) });
    expect(actsOf(back(all(select(OLD), serve(OLD))))).toEqual(['retire backend']);
    expect(actsOf(back(select(OLD)))).toEqual([]);
    expect(outcomeOf(returning('held', {}, { changed: all(aborted, select(OLD)), now: SINCE + 60_000 }))).toEqual([
      'over',
      'stuck',
    ]);
  });
});

describe('a member that runs its old revision again', () => {
  const reversed = (place: Place, changed: NonNullable<Moment['changed']> = (s) => s) =>
    returning(place, REVERSED, { changed });

  it('is promoted where the controller has paused it before its switch', () => {
    expect(reversed('prepared').actions).toEqual([
      { act: 'promote', member: 'backend', uid: 'backend-uid', generation: 3, hash: NEW },
    ]);
    const there = all(select(NEW), serve(NEW));
    expect(actsOf(reversed('prepared', there))).toEqual([]);
    const otherwise = withStatus('backend', {
      pauseConditions: [{ reason: 'InconclusiveAnalysisRun', startTime: '' }],
    });
    expect(actsOf(reversed('prepared', otherwise))).toEqual(['point-service backend']);
    for (const pauseConditions of [undefined, []])
      expect(actsOf(reversed('prepared', withStatus('backend', { pauseConditions })))).toEqual([
        'point-service backend',
      ]);
  });

  it('has its hold ended where it is not stable yet', () => {
    expect(reversed('held').actions).toEqual([
      { act: 'end-hold', member: 'backend', run: `backend-${NEW}-2-post`, uid: 'backend-post-uid', hash: NEW },
    ]);
    expect(reversed('held').journal.phase).toBe('returning');
  });

  it('hands its template over before what was rejected is retired', () => {
    const written = withMetadata({ managedFields: TEMPLATE_WRITTEN });
    expect(actsOf(reversed('settled', written))).toEqual(['hand-over backend']);
    expect(reversed('settled').actions).toMatchObject([{ act: 'retire', replicaSet: `backend-${OLD}` }]);
    expect(outcomeOf(reversed('settled', up(0, OLD)))).toEqual(['over', 'rolled-back']);
  });
});

describe('a member that is stable on its new revision', () => {
  it('gets the template of its old ReplicaSet back', () => {
    expect(returning('settled').actions).toEqual([
      {
        act: 'restore-template',
        member: 'backend',
        uid: 'backend-uid',
        generation: 3,
        hash: NEW,
        template: templateOf('backend', 'v1'),
      },
    ]);
  });

  it.each<[string, NonNullable<Moment['changed']>]>([
    ['its old ReplicaSet is gone', without(`backend-${OLD}`)],
    [
      'that has no template',
      withObject('replicaSets', `backend-${OLD}`, ({ spec: { template: _, ...spec }, ...set }) => ({ ...set, spec })),
    ],
    [
      'the controller has not seen its newest spec',
      withObject('rollouts', 'backend', (r) => ({ ...r, metadata: { ...r.metadata, generation: 4 } })),
    ],
  ])('is stuck where %s', (_, changed) => {
    const decision = returning('settled', {}, { changed });
    expect([decision.journal.phase, decision.actions]).toEqual(['returning', []]);
    expect(outcomeOf(returning('settled', {}, { changed, now: SINCE + 60_000 }))).toEqual(['over', 'stuck']);
  });
});

describe('a member with a newer revision than the one that was judged', () => {
  const newer = withStatus('backend', { currentPodHash: 'newer' });

  it('is asked nothing before the controller has taken that up: an abort might meet the newer one', () => {
    const applied = withNewest('backend', 'v3');
    const later = (place: Place, milliseconds: number) =>
      returning(place, { asked: {} }, { changed: applied, now: SINCE + milliseconds });
    expect(later('held', 4999).actions).toEqual([]);
    expect(later('settled', 4999).actions).toEqual([]);
    // It may not be running at all.
    expect(actsOf(later('held', 5000))).toEqual(['point-service backend']);
    expect([later('prepared', 9000).journal.phase, later('prepared', 9000).actions]).toEqual(['returning', []]);
    // It has seen the spec, but only a change of replicas of it so far.
    const scaled = all(applied, withStatus('backend', { observedGeneration: '4' }));
    expect(returning('held', { asked: {} }, { changed: scaled, now: SINCE + 4999 }).actions).toEqual([]);
    expect(outcomeOf(later('prepared', 60_000))).toEqual(['over', 'rolled-back']);
  });

  it('is not aborted, but its traffic goes back, and what was judged is retired', () => {
    expect(actsOf(returning('held', {}, { changed: newer }))).toEqual(['point-service backend']);
    expect(actsOf(returning('prepared', {}, { changed: newer }))).toEqual(['retire backend']);
    expect(outcomeOf(returning('retired', {}, { changed: newer }))).toEqual(['over', 'rolled-back']);
  });

  it('is left alone where it was never known what it was to run', () => {
    const unknown = (place: Place, more: Partial<Moment> = {}) =>
      decisionAt({
        plan,
        phase: 'returning',
        at: { backend: place },
        ...more,
        journal: {
          cause: FAILED,
          members: { backend: { uid: 'backend-uid', from: OLD, switched: false, unchanged: false, asked: {} } },
        },
      });
    expect(outcomeOf(unknown('before'))).toEqual(['over', 'refused']);
    // An abort waits for a revision that comes up: nobody would be there to abort it.
    const applied = all(
      withObject('rollouts', 'backend', (r) => ({
        ...r,
        metadata: { ...r.metadata, generation: 2 },
        spec: { ...r.spec, template: templateOf('backend', 'v2') },
      })),
    );
    const waiting = unknown('before', { ask: 'abort', changed: applied });
    expect([waiting.journal.phase, waiting.actions]).toEqual(['returning', []]);
    expect(outcomeOf(unknown('before', { changed: applied }))).toEqual(['over', 'refused']);
    expect(outcomeOf(unknown('before', { ask: 'abort' }))).toEqual(['over', 'refused']);
    expect(outcomeOf(unknown('before', { ask: 'abort', changed: applied, now: SINCE + 60_000 }))).toEqual([
      'over',
      'refused',
    ]);
    expect(actsOf(unknown('before', { changed: select(NEW) }))).toEqual(['point-service backend']);
  });
});

describe('what does not go back', () => {
  it.each<[string, Place, Partial<MemberJournal>, Partial<Moment>]>([
    ['what a signal stopped before the first switch', 'prepared', { switched: false }, because('interrupted')],
    ['what was superseded before its switch', 'prepared', { switched: false }, because('superseded')],
    ['what was there before', 'held', { unchanged: true }, {}],
    ['another Rollout of that name', 'held', { uid: 'another' }, {}],
    ['what is gone', 'held', {}, { changed: withObject('rollouts', 'backend', () => undefined) }],
  ])('is %s', (_, place, known, more) => {
    const { journal, actions } = returning(place, known, more);
    expect([journal.phase, actions]).toEqual(['over', []]);
  });

  it('is a member that went before anything was known of it', () => {
    const changed = withObject('rollouts', 'web', () => undefined);
    const known = { uid: 'backend-uid', from: OLD, to: NEW, switched: true, unchanged: false, asked: {} };
    const journal = { cause: FAILED, members: { backend: known } };
    const { journal: after, actions } = decisionAt({
      plan: two,
      phase: 'returning',
      at: { backend: 'retired', web: 'held' },
      changed,
      journal,
    });
    expect([after.phase, after.outcome, actions]).toEqual(['over', 'rolled-back', []]);
  });

  it('is a first deployment', () => {
    const { journal, actions } = decisionAt({
      plan,
      phase: 'returning',
      at: { backend: 'held' },
      journal: {
        cause: FAILED,
        members: { backend: { uid: 'backend-uid', to: NEW, switched: false, unchanged: false, asked: {} } },
      },
    });
    expect([journal.phase, actions]).toEqual(['over', []]);
  });

  it('is only that: after a switch a signal takes the set back, and so does a newer revision', () => {
    expect(actsOf(returning('held', {}, because('interrupted')))).toEqual(['abort backend']);
    expect(actsOf(returning('held', {}, because('superseded')))).toEqual(['abort backend']);
    expect(actsOf(returning('prepared', { switched: false }, because('aborted')))).toEqual(['abort backend']);
    const moved = { changed: withStatus('backend', { currentPodHash: 'newer' }), ...because('superseded') };
    expect(actsOf(returning('prepared', { switched: false }, moved))).toEqual(['retire backend']);
  });
});

describe('a set that goes back', () => {
  const SWITCHED = { backend: { switched: true }, web: { switched: true } };
  const set = (backend: Place, web: Place, more: Partial<Moment> = {}) =>
    decisionAt({
      plan: two,
      phase: 'returning',
      at: { backend, web },
      known: SWITCHED,
      ...more,
      journal: { cause: FAILED, ...more.journal },
    });

  it('does so in reverse order, the next once the one before has its traffic back or had its time', () => {
    const at = (now: number, backend: Place = 'held', web: Place = 'held') => actsOf(set(backend, web, { now }));
    expect(at(SINCE + 4999)).toEqual(['abort web']);
    expect(at(SINCE + 5000)).toEqual(['abort backend', 'abort web']);
    expect(at(SINCE + 1000, 'held', 'aborted')).toEqual(['abort backend']);
    expect(at(SINCE + 1000, 'held', 'retired')).toEqual(['abort backend']);
  });

  it('does away with what was rejected once all traffic is back, or after a quarter of its time', () => {
    const at = (now: number, backend: Place, more: Partial<Moment> = {}) => set(backend, 'aborted', { now, ...more });
    expect(actsOf(at(SINCE + 1000, 'aborted'))).toEqual(['retire backend', 'retire web']);
    expect(actsOf(at(SINCE + 14_999, 'held'))).toEqual(['abort backend']);
    expect(at(SINCE + 14_999, 'held').wakeAt).toBe(SINCE + 15_000);
    expect(actsOf(at(SINCE + 15_000, 'held'))).toEqual(['abort backend', 'retire web']);
    expect(at(SINCE + 15_000, 'held').wakeAt).toBe(SINCE + 60_000);
  });

  it('takes members that had not switched back at once', () => {
    const known = { ...SWITCHED, backend: { switched: false } };
    expect(actsOf(set('prepared', 'held', { now: SINCE, known }))).toEqual(['abort backend', 'abort web']);
    const web = { ...SWITCHED, web: { switched: false } };
    expect(actsOf(set('held', 'prepared', { now: SINCE, known: web }))).toEqual(['abort backend', 'abort web']);
  });

  it('wakes when its time is up, and at the first moment before at which one may do more', () => {
    expect(set('held', 'held').wakeAt).toBe(SINCE + 60_000);
    const asked = {
      backend: { switched: true, asked: { abort: NOW - 1000 } },
      web: { switched: true, asked: { abort: NOW - 2000 } },
    };
    const changed = all(withStatus('backend', CLEAN_ABORT), withStatus('web', CLEAN_ABORT));
    expect(set('held', 'held', { known: asked, changed }).wakeAt).toBe(NOW + 3000);
  });

  it('ends in its time, stuck where the traffic of one is not back, and told otherwise', () => {
    const late = { now: SINCE + 60_000 };
    expect(outcomeOf(set('held', 'aborted', late))).toEqual(['over', 'stuck']);
    expect(outcomeOf(set('aborted', 'aborted', late))).toEqual(['over', 'rolled-back']);
    expect(set('held', 'held', { now: SINCE + 59_999 }).journal.phase).toBe('returning');
  });

  it.each<[Cause['code'], boolean, string]>([
    ['asked', true, 'restored'],
    ['superseded', true, 'superseded'],
    ['superseded', false, 'superseded'],
    ['gate-failed', true, 'rolled-back'],
    ['gate-failed', false, 'refused'],
    ['interrupted', true, 'rolled-back'],
    ['interrupted', false, 'interrupted'],
  ])('for that it was %s, with one member switched: %s, is then %s', (code, switched, outcome) => {
    const known = { backend: { switched }, web: { switched: false } };
    expect(outcomeOf(set('retired', 'retired', { known, ...because(code) }))).toEqual(['over', outcome]);
  });
});
