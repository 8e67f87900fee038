import { describe, expect, it } from 'vitest';
import { POD_HASH, type Rollout } from '../../promotion/cluster/objects.ts';
import { decide } from '../../promotion/core/decide.ts';
import type { Cause, Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import { viewOf } from '../../promotion/core/member.ts';
import { requestOf } from '../../promotion/run/writes.ts';
import { CANARY, canaryAt, canaryMember } from './canary-state.ts';
import { actsOf, all, entryOf, withNewest, withObject, withStatus } from './moment.ts';
import { NEW, NOW, OLD, observationOf, type Place, planFor, type State, templateOf } from './state.ts';

const member = canaryMember('web');
const plan = planFor([member]);
const FAILED: Cause = { code: 'gate-failed', message: 'a gate failed' };

type Change = (state: State) => State;
const nothing: Change = (state) => state;

const stageAt = (place: Place, change = nothing) =>
  viewOf(member, observationOf(change(canaryAt(place, 'web'))), entryOf('web')).stage;

/** What is decided ten seconds into that phase; nine seconds after its abort was asked for. */
function decisionAt(phase: Phase, place: Place, change = nothing, known: Partial<MemberJournal> = {}, cause = FAILED) {
  const journal: Journal = {
    ask: 'promote',
    phase,
    since: NOW - 10_000,
    members: { web: entryOf('web', { asked: { abort: NOW - 9000 }, ...known }) },
    ...(phase === 'returning' ? { cause } : {}),
  };
  return decide(plan, observationOf(change(canaryAt(place, 'web', 1))), journal, NOW, 1);
}

const step = (index: number) => withStatus('web', { currentStepIndex: index });
const run = (index: number, phase: string) =>
  withObject('analysisRuns', `web-${NEW}-2-${index}`, (r) => ({
    ...r,
    status: { ...r.status, phase, metricResults: [{ name: 'health', phase, count: 3, successful: 0 }] },
  }));
const pods = (hash: string, wanted: number, available = wanted) =>
  withObject('replicaSets', `web-${hash}`, (set) => ({
    ...set,
    spec: { ...set.spec, replicas: wanted },
    status: { replicas: wanted, availableReplicas: available },
  }));
const serve = (...hashes: string[]) =>
  withObject('endpointSlices', 'web-x1', (slice) => ({
    ...slice,
    endpoints: hashes.map((hash, i) => ({
      addresses: [`10.0.0.${i}`],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: `web-${hash}-${i}` },
    })),
  }));
const paused = withObject('rollouts', 'web', (r) => ({ ...r, spec: { ...r.spec, paused: true } }));

describe('the stage of a canary', () => {
  it.each<[Place, string]>([
    ['before', 'outdated'],
    ['starting', 'preparing'],
    ['analysing', 'preparing'],
    ['prepared', 'prepared'],
    ['promoted', 'switching'],
    ['live', 'held'],
    ['held', 'held'],
    ['settled', 'settled'],
    ['aborted', 'aborted'],
    ['retired', 'aborted'],
  ])('is at the place %s: %s', (place, stage) => {
    expect(viewOf(member, observationOf(canaryAt(place, 'web')), undefined).stage).toBe(stage);
  });

  it.each<[string, Place, Change, string]>([
    ['its analysis failed', 'prepared', run(1, 'Failed'), 'rejected'],
    ['its analysis has no verdict', 'prepared', run(1, 'Inconclusive'), 'rejected'],
    ['its analysis is gone', 'prepared', withObject('analysisRuns', `web-${NEW}-2-1`, () => undefined), 'preparing'],
    [
      'its analysis was of an earlier try',
      'analysing',
      withStatus('web', { canary: { currentStepAnalysisRunStatus: { name: 'another' } } }),
      'preparing',
    ],
    [
      'its analysis is of another step',
      'prepared',
      withObject('analysisRuns', `web-${NEW}-2-1`, (r) => ({
        ...r,
        metadata: { ...r.metadata, labels: { [POD_HASH]: NEW, 'rollout-type': 'Step', 'step-index': '4' } },
      })),
      'preparing',
    ],
    [
      'its analysis paused it',
      'prepared',
      withStatus('web', { pauseConditions: [{ reason: 'InconclusiveAnalysisRun', startTime: '' }] }),
      'rejected',
    ],
    [
      'it pauses for something else',
      'prepared',
      withStatus('web', { pauseConditions: [{ reason: 'InconclusiveExperiment', startTime: '' }] }),
      'preparing',
    ],
    [
      'it is not paused yet',
      'prepared',
      withStatus('web', { pauseConditions: [], controllerPause: false }),
      'preparing',
    ],
    ['somebody has paused it', 'prepared', paused, 'preparing'],
    ['a full promotion was asked for', 'prepared', withStatus('web', { promoteFull: true }), 'preparing'],
    ['a new pod is missing', 'prepared', pods(NEW, 1, 0), 'preparing'],
    ['it has no new pod at all', 'prepared', pods(NEW, 0), 'preparing'],
    ['an old pod is missing', 'prepared', pods(OLD, 1, 0), 'preparing'],
    ['it is at a step on the way', 'held', step(3), 'switching'],
    ['it has no hold yet', 'held', withObject('analysisRuns', `web-${NEW}-2-5`, () => undefined), 'switching'],
    ['no new pod serves', 'held', serve(OLD), 'switching'],
    ['its hold is over', 'held', step(6), 'settling'],
    ['old pods still serve', 'settled', serve(OLD, NEW), 'settling'],
    ['another template came in', 'held', withStatus('web', { currentPodHash: '5d5d5d5d5' }), 'superseded'],
    [
      'the old template came back',
      'held',
      all(
        withObject('rollouts', 'web', (r) => ({ ...r, spec: { ...r.spec, template: templateOf('web', 'v1') } })),
        withStatus('web', { currentPodHash: OLD }),
      ),
      'withdrawn',
    ],
  ])('when %s', (_, place, change, stage) => {
    expect(stageAt(place, change)).toBe(stage);
  });

  it('says which revision the traffic is given to: the new one between its promotion and an abort', () => {
    const active = (place: Place, change = nothing) =>
      viewOf(member, observationOf(change(canaryAt(place, 'web'))), undefined).active;
    expect((['prepared', 'held', 'settled', 'aborted'] as const).map((place) => active(place))).toEqual([
      OLD,
      NEW,
      NEW,
      OLD,
    ]);
    expect(active('held', step(CANARY.promotion))).toBe(OLD);
    expect(active('held', step(CANARY.promotion + 1))).toBe(NEW);
  });
});

