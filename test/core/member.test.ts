import { describe, expect, it } from 'vitest';
import type { EndpointSlice, PodTemplate, ReplicaSet, Rollout } from '../../promotion/cluster/objects.ts';
import type { MemberJournal } from '../../promotion/core/journal.ts';
import {
  imageList,
  isObserved,
  isSaturated,
  owesAnswer,
  phaseOf,
  postAnalysisOf,
  replicaSetOf,
  replicasOf,
  type Stage,
  viewOf,
} from '../../promotion/core/member.ts';
import { servingProblem } from '../../promotion/core/serving.ts';
import type { Member } from '../../promotion/plan/plan.ts';
import { all, withMetadata, withObject, withStatus } from './moment.ts';
import { memberOf, NEW, OLD, observationOf, type Place, type State, stateAt, templateOf } from './state.ts';

type Change = (state: State) => State;
const same: Change = (state) => state;
const KNOWN: MemberJournal = {
  uid: 'backend-uid',
  from: OLD,
  to: NEW,
  switched: false,
  unchanged: false,
  asked: {},
};
const member = memberOf('backend');
const viewAt = (place: Place, changed: Change = same, known?: MemberJournal, of: Member = member) =>
  viewOf(of, observationOf(changed(stateAt(place))), known);

const withSpec = (spec: Partial<Rollout['spec']>) =>
  withObject('rollouts', 'backend', (r) => ({ ...r, spec: { ...r.spec, ...spec } }));
const select = (hash: string) =>
  withObject('services', 'backend', (s) => ({
    ...s,
    spec: { ...s.spec, selector: hash ? { 'rollouts-pod-template-hash': hash } : {} },
  }));
const withEndpoints = (endpoints: EndpointSlice['endpoints']) =>
  withObject('endpointSlices', 'backend-x1', ({ endpoints: _, ...slice }) => ({
    ...slice,
    ...(endpoints ? { endpoints } : {}),
  }));
const withSet = (hash: string, change: (set: ReplicaSet) => ReplicaSet | undefined) =>
  withObject('replicaSets', `backend-${hash}`, change);
const available = (hash: string, pods: number) =>
  withSet(hash, (set) => ({
    ...set,
    status: { ...set.status, availableReplicas: pods } as NonNullable<typeof set.status>,
  }));
const paused = (...reasons: string[]) =>
  withStatus('backend', { pauseConditions: reasons.map((reason) => ({ reason, startTime: '2026-01-01T11:59:00Z' })) });
const blueGreen = (activeSelector: string) =>
  withObject('rollouts', 'backend', (r) => ({
    ...r,
    status: { ...r.status, blueGreen: { ...r.status?.blueGreen, activeSelector } } as NonNullable<typeof r.status>,
  }));
const withPreRun = (change: (phase: string) => { phase: string; terminate?: boolean }) =>
  withObject('analysisRuns', `backend-${NEW}-2-pre`, (run) => {
    const { phase, terminate } = change(run.status?.phase ?? '');
    const metricResults = (run.status?.metricResults ?? []).map((m) => ({ ...m, phase }));
    return {
      ...run,
      spec: { ...run.spec, ...(terminate === undefined ? {} : { terminate }) },
      status: { ...run.status, phase, metricResults } as NonNullable<typeof run.status>,
    };
  });
const otherTemplate = templateOf('backend', 'v3');
const otherEnv = (template: PodTemplate | undefined): PodTemplate =>
  JSON.parse(JSON.stringify(template).replace('config-v2', 'config-v9')) as PodTemplate;

