import { NEW, OLD } from '../core/state.ts';
import { type Pair, remove, set } from './pair.ts';

const ROLLOUT = '/rollouts/backend';
const STATUS = `${ROLLOUT}/status`;
const NEW_SET = `/replicaSets/backend-${NEW}`;
const OLD_SET = `/replicaSets/backend-${OLD}`;
const SELECTOR = '/services/backend/spec/selector/rollouts-pod-template-hash';
const PRE = `/analysisRuns/backend-${NEW}-2-pre`;
const POST = `/analysisRuns/backend-${NEW}-2-post`;
const ENDPOINTS = '/endpointSlices/backend-x1/endpoints';
const REVISION = '/metadata/annotations/rollout.argoproj.io~1revision';
const unnamed = remove(`${STATUS}/blueGreen/prePromotionAnalysisRunStatus`);
const elder = (run: object) => [
  unnamed,
  set(`/analysisRuns/backend-${NEW}-2-pre.1`, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisRun',
    spec: { metrics: [{ name: 'health', count: 1 }] },
    status: { phase: 'Failed', metricResults: [{ name: 'health', phase: 'Failed', count: 1, failed: 1 }] },
    ...run,
  }),
];
const elderMeta = (creationTimestamp: string) => ({
  metadata: {
    name: `backend-${NEW}-2-pre.1`,
    creationTimestamp,
    labels: { 'rollouts-pod-template-hash': NEW, 'rollout-type': 'PrePromotion' },
    annotations: { 'rollout.argoproj.io/revision': '2' },
    ownerReferences: [{ kind: 'Rollout', name: 'backend', uid: 'backend-uid' }],
  },
});

