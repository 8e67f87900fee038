import { describe, expect, it } from 'vitest';
import type { AnalysisRun, Rollout } from '../../promotion/cluster/objects.ts';
import type { Verdict } from '../../promotion/core/observation.ts';
import {
  actsOf,
  all,
  crashed,
  decisionAt,
  type Moment,
  SINCE,
  scaler,
  TEMPLATE_WRITTEN,
  withMetadata,
  withObject,
  withPods,
  withStatus,
} from './moment.ts';
import { memberOf, NEW, NOW, OLD, type Place, planFor, type State, templateOf } from './state.ts';

const POLICY = {
  healthChecks: [
    { name: 'early', when: 'before-switch' as const, target: { url: 'http://shop/' } },
    { name: 'late', target: { url: 'http://shop/' } },
  ],
  timeouts: { prepareSeconds: 600 },
};
const members = [memberOf('backend'), memberOf('web')];
const plan = planFor(members, POLICY);
const unasked = planFor(members, { timeouts: { prepareSeconds: 600 } });

const preparing = (backend: Place, web: Place, more: Partial<Moment> = {}) =>
  decisionAt({ plan: unasked, phase: 'preparing', at: { backend, web }, ...more });
/** As a release begins that knows nothing yet. */
const beginning = (backend: Place, web: Place, more: Partial<Moment> = {}) =>
  preparing(backend, web, { ...more, journal: { members: {}, ...more.journal } });
const answered =
  (name: string, verdict: Verdict) =>
  (state: State): State => ({ ...state, checks: { ...state.checks, [name]: verdict } });
const OOM_KILLED = crashed('OOMKilled', 137);
const passed: Verdict = { verdict: 'pass', final: true, reason: 'it is well' };

describe('a release that begins', () => {
  it('is over at once where every member is settled and was so before', () => {
    const { journal } = beginning('settled', 'settled');
    expect([journal.phase, journal.outcome, journal.cause]).toEqual(['over', 'unchanged', undefined]);
  });

  it.each<[string, Partial<Moment>]>([
    ['one member is new', { at: { backend: 'settled', web: 'prepared' } }],
    ['one member has just become so', { known: { backend: { unchanged: true } } }],
    [
      'one member was so, and is not any more',
      {
        known: { backend: { unchanged: true }, web: { unchanged: true } },
        changed: withStatus('web', { phase: 'Degraded' }),
      },
    ],
  ])('is not unchanged where %s', (_, more) => {
    const { journal } = preparing('settled', 'settled', more);
    expect([journal.phase, journal.outcome]).not.toEqual(['over', 'unchanged']);
  });

  it.each(['backend', 'web'])('is refused, with nothing done, where a member is not in the cluster: %s', (member) => {
    const changed = withObject('rollouts', member, () => undefined);
    const { journal, actions } = beginning('prepared', 'prepared', { changed });
    expect([journal.phase, journal.outcome, actions]).toEqual(['over', 'usage', []]);
    const message = `no Rollout ${member} in the cluster: apply these manifests first`;
    expect(journal.cause).toEqual({ code: 'gate-failed', member, message });
  });

  it('waits for every member that is not prepared, and wakes when its time is up', () => {
    for (const [backend, web] of [
      ['starting', 'prepared'],
      ['prepared', 'analysing'],
      ['before', 'prepared'],
    ] as const) {
      const decision = beginning(backend, web);
      expect([decision.journal.phase, decision.actions, decision.wakeAt]).toEqual(['preparing', [], SINCE + 600_000]);
    }
  });

  it('says what it waited for when its time is up, and not a moment sooner', () => {
    const at = (now: number) => beginning('starting', 'before', { now }).journal;
    expect(at(SINCE + 599_999).phase).toBe('preparing');
    const { phase, cause } = at(SINCE + 600_000);
    expect([phase, cause?.code]).toEqual(['returning', 'not-prepared-in-time']);
    expect(cause?.message).toBe(
      'not prepared after 600 s: backend: revision 79cf4f6d8b: 1 of 2 pods available; ' +
        'web: the cluster runs main=web:v1 wait=web-wait:v1; these manifests want main=web:v2 wait=web-wait:v2: apply them',
    );
  });
});