describe('a canary in a release', () => {
  it('is promoted past exactly the pause that waits for it', () => {
    const { actions } = decisionAt('switching', 'prepared');
    const promote = { act: 'promote', member: 'web', uid: 'web-uid', generation: 3, hash: NEW, step: 2 } as const;
    expect(actions).toEqual([promote]);
    expect(requestOf(promote, 1, new Date(NOW)).patch.slice(2)).toEqual([
      { op: 'test', path: '/metadata/generation', value: 3 },
      { op: 'test', path: '/status/currentPodHash', value: NEW },
      { op: 'test', path: '/status/currentStepIndex', value: 2 },
      { op: 'test', path: '/status/pauseConditions/0/reason', value: 'CanaryPauseStep' },
      { op: 'remove', path: '/status/pauseConditions' },
    ]);
  });

  it('has as much more time for its switch as its steps take', () => {
    // Ten seconds of the phase are over.
    expect(decisionAt('switching', 'prepared').wakeAt).toBe(NOW - 10_000 + (60 + 30) * 1000);
  });

  it('goes back when an analysis between its promotion and its hold has not passed', () => {
    const { journal } = decisionAt('verifying', 'held', run(4, 'Failed'), { switched: true });
    expect([journal.phase, journal.cause?.code]).toEqual(['returning', 'gate-failed']);
  });

  it('settles by the end of its hold', () => {
    expect(actsOf(decisionAt('settling', 'held', nothing, { switched: true }))).toEqual(['end-hold web']);
    expect(actsOf(decisionAt('settling', 'held', step(6), { switched: true }))).toEqual([]);
  });
});