describe('a member stands where its objects say', () => {
  it.each<[Place, Stage, string]>([
    [
      'before',
      'outdated',
      'the cluster runs main=backend:v1 wait=backend-wait:v1; these manifests want main=backend:v2 wait=backend-wait:v2: apply them',
    ],
    ['starting', 'preparing', `revision ${NEW}: 1 of 2 pods available`],
    [
      'analysing',
      'preparing',
      `backend-${NEW}-2-pre: metric health Running (1 of 1 measurements good; last value {"status":"ok"})`,
    ],
    ['prepared', 'prepared', `revision ${NEW} is up, analysed and paused before the switch`],
    ['promoted', 'switching', 'promoted, the controller has not acted yet'],
    ['held', 'held', `live on ${NEW}, ${OLD} still stable`],
    ['settled', 'settled', `live and stable on ${NEW}`],
    ['aborted', 'aborted', 'aborted: RolloutAborted'],
  ])('%s: %s', (place, stage, reason) => {
    const { stage: found, reason: said } = viewAt(place);
    expect([found, said]).toEqual([stage, reason]);
  });

  it('and carries what it was judged by', () => {
    const view = viewAt('held');
    expect([view.member, view.rollout?.metadata.name, view.current, view.stable, view.active]).toEqual([
      member,
      'backend',
      NEW,
      OLD,
      NEW,
    ]);
    const bare = viewAt(
      'before',
      all(
        withObject('rollouts', 'backend', ({ status: _, ...r }) => r),
        withObject('services', 'backend', () => undefined),
      ),
    );
    expect(Object.keys(bare).sort()).toEqual(['member', 'reason', 'rollout', 'stage']);
  });

  const gone: Change = withObject('rollouts', 'backend', () => undefined);
  const { to: _, ...UNKNOWN } = KNOWN;
  it.each<[string, Place, Change, MemberJournal | undefined, Stage, string]>([
    ['gone', 'prepared', gone, KNOWN, 'superseded', 'its Rollout was deleted'],
    ['never there', 'prepared', gone, undefined, 'absent', 'no Rollout backend in the cluster'],
    ['gone before it was known', 'prepared', gone, UNKNOWN, 'absent', 'no Rollout backend in the cluster'],
    [
      'made again',
      'prepared',
      withMetadata({ uid: 'new' }),
      KNOWN,
      'superseded',
      'another Rollout of that name was made',
    ],
    ['back on the old template', 'before', same, KNOWN, 'withdrawn', `the old template is back (revision ${OLD})`],
    [
      'on another revision',
      'prepared',
      withStatus('backend', { currentPodHash: 'newer' }),
      KNOWN,
      'superseded',
      `revision newer came in the place of ${NEW}`,
    ],
    [
      'on no revision',
      'prepared',
      withStatus('backend', { currentPodHash: undefined }),
      KNOWN,
      'superseded',
      `revision  came in the place of ${NEW}`,
    ],
    [
      'newly applied',
      'prepared',
      all(withMetadata({ generation: 4 }), withStatus('backend', { currentPodHash: 'newer' })),
      KNOWN,
      'unobserved',
      'the Rollouts controller has not seen this version yet (is it running?)',
    ],
    [
      'newly applied with another template',
      'prepared',
      withSpec({ template: otherTemplate }),
      KNOWN,
      'superseded',
      `its template.spec.initContainers[0].image is no longer that of the judged revision ${NEW}`,
    ],
    [
      'with other values',
      'prepared',
      withObject('rollouts', 'backend', (r) => ({ ...r, spec: { ...r.spec, template: otherEnv(r.spec.template) } })),
      undefined,
      'outdated',
      "the cluster's template.spec.containers[0].env[0].value is not what these manifests say: apply them",
    ],
    [
      'not seen yet',
      'prepared',
      withMetadata({ generation: 4 }),
      undefined,
      'unobserved',
      'the Rollouts controller has not seen this version yet (is it running?)',
    ],
    [
      'refused',
      'prepared',
      withStatus('backend', { conditions: [{ type: 'InvalidSpec', status: 'True', message: 'no such Service' }] }),
      KNOWN,
      'invalid',
      'the controller refuses it: no such Service',
    ],
    [
      'refused without a word',
      'prepared',
      withStatus('backend', { conditions: [{ type: 'InvalidSpec', status: 'True', reason: 'Wrong' }] }),
      KNOWN,
      'invalid',
      'the controller refuses it: Wrong',
    ],
    [
      'no longer refused',
      'prepared',
      withStatus('backend', {
        conditions: [
          { type: 'InvalidSpec', status: 'False' },
          { type: 'Available', status: 'True' },
        ],
      }),
      KNOWN,
      'prepared',
      `revision ${NEW} is up, analysed and paused before the switch`,
    ],
    [
      'without a ReplicaSet',
      'prepared',
      withSet(NEW, () => undefined),
      KNOWN,
      'unobserved',
      'the Rollouts controller has not made the ReplicaSet of this version yet',
    ],
    [
      'with a ReplicaSet of another template',
      'prepared',
      withSet(NEW, (set) => ({ ...set, spec: { ...set.spec, template: otherEnv(set.spec.template) } })),
      KNOWN,
      'unobserved',
      'the Rollouts controller has not made the ReplicaSet of this version yet',
    ],
    [
      'stable, its Service not',
      'settled',
      select(OLD),
      KNOWN,
      'settling',
      `active Service backend does not select ${NEW} yet`,
    ],
    [
      'stable, not healthy',
      'settled',
      withStatus('backend', { phase: 'Progressing', message: 'pods come' }),
      KNOWN,
      'settling',
      'Progressing: pods come',
    ],
    [
      'stable, its endpoints not',
      'settled',
      withEndpoints([]),
      KNOWN,
      'settling',
      'active Service backend has no ready endpoint',
    ],
    [
      'to be aborted',
      'prepared',
      withStatus('backend', { abort: true, message: 'late' }),
      KNOWN,
      'aborted',
      'abort asked for',
    ],
    [
      'aborted without a word',
      'aborted',
      withStatus('backend', { message: '' }),
      KNOWN,
      'aborted',
      'aborted: back on the stable revision',
    ],
    [
      'tried again',
      'aborted',
      withStatus('backend', { abort: false }),
      KNOWN,
      'preparing',
      'another try was asked for, the controller has not acted yet',
    ],
    [
      'behind a Service with another hash',
      'prepared',
      select('elsewhere'),
      KNOWN,
      'unguarded',
      `active Service backend selects elsewhere, neither the stable nor the new revision; put it back: kubectl patch service backend --type merge -p '{"spec":{"selector":{"rollouts-pod-template-hash":"${OLD}"}}}'`,
    ],
    [
      'behind a Service with none',
      'prepared',
      select(''),
      KNOWN,
      'unguarded',
      `active Service backend has lost the controller's hash, so the new revision would go live ungated; put it back: kubectl patch service backend --type merge -p '{"spec":{"selector":{"rollouts-pod-template-hash":"${OLD}"}}}'`,
    ],
    [
      'live, its endpoints not',
      'held',
      withEndpoints([]),
      KNOWN,
      'switching',
      'active Service backend has no ready endpoint',
    ],
    ['inconclusive', 'prepared', paused('InconclusiveAnalysisRun'), KNOWN, 'rejected', 'its analysis was inconclusive'],
    [
      'failed',
      'prepared',
      withPreRun(() => ({ phase: 'Failed' })),
      KNOWN,
      'rejected',
      `backend-${NEW}-2-pre: metric health Failed (3 of 3 measurements good; last value {"status":"ok"})`,
    ],
    [
      'ended without a verdict',
      'prepared',
      withPreRun((phase) => ({ phase, terminate: true })),
      KNOWN,
      'rejected',
      `backend-${NEW}-2-pre was terminated before it had judged`,
    ],
    [
      'moved by the controller',
      'prepared',
      blueGreen(NEW),
      KNOWN,
      'switching',
      'the controller has moved Service backend, its endpoints have not followed yet',
    ],
    [
      'paused by hand',
      'prepared',
      withSpec({ paused: true }),
      KNOWN,
      'preparing',
      'paused by hand (spec.paused): `kubectl argo rollouts promote` or unset it',
    ],
    [
      'paused by hand while it is analysed',
      'analysing',
      withSpec({ paused: true }),
      KNOWN,
      'preparing',
      'paused by hand (spec.paused): `kubectl argo rollouts promote` or unset it',
    ],
    [
      'promoted in full',
      'prepared',
      withStatus('backend', { promoteFull: true }),
      KNOWN,
      'preparing',
      'a full promotion was asked for, which skips every gate',
    ],
    ['promoted', 'prepared', paused(), KNOWN, 'switching', 'promoted, the controller has not acted yet'],
    [
      'not paused yet',
      'prepared',
      all(paused(), withStatus('backend', { controllerPause: false })),
      KNOWN,
      'preparing',
      'the controller has not paused it before the switch yet',
    ],
    [
      'not paused and not up',
      'prepared',
      all(paused(), withStatus('backend', { controllerPause: false }), available(NEW, 1)),
      KNOWN,
      'preparing',
      `revision ${NEW}: 1 of 2 pods available`,
    ],
    [
      'paused for something else',
      'prepared',
      paused('BlueGreenPause', 'CanaryPauseStep'),
      KNOWN,
      'preparing',
      'paused for CanaryPauseStep, not for the switch',
    ],
    ['paused and not up', 'prepared', available(NEW, 1), KNOWN, 'preparing', `revision ${NEW}: 1 of 2 pods available`],
    [
      'without enough old pods',
      'prepared',
      available(OLD, 1),
      KNOWN,
      'preparing',
      `the stable revision ${OLD} could not take traffic back: 1 of 2 pods available`,
    ],
    [
      'without an old ReplicaSet',
      'prepared',
      withSet(OLD, () => undefined),
      KNOWN,
      'preparing',
      `the stable revision ${OLD} could not take traffic back: 0 of 2 pods available`,
    ],
    [
      'with an old ReplicaSet that says nothing',
      'prepared',
      withSet(OLD, ({ status: __, ...set }) => set),
      KNOWN,
      'preparing',
      `the stable revision ${OLD} could not take traffic back: 0 of 2 pods available`,
    ],
    [
      'with more old pods',
      'prepared',
      available(OLD, 3),
      KNOWN,
      'prepared',
      `revision ${NEW} is up, analysed and paused before the switch`,
    ],
  ])('%s', (_what, place, changed, known, stage, reason) => {
    const { stage: found, reason: said } = viewAt(place, changed, known);
    expect([found, said]).toEqual([stage, reason]);
  });

  it('is prepared as well where the controller tells nothing of its Services', () => {
    const untold = withObject('rollouts', 'backend', (r) => {
      const { blueGreen: _, ...status } = r.status ?? {};
      return { ...r, status };
    });
    expect(viewAt('prepared', untold, KNOWN, { ...member, analysedBefore: false }).stage).toBe('prepared');
  });

  it('judges no analysis of a member that has none', () => {
    const failed = withPreRun(() => ({ phase: 'Failed' }));
    expect(viewAt('prepared', failed, KNOWN, { ...member, analysedBefore: false }).stage).toBe('prepared');
  });

  it('wants exactly the revision that it is to go back to, until that is known', () => {
    const back = { ...member, revision: 'wanted' };
    const { stage, reason } = viewAt('prepared', same, undefined, back);
    expect([stage, reason]).toEqual(['outdated', `the cluster runs revision ${NEW}; wanted is wanted`]);
    expect(viewAt('prepared', same, KNOWN, back).stage).toBe('prepared');
    expect(viewAt('prepared', same, undefined, { ...member, revision: NEW }).stage).toBe('prepared');
  });
});