describe('preparing', () => {
  it('judges the prepared set once more on what was listed since, and switches it then', () => {
    const first = preparing('prepared', 'prepared');
    expect([first.journal.phase, first.journal.preparedAt, actsOf(first)]).toEqual(['preparing', NOW, ['refresh']]);
    const later = (listedAt: number) =>
      preparing('prepared', 'prepared', { journal: { preparedAt: NOW - 1000 }, listedAt });
    const stale = later(NOW - 1001);
    expect([stale.journal.phase, stale.journal.preparedAt, actsOf(stale)]).toEqual([
      'preparing',
      NOW - 1000,
      ['refresh'],
    ]);
    const fresh = later(NOW - 1000);
    expect([fresh.journal.phase, actsOf(fresh)]).toEqual(['switching', ['promote backend', 'promote web']]);
  });

  it('forgets that the set was prepared where it no longer is', () => {
    const { journal } = preparing('prepared', 'starting', { journal: { preparedAt: NOW - 1000 } });
    expect([journal.phase, 'preparedAt' in journal]).toEqual(['preparing', false]);
    const before = preparing('prepared', 'starting').journal;
    expect([before.phase, 'preparedAt' in before]).toEqual(['preparing', false]);
  });

  it.each<Place>(['held', 'settled', 'promoted', 'prepared'])('goes on where a member is %s already', (web) => {
    expect(actsOf(preparing('prepared', web))).toEqual(['refresh']);
  });

  it.each<[string, (state: State) => State, string]>([
    ['an operator aborted a member', withStatus('web', { abort: true, abortedAt: '2026-01-01T11:59:59Z' }), 'aborted'],
    [
      'an analysis has failed',
      withObject('analysisRuns', `web-${NEW}-2-pre`, (run) => ({
        ...run,
        status: {
          ...run.status,
          phase: 'Failed',
          metricResults: (run.status?.metricResults ?? []).map((m) => ({ ...m, phase: 'Failed' })),
        } as NonNullable<AnalysisRun['status']>,
      })),
      'gate-failed',
    ],
    ['a Service lost its hash', withObject('services', 'web', (s) => ({ ...s, spec: { selector: {} } })), 'unguarded'],
    ['a pod of a prepared member has crashed', withPods(`web-${NEW}`, OOM_KILLED), 'gate-failed'],
  ])('takes the set back where %s', (_, changed, code) => {
    const { journal } = preparing('prepared', 'prepared', { changed });
    expect([journal.cause?.code, journal.cause?.member]).toEqual([code, 'web']);
    expect(journal.cause?.message).toMatch(/^web: ./);
    expect(journal.phase).not.toBe('preparing');
  });

  it('minds no pod that crashed of a member that is still coming up, or of the old revision', () => {
    expect(preparing('starting', 'prepared', { changed: withPods(`backend-${NEW}`, OOM_KILLED) }).journal.cause).toBe(
      undefined,
    );
    expect(preparing('prepared', 'prepared', { changed: withPods(`backend-${OLD}`, OOM_KILLED) }).journal.cause).toBe(
      undefined,
    );
  });

  it('waits for a person who paused a member', () => {
    const paused = withObject('rollouts', 'web', (r: Rollout) => ({ ...r, spec: { ...r.spec, paused: true } }));
    expect(actsOf(preparing('prepared', 'prepared', { changed: paused }))).toEqual([]);
  });

  it('hands the template over that this tool wrote, and waits until it is', () => {
    const decision = preparing('prepared', 'prepared', {
      changed: withMetadata({ managedFields: TEMPLATE_WRITTEN }, 'web'),
    });
    expect([decision.journal.phase, actsOf(decision)]).toEqual(['preparing', ['hand-over web']]);
    const late = preparing('prepared', 'prepared', {
      changed: withMetadata({ managedFields: TEMPLATE_WRITTEN }, 'web'),
      now: SINCE + 600_000,
    });
    expect(late.journal.cause?.message).toBe('not prepared after 600 s: web: its template is handed over');
  });

  it('keeps the autoscalers still once nothing else is missing, and names them when its time is up', () => {
    const ofWeb = scaler({ target: { kind: 'Rollout', name: 'web' }, metadata: { name: 'web-scaler' } });
    const changed = (state: State): State => ({ ...state, autoscalers: { 'web-scaler': ofWeb } });
    expect(actsOf(preparing('prepared', 'prepared', { changed }))).toEqual(['pin web']);
    expect(actsOf(preparing('starting', 'prepared', { changed }))).toEqual([]);
    const late = preparing('prepared', 'prepared', { changed, now: SINCE + 600_000 });
    expect(late.journal.cause?.message).toBe(
      'not prepared after 600 s: HorizontalPodAutoscaler web-scaler is not kept still yet',
    );
  });
});

