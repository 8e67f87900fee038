import { describe, expect, it } from 'vitest';
import type { Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import { afterLapse, contradictionIn, livePlan, planToEnd, resumed, toBeEnded } from '../../promotion/core/resume.ts';
import { entryOf } from './moment.ts';
import { memberOf, NOW, OLD, observationOf, planFor, stateAt, templateOf, together } from './state.ts';

const journal = (phase: Phase, backend: Partial<MemberJournal> = {}): Journal => ({
  ask: 'promote',
  phase,
  since: 1,
  members: { backend: entryOf('backend', backend), web: entryOf('web') },
});

describe('a release that another run left', () => {
  it('is resumed with its decisions and with new clocks', () => {
    expect(resumed(journal('verifying'), NOW)).toEqual({ ...journal('verifying'), since: NOW });
  });

  it.each(['settling', 'returning'] as const)('is ended as it was decided while it is %s', (phase) => {
    expect(toBeEnded(journal(phase), NOW)).toEqual({ ...journal(phase), since: NOW });
  });

  it.each(['preparing', 'switching', 'verifying'] as const)('goes back from %s if any member is switched', (phase) => {
    expect(toBeEnded(journal(phase, { switched: true }), NOW)).toEqual({
      ...journal(phase, { switched: true }),
      since: NOW,
      phase: 'returning',
      cause: { code: 'superseded', message: 'the release before this one was left unfinished' },
    });
    expect(toBeEnded(journal(phase), NOW)).toBeUndefined();
  });
});

describe('a time in which a run could not act', () => {
  it.each(['settling', 'returning'] as const)('does not count while it is %s', (phase) => {
    expect(afterLapse(journal(phase), 80_000)).toEqual({ ...journal(phase), since: 80_001 });
  });

  it.each(['preparing', 'switching', 'verifying'] as const)('counts while it is %s', (phase) => {
    expect(afterLapse(journal(phase), 80_000)).toEqual(journal(phase));
  });

  it.each(['switching', 'returning'] as const)('is no time to nudge a controller in while it is %s', (phase) => {
    const { members } = afterLapse(journal(phase, { owedSince: 5 }), 80_000);
    expect(members).toEqual(journal(phase, { owedSince: 80_005 }).members);
  });

  it('changes nothing that would have to be written when there was none', () => {
    const before = journal('returning');
    expect(afterLapse(before, 0)).toBe(before);
  });
});

describe('the plan of what the Rollouts run', () => {
  const plan = planFor([memberOf('backend'), memberOf('web')], {}, ['migrate']);
  const o = observationOf(together(stateAt('before', 'backend'), stateAt('prepared', 'web')));
  const imageOf = (member: { template: unknown } | undefined) => JSON.stringify(member?.template);

  it('has the live templates, and else what the plan says', () => {
    const live = livePlan(plan, o);
    expect(live.members.map((member) => member.template)).toEqual([
      templateOf('backend', 'v1'),
      templateOf('web', 'v2'),
    ]);
    expect({ ...live, members: [] }).toEqual({ ...plan, members: [] });
    expect(live.members[0]).toEqual({ ...plan.members[0], template: templateOf('backend', 'v1') });
  });

  it('keeps what the plan says of a Rollout that is not there, has no template, or does not count', () => {
    const { backend, ...others } = together(stateAt('before', 'backend'), stateAt('prepared', 'web')).rollouts;
    if (!backend) throw new Error('no Rollout');
    const { template: _, ...spec } = backend.spec;
    const state = stateAt('before', 'backend');
    expect(livePlan(plan, observationOf({ ...state, rollouts: others })).members[0]).toBe(plan.members[0]);
    const bare = observationOf({ ...state, rollouts: { backend: { ...backend, spec } } });
    expect(livePlan(plan, bare).members[0]).toBe(plan.members[0]);
    expect(livePlan(plan, o, (__, name) => name === 'web').members[0]).toBe(plan.members[0]);
  });

  it('ends a release by what a Rollout runs only while that is the judged revision, and the controller has seen it', () => {
    const judged = journal('returning', { to: OLD });
    const wanted = planFor([{ ...memberOf('backend'), template: templateOf('backend', 'v3') }]);
    const imageAtEnd = (state: ReturnType<typeof stateAt>, known: Journal) =>
      imageOf(planToEnd(wanted, known, observationOf(state)).members[0]);
    const before = stateAt('before', 'backend');
    expect(imageAtEnd(before, judged)).toContain('backend:v1');
    expect(imageAtEnd(before, journal('returning'))).toContain('backend:v3');
    expect(imageAtEnd(before, { ...judged, members: {} })).toContain('backend:v3');
    const backend = before.rollouts.backend;
    if (!backend) throw new Error('no Rollout');
    const unseen = { ...backend, metadata: { ...backend.metadata, generation: 9 } };
    expect(imageAtEnd({ ...before, rollouts: { backend: unseen } }, judged)).toContain('backend:v3');
    const { status: _, ...without } = backend;
    expect(imageAtEnd({ ...before, rollouts: { backend: without } }, judged)).toContain('backend:v3');
  });
});

describe('a journal that contradicts the cluster', () => {
  const o = observationOf(together(stateAt('prepared', 'backend'), stateAt('prepared', 'web')));
  const contradiction = (backend: Partial<MemberJournal>) => contradictionIn(journal('switching', backend), o);

  it('names a revision that no ReplicaSet of the Rollout is', () => {
    expect(contradiction({ from: '5d5d5d5d5' })).toBe('backend has no revision 5d5d5d5d5');
    expect(contradiction({ to: '5d5d5d5d5' })).toBe('backend has no revision 5d5d5d5d5');
    expect(contradictionIn({ ...journal('switching'), members: { web: entryOf('web', { to: 'x' }) } }, o)).toBe(
      'web has no revision x',
    );
    const { from: _, ...first } = entryOf('backend', { to: '5d5d5d5d5' });
    expect(contradictionIn({ ...journal('switching'), members: { backend: first } }, o)).toBe(
      'backend has no revision 5d5d5d5d5',
    );
  });

  it('is none that names what is there, nothing at all, or another Rollout', () => {
    expect(contradiction({})).toBeUndefined();
    const { from: _, to: __, ...unknown } = entryOf('backend');
    expect(contradictionIn({ ...journal('switching'), members: { backend: unknown } }, o)).toBeUndefined();
    expect(contradiction({ uid: 'earlier', from: '5d5d5d5d5' })).toBeUndefined();
    expect(
      contradictionIn(journal('switching'), observationOf({ ...stateAt('before'), rollouts: {} })),
    ).toBeUndefined();
  });

  it('is found also behind a member that is another Rollout now', () => {
    const members = { backend: entryOf('backend', { uid: 'earlier' }), web: entryOf('web', { from: 'x' }) };
    expect(contradictionIn({ ...journal('switching'), members }, o)).toBe('web has no revision x');
  });
});