describe('the way back of a canary', () => {
  const switched = { switched: true };
  const outcome = ({ journal }: ReturnType<typeof decisionAt>) => journal.outcome;

  it.each<[string, Place, Partial<MemberJournal>, Cause['code']]>([
    ['before its promotion', 'prepared', {}, 'gate-failed'],
    ['while it is held', 'held', switched, 'gate-failed'],
    ['although only a signal stops the run: it has a share already', 'prepared', {}, 'interrupted'],
    ['although a newer release came: it has a share already', 'prepared', {}, 'superseded'],
  ])('begins with an abort %s', (_, place, known, code) => {
    const asked = decisionAt('returning', place, nothing, { asked: {}, ...known }, { ...FAILED, code });
    expect(actsOf(asked)).toEqual(['abort web']);
  });

  it('is over when no new pod serves any more', () => {
    const acknowledged = withStatus('web', { abortedAt: '2026-01-01T11:59:55Z', currentStepIndex: 0 });
    expect(outcome(decisionAt('returning', 'aborted', acknowledged, switched))).toBeUndefined();
    const back = all(acknowledged, serve(OLD, OLD), pods(NEW, 0), pods(OLD, 2));
    expect(outcome(decisionAt('returning', 'aborted', back, switched))).toBe('rolled-back');
  });

  it('gives the old revision its pods back, and then takes the new ones, where the controller does not', () => {
    const refill = { act: 'refill', member: 'web', replicaSet: `web-${OLD}`, replicas: 2 };
    expect(decisionAt('returning', 'aborted', nothing, switched).actions).toMatchObject([refill]);
    expect(decisionAt('returning', 'aborted', pods(OLD, 2, 1), switched).actions).toEqual([]);
    const retire = { act: 'retire', member: 'web', replicaSet: `web-${NEW}` };
    expect(decisionAt('returning', 'aborted', pods(OLD, 2), switched).actions).toMatchObject([retire]);
    // Somebody's own pause keeps the controller from scaling, although it has acknowledged the abort.
    const acknowledged = withStatus('web', { abortedAt: '2026-01-01T11:59:55Z', currentStepIndex: 0 });
    expect(decisionAt('returning', 'aborted', acknowledged, switched).actions).toEqual([]);
    expect(decisionAt('returning', 'aborted', all(acknowledged, paused), switched).actions).toMatchObject([refill]);
  });

  it('leaves that to the controller for the time that it needs', () => {
    const asked = { ...switched, asked: { abort: NOW - 1000 } };
    const acknowledged = all(withStatus('web', { abortedAt: '2026-01-01T11:59:55Z', currentStepIndex: 0 }), paused);
    const { actions, wakeAt } = decisionAt('returning', 'aborted', acknowledged, asked);
    expect([actions, wakeAt]).toEqual([[], NOW + 4000]);
  });

  it('leads a settled one back past its steps: by its old template, and a full promotion of that', () => {
    expect(actsOf(decisionAt('returning', 'settled', nothing, switched))).toEqual(['restore-template web']);
    const restored = all(
      withObject('rollouts', 'web', (r) => ({ ...r, spec: { ...r.spec, template: templateOf('web', 'v1') } })),
      withStatus('web', { currentPodHash: OLD, currentStepIndex: 0 }),
    );
    const full = { act: 'promote-full', member: 'web', uid: 'web-uid', generation: 3, hash: OLD } as const;
    expect(decisionAt('returning', 'settled', restored, switched).actions).toEqual([full]);
    expect(requestOf(full, 1, new Date(NOW)).patch.slice(2)).toEqual([
      { op: 'test', path: '/metadata/generation', value: 3 },
      { op: 'test', path: '/status/currentPodHash', value: OLD },
      { op: 'add', path: '/status/promoteFull', value: true },
    ]);
    // A newer version that the controller has not taken up yet would go live past its gates by that.
    const newer = withNewest('web', 'v3');
    const young = { switched: true, asked: { 'restore-template': NOW - 1000, abort: NOW - 1000 } };
    expect(decisionAt('returning', 'settled', all(restored, newer), young).actions).toEqual([]);
    const scaled = all(restored, newer, withStatus('web', { observedGeneration: '4' }));
    expect(decisionAt('returning', 'settled', scaled, young).actions).toEqual([]);
    const asked = all(restored, withStatus('web', { promoteFull: true }));
    expect(decisionAt('returning', 'settled', asked, switched).actions).toEqual([]);
  });

  it('is asked nothing before the controller has taken up a newer one, which an abort might meet', () => {
    const applied = withNewest('web', 'v3');
    const early = decisionAt('returning', 'held', applied, { switched: true, asked: { abort: NOW - 4999 } });
    expect(early.actions).toEqual([]);
    // It may not be running at all.
    expect(actsOf(decisionAt('returning', 'held', applied, switched))).toEqual(['refill web']);
  });

  it('is over when a newer one came in and nothing of the rejected one serves', () => {
    const newer = withStatus('web', { currentPodHash: '5d5d5d5d5', currentStepIndex: 0 });
    const cause = { ...FAILED, code: 'superseded' } as const;
    expect(outcome(decisionAt('returning', 'held', newer, switched, cause))).toBeUndefined();
    const gone = all(newer, serve(OLD, '5d5d5d5d5'), pods(NEW, 0));
    expect(outcome(decisionAt('returning', 'held', gone, switched, cause))).toBe('superseded');
  });
});