describe('the checks before a switch', () => {
  const asking = (backend: Place, web: Place, more: Partial<Moment> = {}) => preparing(backend, web, { plan, ...more });

  it('are asked once every member is ready, each until it has an answer', () => {
    expect(asking('prepared', 'prepared').actions).toEqual([{ act: 'check', check: 'early' }]);
    expect(asking('prepared', 'starting').actions).toEqual([]);
    const asked = answered('early', { verdict: 'unknown', final: false, reason: 'no answer yet' });
    expect(asking('prepared', 'prepared', { changed: asked }).actions).toEqual([]);
    const late = asking('prepared', 'prepared', { changed: asked, now: SINCE + 600_000 });
    expect(late.journal.cause?.message).toBe('not prepared after 600 s: health check early has not passed yet');
  });

  it('let the release go on once they have passed; those after the switch are not asked yet', () => {
    expect(actsOf(asking('prepared', 'prepared', { changed: answered('early', passed) }))).toEqual(['refresh']);
    const late = answered('late', { verdict: 'fail', final: true, reason: 'not its time' });
    expect(actsOf(asking('prepared', 'prepared', { changed: all(answered('early', passed), late) }))).toEqual([
      'refresh',
    ]);
  });

  it.each<[Verdict['verdict'], string]>([
    ['fail', 'gate-failed'],
    ['unknown', 'gate-unknown'],
  ])('take the set back where one is %s for good', (verdict, code) => {
    const { journal } = asking('prepared', 'prepared', {
      changed: answered('early', { verdict, final: true, reason: 'it said so' }),
    });
    expect([journal.phase, journal.cause]).toEqual(['returning', { code, message: 'health check early: it said so' }]);
  });
});