describe('a Rollout', () => {
  const rolloutWith = (status: Rollout['status'] | undefined, generation: number | undefined = 3): Rollout => {
    const { status: _, ...rollout } = stateAt('prepared').rollouts.backend as Rollout;
    const { generation: __, ...metadata } = rollout.metadata;
    return {
      ...rollout,
      metadata: { ...metadata, ...(generation === undefined ? {} : { generation }) },
      ...(status ? { status } : {}),
    };
  };

  it.each<[string | undefined, boolean]>([
    [undefined, false],
    ['', false],
    ['2', false],
    ['3', true],
    ['4', true],
    // The hash of a spec, as v0.9 has it.
    ['5bd8f8c6f', true],
  ])('is observed with observedGeneration %s of 3: %s', (observedGeneration, observed) => {
    expect(isObserved(rolloutWith(observedGeneration === undefined ? {} : { observedGeneration }))).toBe(observed);
  });

  it('without a generation is observed by any, and without a status by none', () => {
    const { generation: _, ...metadata } = rolloutWith({ observedGeneration: '0' }).metadata;
    expect(isObserved({ ...rolloutWith({ observedGeneration: '0' }), metadata })).toBe(true);
    expect(isObserved(rolloutWith(undefined))).toBe(false);
  });

  it('has the phase that the plugin shows', () => {
    const seen = { observedGeneration: '3' };
    const pauseConditions = [{ reason: 'BlueGreenPause', startTime: '' }];
    expect(
      [
        {},
        seen,
        { ...seen, phase: 'Healthy', message: 'all well' },
        { ...seen, phase: 'Paused', controllerPause: true },
        { ...seen, phase: 'Paused', controllerPause: true, pauseConditions: [] },
        { ...seen, phase: 'Paused', controllerPause: true, pauseConditions },
        { ...seen, phase: 'Paused', pauseConditions: [] },
      ].map((status) => phaseOf(rolloutWith(status))),
    ).toEqual([
      { phase: 'Progressing', message: 'waiting for the spec to be observed' },
      { phase: '', message: '' },
      { phase: 'Healthy', message: 'all well' },
      { phase: 'Progressing', message: 'waiting for the rollout to unpause' },
      { phase: 'Progressing', message: 'waiting for the rollout to unpause' },
      { phase: 'Paused', message: '' },
      { phase: 'Paused', message: '' },
    ]);
  });

  it('is owed an answer while its controller has something to take up', () => {
    const seen = { observedGeneration: '3' };
    const pauseConditions = [{ reason: 'BlueGreenPause', startTime: '' }];
    expect(
      [
        seen,
        {},
        { ...seen, controllerPause: true },
        { ...seen, controllerPause: true, pauseConditions: [] },
        { ...seen, controllerPause: true, pauseConditions },
        { ...seen, controllerPause: false, pauseConditions: [] },
        { ...seen, abort: true },
        { ...seen, abort: true, abortedAt: 'now' },
        { ...seen, abortedAt: 'now' },
        { ...seen, abort: false },
      ].map((status) => owesAnswer(rolloutWith(status))),
    ).toEqual([false, true, true, true, false, false, true, false, true, false]);
    expect(owesAnswer(rolloutWith(undefined))).toBe(true);
  });

  it('has one pod where it says nothing', () => {
    const { replicas: _, ...spec } = rolloutWith({}).spec;
    expect([replicasOf({ ...rolloutWith({}), spec }), replicasOf(rolloutWith({}))]).toEqual([1, 2]);
  });
});

