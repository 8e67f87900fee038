import { describe, expect, it } from 'vitest';
import { type Beginning, begin, type Start } from '../../promotion/core/begin.ts';
import { newJournal } from '../../promotion/core/decide.ts';
import type { Ask, Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import { all, entryOf, withMetadata, withObject, withStatus } from './moment.ts';
import {
  memberOf,
  NEW,
  NOW,
  OLD,
  observationOf,
  type Place,
  planFor,
  type State,
  stateAt,
  templateOf,
  together,
} from './state.ts';

type Change = (state: State) => State;
const plan = planFor([memberOf('backend'), memberOf('web')], {
  healthChecks: [{ name: 'public', target: { url: 'http://shop/' }, expect: { version: { value: '2.0.0' } } }],
});
const observed = (backend: Place, web: Place, changed: Change = (s) => s) =>
  observationOf(changed(together(stateAt(backend), stateAt(web, 'web'))));
const start = (backend: Place, web: Place, more: Partial<Start> & { readonly changed?: Change } = {}): Start => {
  const { changed, ...rest } = more;
  return { plan, observation: observed(backend, web, changed), left: undefined, history: [], now: NOW, ...rest };
};
const journal = (phase: Phase, ask: Ask = 'promote', more: Partial<MemberJournal> = {}): Journal => ({
  ask,
  phase,
  since: 1,
  members: { backend: entryOf('backend', more), web: entryOf('web', more) },
});
const left = (of: Journal, isSamePlan = true): Partial<Start> => ({ left: { journal: of, isSamePlan } });
const begun = (beginning: Beginning) => {
  if ('outcome' in beginning) throw new Error(beginning.message);
  return beginning;
};
const refusal = (beginning: Beginning) => ('outcome' in beginning ? beginning : undefined);
const gone = withObject('rollouts', 'web', () => undefined);
const versionsOf = ({ planAt }: ReturnType<typeof begun>, backend: Place, web: Place) =>
  planAt(observed(backend, web)).members.map(({ template }) =>
    JSON.stringify(template) === JSON.stringify(templateOf('backend', 'v1')) ||
    JSON.stringify(template) === JSON.stringify(templateOf('web', 'v1'))
      ? 'v1'
      : 'v2',
  );

describe('a promotion', () => {
  it('begins anew where nothing was left', () => {
    const { planAt, ...rest } = begun(begin('promote', start('before', 'before')));
    expect(rest).toEqual({ journal: newJournal(NOW) });
    expect(planAt(observed('before', 'before'))).toBe(plan);
  });

  it('goes on with what was left of the same manifests', () => {
    const of = journal('verifying');
    const { planAt, ...rest } = begun(begin('promote', start('held', 'held', left(of))));
    expect(rest).toEqual({ journal: { ...of, since: NOW }, isResumed: true });
    expect(planAt(observed('before', 'before'))).toBe(plan);
  });

  it.each<[string, Journal, boolean]>([
    ['of other manifests', journal('settling'), false],
    ['of a rollback', journal('settling', 'rollback'), true],
  ])('first ends what was left %s, by what the Rollouts run', (_, of, isSamePlan) => {
    const beginning = begun(begin('promote', start('settled', 'settled', left(of, isSamePlan))));
    const { planAt: __, ...rest } = beginning;
    expect(rest).toEqual({ journal: { ...of, since: NOW }, isBefore: true, isResumed: true });
    // v2 is what was judged; what the manifests say of a member that runs something else counts for it.
    const wanted = planFor([
      { ...memberOf('backend'), template: templateOf('backend', 'v3') },
      { ...memberOf('web'), template: templateOf('web', 'v3') },
    ]);
    const byOther = begun(begin('promote', start('settled', 'before', { ...left(of, isSamePlan), plan: wanted })));
    expect(byOther.planAt(observed('settled', 'before')).members.map((m) => m.template)).toEqual([
      templateOf('backend', 'v2'),
      templateOf('web', 'v3'),
    ]);
  });

  it('begins anew where of other manifests nothing was switched', () => {
    const { planAt: _, ...rest } = begun(
      begin('promote', start('before', 'before', left(journal('preparing'), false))),
    );
    expect(rest).toEqual({ journal: newJournal(NOW) });
  });
});

describe('an abort', () => {
  const ASKED = { code: 'asked', message: 'a person asked for it' };

  it('brings back every member that is between two revisions', () => {
    const beginning = begun(begin('abort', start('prepared', 'held')));
    const { planAt: _, ...rest } = beginning;
    expect(rest).toEqual({
      journal: {
        ...newJournal(NOW, 'abort'),
        phase: 'returning',
        members: { backend: entryOf('backend'), web: entryOf('web', { switched: true }) },
        cause: ASKED,
      },
    });
    expect(versionsOf(beginning, 'before', 'before')).toEqual(['v1', 'v1']);
  });

  it('leaves members alone that are settled, and keeps what an earlier run knew', () => {
    const known = journal('verifying', 'promote', { switched: true, asked: { promote: 5 } });
    const some = begun(begin('abort', start('settled', 'prepared'))).journal;
    expect(Object.keys(some.members)).toEqual(['web']);
    const resumed = begun(begin('abort', start('held', 'before', left(known))));
    expect([resumed.journal.members, resumed.isResumed]).toEqual([known.members, true]);
    for (const unusable of [{ uid: 'another' }, { from: NEW }, { to: 'newer', from: 'older' }]) {
      const of = journal('verifying', 'promote', unusable);
      expect(begun(begin('abort', start('prepared', 'prepared', left(of)))).journal.members.backend).toEqual(
        entryOf('backend'),
      );
    }
    const { from: _, ...first } = entryOf('backend');
    const unknown = { ...journal('verifying'), members: { backend: first } };
    expect(begun(begin('abort', start('prepared', 'prepared', left(unknown)))).journal.members.backend).toEqual(
      entryOf('backend'),
    );
  });

  it('brings back what the controller has not taken up yet', () => {
    const changed = withMetadata({ generation: 9 });
    const { members } = begun(begin('abort', start('before', 'settled', { changed }))).journal;
    const { to: _, ...unknown } = entryOf('backend');
    // What is live is what it is on its way from.
    expect(members).toEqual({ backend: { ...unknown, switched: true } });
  });

  it.each<[string, Place, Place, Partial<Start> & { readonly changed?: Change }, string]>([
    [
      'nothing is under way',
      'settled',
      'settled',
      {},
      'nothing to abort: no member is between two revisions; `rollback` takes a settled release back',
    ],
    [
      'a member was never stable',
      'settled',
      'prepared',
      { changed: withStatus('web', { stableRS: undefined }) },
      'nothing to abort: no member is between two revisions; `rollback` takes a settled release back',
    ],
    [
      'it is decided that the set stays',
      'held',
      'held',
      left(journal('settling')),
      'it is decided already that this release stays, it is settling: `rollback` takes a settled release back',
    ],
    ['a member is not there', 'held', 'held', { changed: gone }, 'no Rollout web in the cluster: nothing to abort'],
    [
      'a member has no identity',
      'held',
      'held',
      { changed: withMetadata({ uid: '' }) },
      'no Rollout backend in the cluster: nothing to abort',
    ],
  ])('is refused where %s', (_, backend, web, more, message) => {
    expect(refusal(begin('abort', start(backend, web, more)))).toEqual({ outcome: 'usage', message });
  });

  it('leaves a member alone that is stable and merely not healthy', () => {
    const changed = withStatus('web', { phase: 'Progressing' });
    expect(Object.keys(begun(begin('abort', start('prepared', 'settled', { changed }))).journal.members)).toEqual([
      'backend',
    ]);
  });
});

describe('a settle', () => {
  it('verifies a set that is live already', () => {
    const { planAt, ...rest } = begun(begin('settle', start('held', 'settled')));
    expect(rest).toEqual({ journal: { ...newJournal(NOW, 'settle'), phase: 'verifying' } });
    expect(planAt(observed('held', 'held'))).toBe(plan);
    const settling = { changed: withStatus('web', { phase: 'Progressing' }) };
    expect(begun(begin('settle', start('held', 'settled', settling))).journal.phase).toBe('verifying');
  });

  it('knows what a run of the same manifests left, and of others nothing', () => {
    const of = journal('verifying');
    expect(begun(begin('settle', start('held', 'held', left(of)))).journal.members).toEqual(of.members);
    expect(begun(begin('settle', start('held', 'held', left(of, false)))).journal.members).toEqual({});
  });

  it('looks whether anything changed where all is settled', () => {
    const { planAt, ...rest } = begun(begin('settle', start('settled', 'settled', left(journal('verifying')))));
    expect(rest).toEqual({ journal: newJournal(NOW, 'settle') });
    expect(planAt(observed('settled', 'settled'))).toBe(plan);
  });

  it('ends what is settling as a promotion does', () => {
    const of = journal('settling');
    expect(begun(begin('settle', start('held', 'held', left(of)))).journal).toEqual({ ...of, since: NOW });
  });

  it.each<[string, Place, Partial<Start>, string]>([
    [
      'the release goes back',
      'held',
      left(journal('returning')),
      'this release is going back: `promote` or `abort` ends that',
    ],
    [
      'a member is not live',
      'prepared',
      {},
      `only a set that is live on these manifests can settle: web is prepared (revision ${NEW} is up, analysed and paused before the switch); \`promote\` takes it live`,
    ],
  ])('is refused where %s', (_, web, more, message) => {
    expect(refusal(begin('settle', start('held', web, more)))).toEqual({ outcome: 'usage', message });
  });
});

describe('a rollback', () => {
  const before = { version: '1.4.0', at: 5, revisions: { backend: OLD, web: OLD } };
  const history = [{ version: '1.5.0', at: 9, revisions: { backend: NEW, web: NEW } }, before];
  const back = (more: Partial<Start> & { readonly changed?: Change } = {}, web: Place = 'settled') =>
    begin('rollback', start('settled', web, { history, ...more }));
  const old = (name: string, change: (set: State['replicaSets'][string]) => State['replicaSets'][string] | undefined) =>
    withObject('replicaSets', `${name}-${OLD}`, change);
  const deadline = (name: string, at: number) =>
    old(name, (set) => ({
      ...set,
      metadata: {
        ...set.metadata,
        annotations: { 'scale-down-deadline': new Date(at).toISOString() },
      },
    }));
  const available = (name: string, pods: number) =>
    old(name, (set) => ({ ...set, status: { ...set.status, availableReplicas: pods } }));
  const reversed = (name: string) => entryOf(name, { from: NEW, to: OLD });

  it('goes back at once where all old pods are up', () => {
    const beginning = begun(back());
    const { planAt: _, ...rest } = beginning;
    expect(rest).toEqual({
      journal: {
        ...newJournal(NOW, 'rollback'),
        phase: 'returning',
        members: { backend: entryOf('backend', { switched: true }), web: entryOf('web', { switched: true }) },
        cause: { code: 'asked', message: 'a person asked for it' },
      },
    });
    expect(versionsOf(beginning, 'settled', 'settled')).toEqual(['v2', 'v2']);
    for (const changed of [deadline('web', NOW + 15_001), available('web', 3)])
      expect(begun(back({ changed })).journal.phase).toBe('returning');
  });

  it('leaves a member where it is that is on its revision of then', () => {
    const mixed = [history[0], { ...before, revisions: { backend: OLD, web: NEW } }] as Start['history'];
    const { members } = begun(back({ history: mixed })).journal;
    expect(members).toEqual({
      backend: entryOf('backend', { switched: true }),
      web: entryOf('web', { from: NEW, to: NEW, unchanged: true }),
    });
  });

  it.each<[string, Change]>([
    ['has lost a pod', available('web', 1)],
    ['says nothing of its pods', old('web', ({ status: _, ...set }) => set)],
    [
      'has no pod left and no annotation',
      all(
        available('web', 0),
        old('web', ({ metadata: { annotations: _, ...metadata }, ...set }) => ({ ...set, metadata })),
      ),
    ],
    ['is scaled down within 15 s', deadline('web', NOW + 15_000)],
  ])('goes through the gates where one old ReplicaSet %s', (_, changed) => {
    const beginning = begun(back({ changed }));
    const { planAt, ...rest } = beginning;
    expect(rest).toEqual({ journal: newJournal(NOW, 'rollback') });
    const wanted = planAt(observed('settled', 'settled'));
    expect(wanted.members.map(({ name, revision, template }) => [name, revision, template])).toEqual([
      ['backend', OLD, templateOf('backend', 'v1')],
      ['web', OLD, templateOf('web', 'v1')],
    ]);
    // Whatever version these manifests expect is the one that goes.
    expect(wanted.policy.healthChecks.map(({ name, expect: { version, ...rest } }) => [name, version, rest])).toEqual([
      ['public', undefined, { status: 200 }],
    ]);
  });

  it('goes on where a rollback was left', () => {
    const returning = journal('returning', 'rollback');
    const first = begun(back(left(returning)));
    expect([first.journal, first.isResumed, first.isBefore]).toEqual([{ ...returning, since: NOW }, true, undefined]);
    expect(versionsOf(first, 'settled', 'before')).toEqual(['v2', 'v2']);
    const forward: Journal = {
      ...journal('preparing', 'rollback'),
      members: { backend: reversed('backend'), web: reversed('web') },
    };
    // Half-way there: what is live is not what was live when it began.
    const second = begun(back(left(forward), 'before'));
    expect([second.journal, second.isResumed]).toEqual([{ ...forward, since: NOW }, true]);
    expect(second.planAt(observed('settled', 'before')).members.map(({ revision }) => revision)).toEqual([OLD, OLD]);
  });

  it('goes on where one that was left is settling', () => {
    const members = { backend: reversed('backend'), web: reversed('web') };
    const of = { ...journal('settling', 'rollback'), members };
    const beginning = begun(back(left(of), 'before'));
    expect([beginning.journal, beginning.isBefore, beginning.isResumed]).toEqual([
      { ...of, since: NOW },
      undefined,
      true,
    ]);
  });

  it('goes through the gates where the Rollout of a member is gone by then, whatever is up', () => {
    const forward = {
      ...journal('preparing', 'rollback'),
      members: { backend: reversed('backend'), web: reversed('web') },
    };
    expect(refusal(back({ ...left(forward), changed: gone }))).toMatchObject({ outcome: 'refused' });
  });

  it('first ends a release that is settling', () => {
    const of = journal('settling');
    const { planAt: _, ...rest } = begun(back(left(of), 'held'));
    expect(rest).toEqual({ journal: { ...of, since: NOW }, isBefore: true, isResumed: true });
  });

  const NONE =
    'no release is known to have settled before this one: apply the manifests of the version to go back to, and promote them';
  it.each<[string, Partial<Start> & { readonly changed?: Change }, Place, string]>([
    [
      'a release is under way',
      left(journal('verifying')),
      'settled',
      'a release is under way, and has not settled: `abort` brings it back',
    ],
    [
      'a member is between two revisions',
      {},
      'prepared',
      `web is prepared (revision ${NEW} is up, analysed and paused before the switch): only a settled set is rolled back; \`abort\` brings back one that is not`,
    ],
    [
      'a member is not there',
      { changed: gone },
      'settled',
      'web is absent (no Rollout web in the cluster): only a settled set is rolled back; `abort` brings back one that is not',
    ],
    [
      'the controller has not seen a member',
      { changed: withMetadata({ generation: 9 }, 'web') },
      'settled',
      'web is unobserved (the Rollouts controller has not seen this version yet (is it running?)): only a settled set is rolled back; `abort` brings back one that is not',
    ],
    ['no release is known', { history: [] }, 'settled', NONE],
    ['none is known before', { history: history.slice(0, 1) }, 'settled', NONE],
  ])('is wrong where %s', (_, more, web, message) => {
    expect(refusal(back(more, web))).toEqual({ outcome: 'usage', message });
  });

  it.each<[string, Change, Start['history'], string]>([
    [
      'a ReplicaSet is gone',
      old('web', () => undefined),
      history,
      `1.4.0: the ReplicaSet of web's revision ${OLD} is gone`,
    ],
    [
      'a ReplicaSet is empty',
      old('web', ({ spec: { template: _, ...spec }, ...set }) => ({ ...set, spec })),
      history,
      `1.4.0: the ReplicaSet of web's revision ${OLD} is gone`,
    ],
    [
      'both are gone',
      all(
        old('web', () => undefined),
        old('backend', () => undefined),
      ),
      history,
      `1.4.0: the ReplicaSet of backend's revision ${OLD} is gone; the ReplicaSet of web's revision ${OLD} is gone`,
    ],
    [
      'a member is not in it',
      (s) => s,
      [{ revisions: { backend: OLD } }],
      "the release before: the ReplicaSet of web's revision then is gone",
    ],
  ])('is refused where %s', (_, changed, known, said) => {
    expect(refusal(back({ changed, history: known }))).toEqual({
      outcome: 'refused',
      message: `refused: there is no way back to ${said}; apply the manifests of that version, and promote them`,
    });
  });
});