describe('a member that an earlier release aborted', () => {
  const again = (web: Place, more: Partial<Moment> = {}) => beginning('prepared', web, more);
  const asked = { web: { wasAborted: true, abortedAt: '2026-01-01T11:59:30Z', asked: { retry: NOW - 5000 } } };

  it('loses its pods first, then its analyses, and is tried again then', () => {
    expect(again('aborted').actions).toMatchObject([{ act: 'retire', member: 'web', replicaSet: `web-${NEW}` }]);
    expect(again('retired').actions).toEqual([
      { act: 'forget-run', member: 'web', run: `web-${NEW}-2-pre`, uid: 'web-pre-uid' },
    ]);
    expect(again('forgotten').actions).toEqual([{ act: 'retry', member: 'web', uid: 'web-uid', hash: NEW }]);
    expect(again('forgotten').journal.members.web).toMatchObject({ wasAborted: true, asked: { retry: NOW } });
  });

  it('is waited for, and does not keep another member from being the cause', () => {
    expect(again('forgotten').journal.phase).toBe('preparing');
    const { journal } = again('forgotten', { changed: withPods(`backend-${NEW}`, OOM_KILLED) });
    expect([journal.cause?.member, journal.cause?.code]).toEqual(['backend', 'gate-failed']);
  });

  it('is tried again where the retry was lost, and takes the set back where it was aborted once more', () => {
    expect(actsOf(preparing('prepared', 'forgotten', { known: asked }))).toEqual(['retry web']);
    const { journal } = preparing('prepared', 'forgotten', {
      known: asked,
      changed: withStatus('web', { abortedAt: '2026-01-01T11:59:59Z' }),
    });
    expect([journal.cause?.code, journal.cause?.member]).toEqual(['aborted', 'web']);
  });

  it('is tried again where its abort was still under way when the release began, and its retry is not seen yet', () => {
    const begun = again('forgotten', { changed: withStatus('web', { abortedAt: undefined }) }).journal;
    const done = preparing('prepared', 'forgotten', { journal: begun });
    expect(actsOf(done)).toEqual(['retry web']);
    expect(actsOf(preparing('prepared', 'forgotten', { journal: done.journal }))).toEqual(['retry web']);
    const later = withStatus('web', { abortedAt: '2026-01-01T11:59:59Z' });
    const { cause } = preparing('prepared', 'forgotten', { journal: done.journal, changed: later }).journal;
    expect([cause?.code, cause?.member]).toEqual(['aborted', 'web']);
  });

  it('takes the set back where it was not aborted when this release began', () => {
    for (const wasAborted of [{}, { wasAborted: false }]) {
      const { journal } = preparing('prepared', 'forgotten', { known: { web: wasAborted } });
      expect([journal.cause?.code, journal.cause?.member]).toEqual(['aborted', 'web']);
      expect(journal.members.web).not.toHaveProperty('abortedAt');
    }
  });

  it('is judged like any other once somebody has tried it again', () => {
    const tried = { web: { wasAborted: true, abortedAt: '2026-01-01T11:59:30Z' } };
    const inconclusive = { reason: 'InconclusiveAnalysisRun', startTime: '2026-01-01T11:59:00Z' };
    const { journal } = preparing('prepared', 'prepared', {
      known: tried,
      changed: withStatus('web', { pauseConditions: [inconclusive] }),
    });
    expect([journal.cause?.code, journal.cause?.member]).toEqual(['gate-failed', 'web']);
  });

  it('is not tried again while its abort is not done', () => {
    const decision = again('aborted', { changed: withStatus('web', { abortedAt: undefined }) });
    expect([decision.journal.phase, actsOf(decision)]).toEqual(['preparing', []]);
  });
});

describe('a rollback through the gates', () => {
  // What is wanted is v2, which served before; the cluster runs v1.
  const wanted = planFor(
    members.map((member) => ({ ...member, revision: NEW })),
    { timeouts: { prepareSeconds: 600 } },
  );
  /** With the pods of the wanted revision as many as said. */
  const withWanted =
    (replicas: number) =>
    (state: State): State => {
      const [name, old] = [`web-${NEW}`, state.replicaSets[`web-${OLD}`]] as const;
      if (!old) throw new Error('no ReplicaSet');
      const metadata = { ...old.metadata, name, uid: `${name}-uid`, labels: { 'rollouts-pod-template-hash': NEW } };
      const set = { ...old, metadata, spec: { ...old.spec, replicas, template: templateOf('web', 'v2') } };
      return { ...state, replicaSets: { ...state.replicaSets, [name]: set } };
    };
  const rolling = (changed: Moment['changed'] = (s) => s, more: Partial<Moment> = {}) =>
    beginning('prepared', 'before', { plan: wanted, ask: 'rollback', changed, ...more });

  it('puts the wanted template into the Rollout', () => {
    expect(rolling().actions).toEqual([
      {
        act: 'restore-template',
        member: 'web',
        uid: 'web-uid',
        generation: 1,
        hash: OLD,
        template: templateOf('web', 'v2'),
      },
    ]);
  });

  it('retires pods of that revision before, which would be taken live at once', () => {
    expect(actsOf(rolling(withWanted(1)))).toEqual(['retire web']);
    expect(actsOf(rolling(withWanted(0)))).toEqual(['restore-template web']);
  });

  it('waits until the controller has seen what is there', () => {
    for (const changed of [withMetadata({ generation: 2 }, 'web'), withStatus('web', { currentPodHash: undefined })])
      expect(actsOf(rolling(changed)).filter((act) => act === 'restore-template web')).toEqual([]);
  });

  it('is what only a rollback does', () => {
    expect(actsOf(rolling((s) => s, { ask: 'promote' }))).toEqual([]);
  });
});