describe('a ReplicaSet', () => {
  const rollout = stateAt('prepared').rollouts.backend as Rollout;
  const setAt = (changed: Change) => changed(stateAt('prepared')).replicaSets[`backend-${NEW}`];

  it('is the one of that hash that the Rollout owns', () => {
    const found = (changed: Change) =>
      replicaSetOf(observationOf(changed(stateAt('prepared'))), rollout, NEW)?.metadata.name;
    expect(found(same)).toBe(`backend-${NEW}`);
    const foreign = withSet(NEW, (set) => ({ ...set, metadata: { ...set.metadata, ownerReferences: [] } }));
    expect(found(foreign)).toBeUndefined();
    const unlabelled = withSet(NEW, ({ metadata: { labels: _, ...metadata }, ...set }) => ({ ...set, metadata }));
    expect(found(unlabelled)).toBeUndefined();
  });

  it.each<[string, Change, boolean]>([
    ['as many pods as wanted', same, true],
    ['one too few', available(NEW, 1), false],
    ['one too many', available(NEW, 3), false],
    ['nothing of its pods', withSet(NEW, ({ status: _, ...set }) => set), false],
    ['another number to have', withSet(NEW, (set) => ({ ...set, spec: { ...set.spec, replicas: 3 } })), false],
    [
      'another number as the controller’s wish',
      withSet(NEW, (set) => ({
        ...set,
        metadata: { ...set.metadata, annotations: { 'rollout.argoproj.io/desired-replicas': '3' } },
      })),
      false,
    ],
    [
      'no wish of the controller',
      withSet(NEW, ({ metadata: { annotations: _, ...metadata }, ...set }) => ({ ...set, metadata })),
      true,
    ],
  ])('is saturated with %s: %#', (_, changed, saturated) => {
    expect(isSaturated(rollout, setAt(changed))).toBe(saturated);
  });

  it('that is not there is not saturated, even of a Rollout at none', () => {
    expect(isSaturated({ ...rollout, spec: { ...rollout.spec, replicas: 0 } }, undefined)).toBe(false);
  });
});