/** What shows a member before the switch: good is up, analysed and paused for the switch and nothing else. */
export const PREPARED: readonly Pair[] = [
  { name: 'the controller has not seen the newest spec', bad: set(`${STATUS}/observedGeneration`, '2') },
  { name: 'the controller has seen no spec', bad: remove(`${STATUS}/observedGeneration`) },
  { name: 'the spec was changed once more', bad: set(`${ROLLOUT}/metadata/generation`, 4) },
  { name: 'the controller has not written a status', bad: remove(STATUS) },
  { name: 'the live image is another', bad: set(`${ROLLOUT}/spec/template/spec/containers/0/image`, 'backend:v3') },
  {
    name: 'the live image of an init container is another',
    bad: set(`${ROLLOUT}/spec/template/spec/initContainers/0/image`, 'backend-wait:v1'),
  },
  {
    name: 'the live environment is another',
    bad: set(`${ROLLOUT}/spec/template/spec/containers/0/env/0/value`, 'config-v1'),
  },
  { name: 'the current hash is that of no ReplicaSet', bad: set(`${STATUS}/currentPodHash`, '5d5d5d5d5') },
  { name: 'there is no current hash', bad: remove(`${STATUS}/currentPodHash`) },
  { name: 'the new ReplicaSet is not there', bad: remove(NEW_SET) },
  {
    name: 'the ReplicaSet of that hash belongs to an earlier Rollout of the name',
    bad: set(`${NEW_SET}/metadata/ownerReferences/0/uid`, 'earlier'),
  },
  {
    name: 'the ReplicaSet of that hash belongs to nobody',
    bad: remove(`${NEW_SET}/metadata/ownerReferences`),
  },
  {
    name: 'the new ReplicaSet runs another image',
    bad: set(`${NEW_SET}/spec/template/spec/containers/0/image`, 'backend:v1'),
  },
  {
    name: 'the new ReplicaSet runs another image in an init container',
    bad: set(`${NEW_SET}/spec/template/spec/initContainers/0/image`, 'backend-wait:v1'),
  },
  {
    name: 'the new ReplicaSet runs the right images with the old environment',
    bad: set(`${NEW_SET}/spec/template/spec/containers/0/env/0/value`, 'config-v1'),
  },
  { name: 'one of two new pods is not available', bad: set(`${NEW_SET}/status/availableReplicas`, 1) },
  { name: 'the new ReplicaSet has no status', bad: remove(`${NEW_SET}/status`) },
  { name: 'the new ReplicaSet is scaled to less', bad: set(`${NEW_SET}/spec/replicas`, 1) },
  {
    name: 'the new ReplicaSet is full for another replica count',
    bad: set(`${NEW_SET}/metadata/annotations/rollout.argoproj.io~1desired-replicas`, '3'),
  },
  { name: 'the Rollout wants more pods than there are', bad: set(`${ROLLOUT}/spec/replicas`, 3) },
  {
    name: 'it is paused for the switch and for an inconclusive analysis',
    bad: set(`${STATUS}/pauseConditions/-`, { reason: 'InconclusiveAnalysisRun', startTime: '' }),
  },
  { name: 'it is paused for something else', bad: set(`${STATUS}/pauseConditions/0/reason`, 'CanaryPauseStep') },
  { name: 'it is not paused', given: [remove(`${STATUS}/controllerPause`)], bad: set(`${STATUS}/pauseConditions`, []) },
  { name: 'it is paused by hand as well', bad: set(`${ROLLOUT}/spec/paused`, true) },
  { name: 'somebody asked for a full promotion', bad: set(`${STATUS}/promoteFull`, true) },
  { name: 'somebody asked for an abort', bad: set(`${STATUS}/abort`, true) },
  { name: 'an abort is not taken back yet', bad: set(`${STATUS}/abortedAt`, '2026-01-01T11:00:00Z') },
  {
    name: 'the controller refuses the spec',
    given: [set(`${STATUS}/conditions`, [{ type: 'InvalidSpec', status: 'False', reason: 'x' }])],
    bad: set(`${STATUS}/conditions/0/status`, 'True'),
  },
  { name: 'the active Service has lost its hash', bad: remove(SELECTOR) },
  { name: 'the active Service has lost its selector', bad: remove('/services/backend/spec/selector') },
  { name: 'the active Service selects a third revision', bad: set(SELECTOR, '5d5d5d5d5') },
  { name: 'the active Service is not there', bad: remove('/services/backend') },
  { name: 'the active Service selects the new revision already', bad: set(SELECTOR, NEW) },
  { name: 'the controller says that it has switched', bad: set(`${STATUS}/blueGreen/activeSelector`, NEW) },
  { name: 'the old pods could not take the traffic back', bad: set(`${OLD_SET}/status/availableReplicas`, 1) },
  { name: 'the old ReplicaSet is not there', bad: remove(OLD_SET) },
  {
    name: 'the old ReplicaSet belongs to an earlier Rollout of the name',
    bad: set(`${OLD_SET}/metadata/ownerReferences/0/uid`, 'earlier'),
  },
  { name: 'the analysis that the Rollout names cannot be seen yet', bad: remove(PRE) },
  {
    name: 'the Rollout names another analysis',
    bad: set(`${STATUS}/blueGreen/prePromotionAnalysisRunStatus/name`, `backend-${NEW}-2-pre.1`),
  },
  {
    name: 'the analysis is of another revision with the same hash',
    given: [unnamed],
    bad: set(`${PRE}${REVISION}`, '1'),
  },
  { name: 'the analysis does not say its revision', given: [unnamed], bad: remove(`${PRE}/metadata/annotations`) },
  {
    name: 'the named analysis is of another revision with the same hash',
    bad: set(`${PRE}${REVISION}`, '1'),
  },
  {
    name: 'the analysis is of another hash',
    bad: set(`${PRE}/metadata/labels/rollouts-pod-template-hash`, OLD),
  },
  { name: 'the analysis is one after the switch', bad: set(`${PRE}/metadata/labels/rollout-type`, 'PostPromotion') },
  {
    name: 'the analysis belongs to an earlier Rollout of the name',
    bad: set(`${PRE}/metadata/ownerReferences/0/uid`, 'earlier'),
  },
  { name: 'the analysis belongs to nobody', bad: remove(`${PRE}/metadata/ownerReferences`) },
  { name: 'the analysis was terminated', bad: set(`${PRE}/spec/terminate`, true) },
  {
    name: 'a newer analysis of the same revision failed',
    given: elder(elderMeta('2026-01-01T11:57:00Z')),
    bad: set(`/analysisRuns/backend-${NEW}-2-pre.1/metadata/creationTimestamp`, '2026-01-01T11:59:00Z'),
  },
];