describe('a canary whose traffic a router divides', () => {
  const routed = { ...CANARY, routed: 60 };
  const member = { ...canaryMember('web'), previewService: 'web-preview', canary: routed };

  /** The usual place, with all old pods up, the Services as the controller leads them, and the weight that it has set. */
  function routedAt(place: Place, weight: number, preview: string): State {
    const state = all(pods(OLD, 2), serve(OLD, OLD))(canaryAt(place, 'web', 1));
    const weights = { canary: { weight }, stable: { weight: 100 - weight } };
    const status = (state.rollouts.web as Rollout).status;
    return withStatus('web', { canary: { ...status?.canary, weights } })({
      ...state,
      services: {
        ...state.services,
        'web-preview': service('web-preview', preview),
        web: service('web', OLD),
      },
      endpointSlices: {
        ...state.endpointSlices,
        'web-preview-x1': {
          ...(state.endpointSlices['web-x1'] as State['endpointSlices'][string]),
          metadata: { name: 'web-preview-x1', labels: { 'kubernetes.io/service-name': 'web-preview' } },
          endpoints: [
            {
              addresses: ['10.1.0.1'],
              conditions: { ready: true },
              targetRef: { kind: 'Pod', name: `web-${preview}-x` },
            },
          ],
        },
      },
    });
  }

  const service = (name: string, hash: string) =>
    ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, uid: `${name}-uid`, resourceVersion: '7', annotations: { 'moneywise.app/epoch': '1' } },
      spec: { selector: { app: 'web', [POD_HASH]: hash }, ports: [{ port: 80 }] },
    }) as never;

  const view = (state: State) => viewOf(member, observationOf(state), entryOf('web'));

  it.each<[string, State, string]>([
    ['is prepared without traffic', routedAt('prepared', 0, NEW), 'prepared'],
    ['is not while it has some', routedAt('prepared', 5, NEW), 'preparing'],
    ['is not while its preview leads elsewhere', routedAt('prepared', 0, OLD), 'preparing'],
    ['is held at its last weight', routedAt('held', 60, NEW), 'held'],
    ['is not at another one', routedAt('held', 30, NEW), 'switching'],
    ['is not while its preview leads elsewhere', routedAt('held', 60, OLD), 'switching'],
    ['is not while the old Service leads to new pods', serve(OLD, NEW)(routedAt('held', 60, NEW)), 'switching'],
    ['is not while the old Service leads nowhere', serve()(routedAt('held', 60, NEW)), 'switching'],
  ])('%s', (_, state, stage) => {
    expect(view(state).stage).toBe(stage);
  });

  /** What is decided of its way back, so many milliseconds after its abort was asked for. */
  function back(state: State, since = 9000, cause = FAILED, known: Partial<MemberJournal> = { switched: true }) {
    const journal: Journal = {
      ask: 'promote',
      phase: 'returning',
      since: NOW - 10_000,
      members: { web: entryOf('web', { asked: { abort: NOW - since }, ...known }) },
      cause,
    };
    return decide(planFor([member]), observationOf(state), journal, NOW, 1);
  }
  const acknowledged = withStatus('web', { abortedAt: '2026-01-01T11:59:55Z', currentStepIndex: 0 });

  it('is back when the preview has no weight, or does not lead to the rejected revision: then its pods go', () => {
    const retire = [{ act: 'retire', member: 'web', replicaSet: `web-${NEW}` }];
    expect(back(acknowledged(routedAt('aborted', 0, NEW))).actions).toMatchObject(retire);
    expect(back(acknowledged(routedAt('aborted', 60, OLD))).actions).toMatchObject(retire);
    expect(back(all(acknowledged, pods(NEW, 0))(routedAt('aborted', 0, OLD))).journal.outcome).toBe('rolled-back');
  });

  it('has its preview pointed at the old revision where the controller leaves it its weight', () => {
    const point = { act: 'point-service', member: 'web', service: 'web-preview', hash: OLD };
    for (const state of [routedAt('aborted', 60, NEW), acknowledged(routedAt('aborted', 60, NEW))]) {
      expect(back(state).actions).toMatchObject([point]);
      expect(back(state, 1000).actions).toEqual([]);
    }
    expect(back(acknowledged(routedAt('aborted', 60, NEW)), 1000).wakeAt).toBe(NOW + 4000);
  });

  it('has both Services pointed there where neither leads to the old revision', () => {
    const state = serve(NEW)(routedAt('aborted', 60, NEW));
    const both = { ...state, services: { ...state.services, web: service('web', NEW) } };
    expect(back(both).actions).toMatchObject([{ service: 'web' }, { service: 'web-preview' }]);
  });

  it('is left alone where no old pod is there to take the traffic', () => {
    expect(back(all(pods(OLD, 2, 0))(routedAt('aborted', 60, NEW))).actions).toEqual([]);
  });

  it('stays prepared when a signal stops the run before its switch, or a newer version of another member came', () => {
    for (const [code, outcome] of [
      ['interrupted', 'interrupted'],
      ['superseded', 'superseded'],
    ] as const) {
      const { actions, journal } = back(routedAt('prepared', 0, NEW), 9000, { ...FAILED, code }, { asked: {} });
      expect([actions, journal.outcome]).toEqual([[], outcome]);
    }
  });
});