describe('a Service serves a revision', () => {
  const to = (name: string | undefined, conditions: object | undefined = { ready: true }) => ({
    addresses: ['10.0.0.9'],
    ...(conditions ? { conditions } : {}),
    ...(name ? { targetRef: { kind: 'Pod', name } } : {}),
  });
  const ours = to(`backend-${NEW}-aaaaa`);
  const problem = (...endpoints: object[]) =>
    servingProblem(
      observationOf(withEndpoints(endpoints as unknown as EndpointSlice['endpoints'])(stateAt('held'))),
      member,
      NEW,
    );
  const NONE = 'active Service backend has no ready endpoint';

  it.each<[string, object[], string | undefined]>([
    ['its own pods', [ours], undefined],
    ['pods that say nothing, which counts as ready', [{ addresses: [], targetRef: ours.targetRef }], undefined],
    ['a pod that is not ready beside it', [ours, to(`backend-${OLD}-x`, { ready: false })], undefined],
    ['none', [], NONE],
    ['only one that is not ready', [to(`backend-${NEW}-a`, { ready: false })], NONE],
    ['only one on its way out', [to(`backend-${NEW}-a`, { ready: true, terminating: true })], NONE],
    [
      'one on its way out and one that stays',
      [to(`backend-${NEW}-a`, { ready: true, terminating: true }), ours],
      undefined,
    ],
    [
      'one of the old revision',
      [ours, to(`backend-${OLD}-x`)],
      `active Service backend still has endpoint backend-${OLD}-x`,
    ],
    [
      'one of a longer hash',
      [ours, to(`backend-${NEW}9-x`)],
      `active Service backend still has endpoint backend-${NEW}9-x`,
    ],
    [
      'one of another member',
      [ours, to(`the-backend-${NEW}-x`)],
      `active Service backend still has endpoint the-backend-${NEW}-x`,
    ],
    ['an address without a pod', [ours, to(undefined)], 'active Service backend still has endpoint 10.0.0.9'],
  ])('with %s', (_, endpoints, expected) => {
    expect(problem(...endpoints)).toBe(expected);
  });

  it('by its own slices alone, and by none that lists nothing', () => {
    const other = withObject('endpointSlices', 'backend-x1', (slice) => ({
      ...slice,
      metadata: { ...slice.metadata, labels: { 'kubernetes.io/service-name': 'other' } },
    }));
    const unlabelled = withObject('endpointSlices', 'backend-x1', ({ metadata: { labels: _, ...metadata }, ...s }) => ({
      ...s,
      metadata,
    }));
    for (const changed of [other, unlabelled, withEndpoints(undefined)])
      expect(servingProblem(observationOf(changed(stateAt('held'))), member, NEW)).toBe(NONE);
  });
});

describe('the words for people', () => {
  it('list a template’s images by container', () => {
    expect(imageList(templateOf('backend', 'v2'))).toBe('main=backend:v2 wait=backend-wait:v2');
    expect(imageList(undefined)).toBe('nothing');
  });
});

describe('the analysis after the switch', () => {
  it('is that of the current revision, and none where that is not known', () => {
    const o = observationOf(stateAt('held'));
    const view = viewAt('held');
    expect(postAnalysisOf(view, o)?.metadata.name).toBe(`backend-${NEW}-2-post`);
    const { current: _, ...unknown } = view;
    expect(postAnalysisOf(unknown, o)).toBeUndefined();
    const { rollout: __, ...gone } = view;
    expect(postAnalysisOf(gone, o)).toBeUndefined();
  });
});