/** What shows a member after the switch: good is live on the new revision with the old one still stable. */
export const HELD: readonly Pair[] = [
  { name: 'an endpoint is of the old revision', bad: set(`${ENDPOINTS}/0/targetRef/name`, `backend-${OLD}-aaaaa`) },
  {
    name: 'an endpoint is of a revision whose hash begins the same',
    bad: set(`${ENDPOINTS}/0/targetRef/name`, `backend-${NEW}0-aaaaa`),
  },
  { name: 'an endpoint is of another Rollout', bad: set(`${ENDPOINTS}/0/targetRef/name`, `web-${NEW}-aaaaa`) },
  { name: 'an endpoint does not say of which pod it is', bad: remove(`${ENDPOINTS}/0/targetRef`) },
  { name: 'there are no endpoints', bad: set(ENDPOINTS, []) },
  { name: 'there is no slice', bad: remove('/endpointSlices/backend-x1') },
  {
    name: 'the slice is that of another Service',
    bad: set('/endpointSlices/backend-x1/metadata/labels/kubernetes.io~1service-name', 'backend-preview'),
  },
  {
    name: 'the only endpoint is not ready',
    given: [remove(`${ENDPOINTS}/1`)],
    bad: set(`${ENDPOINTS}/0/conditions/ready`, false),
  },
  {
    name: 'the only endpoint is terminating, though still announced as ready',
    given: [remove(`${ENDPOINTS}/1`)],
    bad: set(`${ENDPOINTS}/0/conditions/terminating`, true),
  },
  {
    name: 'an endpoint of the old revision is ready, and not on its way out',
    given: [
      set(`${ENDPOINTS}/1/targetRef/name`, `backend-${OLD}-bbbbb`),
      set(`${ENDPOINTS}/1/conditions`, { ready: false, serving: true, terminating: true }),
    ],
    bad: set(`${ENDPOINTS}/1/conditions/ready`, true),
  },
  { name: 'the active Service still selects the old revision', bad: set(SELECTOR, OLD) },
  { name: 'the active Service selects every revision', bad: remove(SELECTOR) },
  { name: 'an abort was asked for', bad: set(`${STATUS}/abort`, true) },
  { name: 'a newer spec is not seen yet', bad: set(`${ROLLOUT}/metadata/generation`, 4) },
];

/** What shows a member at the end: good is live and stable on the new revision. */
export const SETTLED: readonly Pair[] = [
  { name: 'the old revision is stable still', bad: set(`${STATUS}/stableRS`, OLD) },
  { name: 'there is no stable revision', bad: remove(`${STATUS}/stableRS`) },
  { name: 'the active Service selects the old revision', bad: set(SELECTOR, OLD) },
  { name: 'the active Service has lost its hash', bad: remove(SELECTOR) },
  { name: 'the phase is Degraded', bad: set(`${STATUS}/phase`, 'Degraded') },
  { name: 'the phase is Progressing', bad: set(`${STATUS}/phase`, 'Progressing') },
  { name: 'there is no phase', bad: remove(`${STATUS}/phase`) },
  { name: 'Healthy is that of the spec before', bad: set(`${STATUS}/observedGeneration`, '2') },
  {
    name: 'Healthy is that of the old template, whose images are the same',
    bad: set(`${NEW_SET}/spec/template/spec/containers/0/env/0/value`, 'config-v1'),
  },
  { name: 'the controller is about to unpause', bad: set(`${STATUS}/controllerPause`, true) },
  {
    name: 'an endpoint of the old revision is ready',
    bad: set(`${ENDPOINTS}/0/targetRef/name`, `backend-${OLD}-aaaaa`),
  },
  { name: 'no endpoint is left', bad: set(ENDPOINTS, []) },
  { name: 'the live template is another', bad: set(`${ROLLOUT}/spec/template/spec/containers/0/env/0/value`, 'other') },
  {
    name: 'the ReplicaSet belongs to an earlier Rollout of the name',
    bad: set(`${NEW_SET}/metadata/ownerReferences/0/uid`, 'earlier'),
  },
];

/** What shows a set after its switch: good has all verdicts, so that it may settle. */
export const JUDGED: readonly Pair[] = [
  {
    name: 'the analysis after the switch has no good measurement',
    bad: set(`${POST}/status/metricResults/0/successful`, 0),
  },
  {
    name: 'the analysis after the switch is still running',
    bad: set(`${POST}/status/metricResults/0/phase`, 'Running'),
  },
  { name: 'the analysis after the switch is not there', bad: remove(POST) },
  {
    name: 'the analysis after the switch is that of the other phase',
    bad: set(`${POST}/metadata/labels/rollout-type`, 'PrePromotion'),
  },
  { name: 'the analysis after the switch was terminated by somebody', bad: set(`${POST}/spec/terminate`, true) },
  {
    name: 'the analysis after the switch asks for nothing, not even a hold',
    given: [remove(`${POST}/spec/metrics/0`), remove(`${POST}/status/metricResults/0`)],
    bad: remove(`${POST}/spec/metrics/0`),
  },
  { name: 'the hold is about to run out', bad: set(`${POST}/metadata/creationTimestamp`, '2026-01-01T11:50:05Z') },
  { name: 'the hold is short', bad: set(`${POST}/spec/metrics/1/failureLimit`, 12) },
  { name: 'the health check failed', bad: set('/checks/public/verdict', 'fail') },
  { name: 'the health check heard nothing', bad: set('/checks/public/verdict', 'unknown') },
  { name: 'the health check has not answered yet', bad: remove('/checks/public') },
];
