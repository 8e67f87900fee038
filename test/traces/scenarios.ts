import type { Facts } from './facts.ts';
import {
  abort,
  annotate,
  apply,
  available,
  label,
  pause,
  promote,
  promoteFull,
  remove,
  retry,
  type Scenario,
  type Step,
  scale,
  select,
  spec,
  terminate,
  undo,
  unpause,
  type Version,
} from './scenario.ts';
import { analysisTemplate } from './shop.ts';

const A: Version = { name: 'A' };
const B: Version = { name: 'B' };
const C: Version = { name: 'C' };
const held: Version = { name: 'B', after: 'hold' };

const healthy = (version: string): Facts => ({ phase: 'Healthy', current: version, stable: version, active: version });
const paused = (version: string): Facts => ({ phase: 'Paused BlueGreenPause', current: version });
const aborted = (version: string): Facts => ({
  phase: 'Degraded RolloutAborted',
  current: version,
  abort: 'acknowledged',
});
const holding: Facts = { active: 'B', 'run B-2-post': 'Running' };

/** A is live and `version` waits for its promotion. */
const untilPaused = (version: Version): Step[] => [
  { when: healthy('A'), give: [apply(version)] },
  { when: paused(version.name), give: [] },
];
/** A is stable and B live, its analysis after the switch still running. */
const untilHeld: Step[] = [
  { when: healthy('A'), give: [apply(held)] },
  { when: paused('B'), give: [promote] },
  { when: holding, give: [] },
];
const then = (steps: readonly Step[], ...more: Step['give']): Step[] => [
  ...steps.slice(0, -1),
  { ...steps.at(-1), give: more },
];
/** B was refused before its switch and the Rollout stands aborted. */
const untilAborted: Step[] = [...then(untilPaused(B), abort), { when: aborted('B'), give: [] }];

/** Of a canary: all of its pods are of that version. */
const whole = (version: string): Facts => ({
  phase: 'Healthy',
  current: version,
  stable: version,
  [`set ${version} available`]: '4',
});
/** At its first weight, and at its last. */
const waiting = (version: string): Facts => ({ phase: 'Paused CanaryPauseStep', current: version, step: '2' });
const sharing: Facts = { step: '4', 'run B-2-4': 'Running', 'set B available': '2', 'set A available': '2' };
const untilWaiting = (version: Version): Step[] => [
  { when: whole('A'), give: [apply(version)] },
  { when: waiting(version.name), give: [] },
];
const untilSharing: Step[] = [...then(untilWaiting(held), promote), { when: sharing, give: [] }];
const backOn = (version: string): Facts => ({
  ...aborted('B'),
  stable: version,
  step: '0',
  [`set ${version} available`]: '4',
});

/** Of a canary with a router: judged without traffic, and with its share; and the traffic is back, with the pods still there. */
const unrouted = (version: string): Facts => ({ phase: 'Paused CanaryPauseStep', current: version, step: '2' });
const untilUnrouted = (version: Version): Step[] => [
  { when: whole('A'), give: [apply(version)] },
  { when: { ...unrouted(version.name), weight: `0 ${version.name}` }, give: [] },
];
const untilRouted: Step[] = [
  ...then(untilUnrouted(held), promote),
  { when: { step: '5', 'run B-2-5': 'Running', 'set B available': '2', weight: '50 B' }, give: [] },
];
const routedBack: Facts = { ...aborted('B'), stable: 'A', step: '0', weight: '0 B', 'set A available': '4' };

const budget = () =>
  ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'shop' },
    spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'shop' } } },
  }) as never;

export const scenarios: readonly Scenario[] = [
  // The normal path.
  { name: 'first deploy', steps: [], end: healthy('A') },
  {
    name: 'a good release',
    steps: [...then(untilPaused(B), promote)],
    end: healthy('B'),
  },
  {
    name: 'a good release, and its old pods go after the delay',
    strategy: { scaleDownDelaySeconds: 4 },
    steps: [...then(untilPaused(B), promote)],
    end: { ...healthy('B'), 'set A replicas': '0' },
  },
  {
    name: 'a good release without analysis',
    first: { name: 'A', before: 'none', after: 'none' },
    steps: [...then(untilPaused({ name: 'B', before: 'none', after: 'none' }), promote)],
    end: healthy('B'),
  },
  {
    name: 'a good release that promotes itself',
    strategy: { autoPromotionEnabled: true },
    steps: [{ when: healthy('A'), give: [apply(B)] }],
    end: healthy('B'),
  },
  {
    name: 'a scale-down delay of 0',
    strategy: { scaleDownDelaySeconds: 0 },
    steps: [...then(untilPaused(B), promote)],
    end: healthy('B'),
  },
  { name: 'the same template again', steps: [{ when: healthy('A'), give: [apply(A)] }], end: healthy('A') },

  // Promote.
  {
    name: 'a promote lost because a pod is unavailable',
    steps: [
      ...then(untilPaused(B), available('B', 1)),
      { when: { 'set B available': '1' }, give: [promote] },
      { give: [available('B', 2)] },
      { when: { ...paused('B'), 'set B available': '2' }, give: [promote] },
    ],
    end: healthy('B'),
  },
  {
    name: 'a promote while the analysis still runs',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [promote] },
    ],
    end: { 'run B-2-pre': 'Running', active: 'A' },
  },
  {
    name: 'promote --full while the analysis before the switch runs',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [promoteFull] },
    ],
    end: healthy('B'),
  },
  { name: 'promote --full during the pause', steps: [...then(untilPaused(B), promoteFull)], end: healthy('B') },
  { name: 'promote --full during the hold', steps: [...then(untilHeld, promoteFull)], end: healthy('B') },
  {
    name: 'promote --full and abort while the pods are not up',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { current: 'B', 'set B replicas': '2' }, give: [promoteFull] },
      { when: { promoteFull: 'true' }, give: [abort] },
      { give: [apply(A)] },
    ],
    end: healthy('A'),
  },
  {
    name: 'paused by hand, promoted and then let go',
    steps: [
      ...then(untilPaused(B), pause),
      { when: { phase: 'Paused manually paused' }, give: [promote] },
      { give: [unpause] },
      { when: paused('B'), give: [promote] },
    ],
    end: healthy('B'),
  },

  {
    name: 'paused by hand before the new template, and let go',
    steps: [
      { when: healthy('A'), give: [pause] },
      { when: { phase: 'Paused manually paused' }, give: [apply(B)] },
      { when: { current: 'B', 'set B available': '2' }, give: [unpause] },
    ],
    end: { ...paused('B'), active: 'A' },
  },

  // Abort before the switch.
  {
    name: 'an abort before the switch, and the old template again',
    steps: [...then(untilAborted, undo(A))],
    end: healthy('A'),
  },
  {
    name: 'an abort before the switch, and its pods go after the delay',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [...then(untilPaused(B), abort)],
    end: { ...aborted('B'), active: 'A', 'set B replicas': '0' },
  },
  {
    name: 'an abort before the switch with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: [...then(untilPaused(B), abort)],
    end: { ...aborted('B'), active: 'A', 'set B replicas': '2' },
  },
  {
    name: 'an abort while the analysis before the switch runs',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [abort] },
    ],
    end: aborted('B'),
  },
  {
    name: 'an abort of what is stable',
    steps: [...then(untilPaused(B), promote), { when: healthy('B'), give: [abort] }],
    end: healthy('B'),
  },

  // Abort after the switch.
  {
    name: 'an abort during the hold',
    steps: [...then(untilHeld, abort)],
    end: { ...aborted('B'), active: 'A', stable: 'A' },
  },
  {
    name: 'an abort during the hold while a pod is unavailable',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [...then(untilHeld, available('B', 1)), { when: { 'set B available': '1' }, give: [abort] }],
    end: { ...aborted('B'), active: 'B', 'set B replicas': '0' },
  },
  {
    name: 'an abort during the hold while a pod is unavailable, with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: [
      ...then(untilHeld, available('B', 1)),
      { when: { 'set B available': '1' }, give: [abort] },
      { when: aborted('B'), give: [available('B', 2)] },
    ],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'an unsaturated abort, and the selector moved by hand',
    steps: [
      ...then(untilHeld, available('B', 1)),
      { when: { 'set B available': '1' }, give: [abort] },
      { when: aborted('B'), give: [select('shop', 'A')] },
      { when: { active: 'A' }, give: [undo(A)] },
    ],
    end: healthy('A'),
  },
  {
    name: 'an unsaturated abort, and the old template again',
    steps: [
      ...then(untilHeld, available('B', 1)),
      { when: { 'set B available': '1' }, give: [abort] },
      { when: aborted('B'), give: [undo(A)] },
      { when: { current: 'A', active: 'B' }, give: [promote] },
      { give: [available('B', 2)] },
    ],
    end: { current: 'A', stable: 'A', active: 'B' },
  },
  {
    name: 'an abort while paused by hand',
    steps: [
      ...then(untilHeld, pause),
      { when: { phase: 'Paused manually paused' }, give: [abort] },
      { when: { abort: 'acknowledged' }, give: [unpause] },
    ],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'an abort while paused by hand, and its delay runs out',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [...then(untilHeld, pause), { when: { phase: 'Paused manually paused' }, give: [abort] }],
    end: { ...aborted('B'), active: 'B', 'set B replicas': '0' },
  },
  {
    name: 'the analysis after the switch fails',
    steps: [...then(untilPaused({ name: 'B', after: 'fail' }), promote)],
    end: { ...aborted('B'), active: 'A', stable: 'A' },
  },
  {
    name: 'the analysis after the switch ends in an error',
    steps: [...then(untilPaused({ name: 'B', after: 'error' }), promote)],
    end: { ...aborted('B'), active: 'A', stable: 'A' },
  },
  {
    name: 'nobody ends the hold',
    steps: [...then(untilPaused({ name: 'B', after: 'short-hold' }), promote)],
    end: { ...aborted('B'), active: 'A', stable: 'A' },
  },
  { name: 'the hold is ended', steps: [...then(untilHeld, terminate('B-2-post'))], end: healthy('B') },
  {
    name: 'a failed release and then a good one',
    steps: [
      ...then(untilPaused({ name: 'B', after: 'fail' }), promote),
      { when: aborted('B'), give: [apply(C)] },
      { when: paused('C'), give: [promote] },
    ],
    end: healthy('C'),
  },

  // Analysis before the switch.
  {
    name: 'the analysis before the switch fails',
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] }],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'the analysis before the switch ends in an error',
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', before: 'error' })] }],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'the analysis before the switch is inconclusive, and aborted',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'inconclusive' })] },
      { when: { phase: 'Paused InconclusiveAnalysisRun' }, give: [abort] },
    ],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'the analysis before the switch is inconclusive, and promoted',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'inconclusive' })] },
      { when: { phase: 'Paused InconclusiveAnalysisRun' }, give: [promote] },
    ],
    end: { phase: 'Paused InconclusiveAnalysisRun', active: 'A', 'run B-2-pre.1': 'Inconclusive' },
  },
  {
    name: 'the analysis after the switch is inconclusive, and aborted',
    steps: [
      ...then(untilPaused({ name: 'B', after: 'inconclusive' }), promote),
      { when: { phase: 'Paused InconclusiveAnalysisRun', active: 'B' }, give: [abort] },
    ],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'the analysis after the switch is inconclusive, and promoted',
    steps: [
      ...then(untilPaused({ name: 'B', after: 'inconclusive' }), promote),
      { when: { phase: 'Paused InconclusiveAnalysisRun', active: 'B' }, give: [promote] },
    ],
    end: { phase: 'Paused InconclusiveAnalysisRun', active: 'B', 'run B-2-post.1': 'Inconclusive' },
  },
  {
    name: 'the analysis after the switch is inconclusive, and promoted in full',
    steps: [
      ...then(untilPaused({ name: 'B', after: 'inconclusive' }), promote),
      { when: { phase: 'Paused InconclusiveAnalysisRun', active: 'B' }, give: [promoteFull] },
    ],
    end: { active: 'B', stable: 'B' },
  },
  {
    name: 'a terminated analysis before the switch',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [terminate('B-2-pre')] },
    ],
    end: paused('B'),
  },
  {
    name: 'a deleted analysis before the switch',
    steps: [...then(untilPaused(B), remove('analysisruns', 'shop-$B-2-pre'))],
    end: paused('B'),
  },
  {
    name: 'a deleted analysis after the switch',
    steps: [...then(untilHeld, remove('analysisruns', 'shop-$B-2-post'))],
    end: { active: 'B', stable: 'A' },
  },
  {
    name: 'a pod lost while the analysis before the switch runs',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [available('B', 1)] },
      { give: [available('B', 2)] },
    ],
    end: { 'run B-2-pre': 'Running', 'set B available': '2' },
  },

  // Another try of what was refused.
  { name: 'a retry within the delay', steps: [...then(untilAborted, retry)], end: healthy('B') },
  {
    name: 'a retry after the delay',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [...then(untilPaused(B), abort), { when: { ...aborted('B'), 'set B available': '0' }, give: [retry] }],
    end: paused('B'),
  },
  {
    name: 'a retry with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: [...then(untilPaused(B), abort), { when: aborted('B'), give: [retry] }],
    end: paused('B'),
  },
  {
    name: 'a retry of a failed analysis after the delay',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] },
      { when: { ...aborted('B'), 'set B available': '0' }, give: [retry] },
    ],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'a retry of a failed analysis within the delay',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] },
      { when: aborted('B'), give: [retry] },
    ],
    end: healthy('B'),
  },
  {
    name: 'a retry of a failed analysis with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] },
      { when: aborted('B'), give: [retry] },
    ],
    end: aborted('B'),
  },
  {
    name: 'a retry after a failed analysis was deleted',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] },
      { when: { ...aborted('B'), 'set B available': '0' }, give: [remove('analysisruns', 'shop-$B-2-pre')] },
      { give: [retry] },
    ],
    end: aborted('B'),
  },
  {
    name: 'a rejected version applied again within the delay',
    steps: [...then(untilAborted, undo(A)), { when: healthy('A'), give: [apply(B)] }],
    end: healthy('B'),
  },
  {
    name: 'a rejected version applied again within the delay, with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: [...then(untilAborted, undo(A)), { when: healthy('A'), give: [apply(B)] }],
    end: healthy('B'),
  },
  {
    name: 'a rejected version applied again after its ReplicaSet was retired',
    steps: [
      ...then(untilAborted, undo(A)),
      {
        when: healthy('A'),
        give: [{ say: 'scale B to 0', kind: 'replicasets', name: 'shop-$B', merge: { spec: { replicas: 0 } } }],
      },
      { when: { 'set B available': '0' }, give: [apply(B)] },
    ],
    end: paused('B'),
  },
  {
    name: 'a rejected version whose scale-down deadline was removed, applied again',
    steps: [
      ...then(untilAborted, undo(A)),
      {
        when: healthy('A'),
        give: [annotate('remove the deadline of B', 'replicasets', 'shop-$B', { 'scale-down-deadline': null })],
      },
      { give: [apply(B)] },
    ],
    end: { current: 'B' },
  },
  {
    name: 'a rejected ReplicaSet scaled to 0 while its template is in the spec',
    steps: [
      ...then(untilAborted, {
        say: 'scale B to 0',
        kind: 'replicasets',
        name: 'shop-$B',
        merge: { spec: { replicas: 0 } },
      }),
      { when: { 'set B available': '0' }, give: [retry] },
    ],
    end: { current: 'B' },
  },
  {
    name: 'a rejected ReplicaSet scaled to 0 while its template is in the spec, with a delay of 0',
    strategy: { abortScaleDownDelaySeconds: 0 },
    steps: then(untilAborted, {
      say: 'scale B to 0',
      kind: 'replicasets',
      name: 'shop-$B',
      merge: { spec: { replicas: 0 } },
    }),
    end: aborted('B'),
  },

  {
    name: 'a retry after the delay of what was aborted while its analysis ran',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [abort] },
      { when: { ...aborted('B'), 'set B available': '0' }, give: [retry] },
    ],
    end: { current: 'B', active: 'A' },
  },
  {
    name: 'a retry of what was aborted while its analysis ran, and retired',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [abort] },
      {
        when: aborted('B'),
        give: [{ say: 'scale B to 0', kind: 'replicasets', name: 'shop-$B', merge: { spec: { replicas: 0 } } }],
      },
      { when: { 'set B available': '0' }, give: [retry] },
    ],
    end: { current: 'B', active: 'A' },
  },
  {
    name: 'a retry within the delay of what was aborted after its switch',
    steps: [...then(untilHeld, abort), { when: { ...aborted('B'), active: 'A' }, give: [retry] }],
    end: { current: 'B' },
  },
  {
    name: 'a retry of what was retired and whose analysis was deleted',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'fail' })] },
      {
        when: aborted('B'),
        give: [{ say: 'scale B to 0', kind: 'replicasets', name: 'shop-$B', merge: { spec: { replicas: 0 } } }],
      },
      { when: { 'set B available': '0' }, give: [remove('analysisruns', 'shop-$B-2-pre')] },
      { give: [retry] },
    ],
    end: aborted('B'),
  },

  // Back to an older version.
  {
    name: 'the old version again within its scale-down delay',
    steps: [...then(untilPaused(B), promote), { when: healthy('B'), give: [undo(A)] }],
    end: healthy('A'),
  },
  {
    name: 'the old version again after its scale-down delay',
    strategy: { scaleDownDelaySeconds: 4 },
    steps: [...then(untilPaused(B), promote), { when: { ...healthy('B'), 'set A available': '0' }, give: [undo(A)] }],
    end: paused('A'),
  },
  {
    name: 'two aborted versions, and an undo to the one before',
    steps: [
      ...then(untilAborted, apply(C)),
      { when: paused('C'), give: [abort] },
      { when: aborted('C'), give: [undo(B)] },
    ],
    end: { current: 'B' },
  },
  {
    name: 'the stable template again after the cliff',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [
      ...then(untilHeld, available('B', 1)),
      { when: { 'set B available': '1' }, give: [abort] },
      { when: { ...aborted('B'), 'set B available': '0' }, give: [undo(A)] },
      { when: { current: 'A' }, give: [select('shop', 'A')] },
    ],
    end: healthy('A'),
  },
  {
    name: 'the stable template again after the cliff, without analysis before the switch',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'none', after: 'hold' })] },
      { when: paused('B'), give: [promote] },
      { when: holding, give: [available('B', 1)] },
      { when: { 'set B available': '1' }, give: [abort] },
      { when: { ...aborted('B'), 'set B available': '0' }, give: [undo(A)] },
      { when: { ...paused('A'), active: 'B' }, give: [promote] },
    ],
    end: healthy('A'),
  },
  { name: 'the old template again during the pause', steps: [...then(untilPaused(B), undo(A))], end: healthy('A') },
  { name: 'the old template again during the hold', steps: [...then(untilHeld, undo(A))], end: { current: 'A' } },

  {
    name: 'the old template again during the hold, and the selector moved by hand',
    steps: [
      ...then(untilHeld, undo(A)),
      { when: { current: 'A' }, give: [promote] },
      { when: { active: 'B' }, give: [select('shop', 'A')] },
    ],
    end: healthy('A'),
  },

  // Another version in between.
  {
    name: 'superseded during the pause',
    steps: [...then(untilPaused(B), apply(C)), { when: paused('C'), give: [promote] }],
    end: healthy('C'),
  },
  {
    name: 'superseded while the analysis before the switch runs',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', before: 'hold' })] },
      { when: { 'run B-2-pre': 'Running' }, give: [apply(C)] },
    ],
    end: paused('C'),
  },
  {
    name: 'superseded during the hold, and aborted',
    steps: [...then(untilHeld, apply(C)), { when: paused('C'), give: [abort] }],
    end: { ...aborted('C'), stable: 'A' },
  },
  {
    name: 'superseded during the hold, and promoted',
    steps: [...then(untilHeld, apply(C)), { when: paused('C'), give: [promote] }],
    end: healthy('C'),
  },
  {
    name: 'superseded while aborted, and the rejected one keeps its later deadline',
    strategy: { scaleDownDelaySeconds: 4 },
    steps: [...then(untilAborted, apply(C))],
    end: { ...paused('C'), 'set B replicas': '2', 'set B deadline': 'true' },
  },

  // Replicas.
  {
    name: 'scaled while healthy',
    steps: [{ when: healthy('A'), give: [scale(3)] }],
    end: { ...healthy('A'), 'set A available': '3' },
  },
  {
    name: 'scaled up during the pause',
    steps: [...then(untilPaused(B), scale(3)), { when: { 'set B available': '3' }, give: [promote] }],
    end: healthy('B'),
  },
  {
    name: 'scaled down during the pause',
    steps: [...then(untilPaused(B), scale(1)), { when: { 'set B available': '1' }, give: [promote] }],
    end: healthy('B'),
  },
  {
    name: 'scaled during the hold, and aborted',
    steps: [...then(untilHeld, scale(3)), { when: { 'set B available': '3' }, give: [abort] }],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'scaled to 0 and up again while healthy',
    steps: [
      { when: healthy('A'), give: [scale(0)] },
      { when: { 'set A available': '0' }, give: [scale(2)] },
    ],
    end: { ...healthy('A'), 'set A available': '2' },
  },
  { name: 'scaled while aborted', steps: [...then(untilAborted, scale(3))], end: { ...aborted('B'), active: 'A' } },
  {
    name: 'template and replicas at once, more of them',
    steps: [{ when: healthy('A'), give: [apply(B, { replicas: 3 })] }],
    end: paused('B'),
  },
  {
    name: 'template and replicas at once',
    steps: [{ when: healthy('A'), give: [apply(B, { replicas: 1 })] }],
    end: paused('B'),
  },

  // Services.
  {
    name: 'the selector stripped while healthy',
    steps: [{ when: healthy('A'), give: [select('shop', null)] }, { give: [apply(B)] }],
    end: { current: 'B' },
  },
  {
    name: 'the selector stripped during the pause',
    steps: [
      ...then(untilPaused(B), select('shop', null)),
      { give: [annotate('write an annotation', 'rollouts', 'shop', { touched: 'yes' })] },
    ],
    end: { current: 'B' },
  },
  {
    name: 'the selector stripped during the pause, and aborted',
    steps: [...then(untilPaused(B), select('shop', null)), { give: [abort] }],
    end: aborted('B'),
  },
  {
    name: 'the selector moved by hand during the pause',
    steps: [...then(untilPaused(B), select('shop', 'B'))],
    end: { current: 'B' },
  },
  {
    name: 'the preview selector moved by hand during the pause',
    steps: [...then(untilPaused(B), select('shop-preview', 'A'))],
    end: { current: 'B', preview: 'B' },
  },
  {
    name: 'the preview selector moved by hand while paused by hand',
    steps: [
      ...then(untilPaused(B), pause),
      { when: { phase: 'Paused manually paused' }, give: [select('shop-preview', 'A')] },
    ],
    end: { current: 'B' },
  },
  {
    name: 'the active Service deleted and made again',
    steps: [
      ...then(untilPaused(B), remove('services', 'shop')),
      { give: [annotate('write an annotation', 'rollouts', 'shop', { touched: 'yes' })] },
      {
        when: { phase: 'Degraded InvalidSpec' },
        give: [
          {
            say: 'make shop again',
            create: {
              apiVersion: 'v1',
              kind: 'Service',
              metadata: { name: 'shop' },
              spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80 }] },
            } as never,
          },
        ],
      },
    ],
    end: healthy('B'),
  },

  {
    name: 'the preview Service deleted during the pause',
    steps: [...then(untilPaused(B), remove('services', 'shop-preview')), { give: [promote] }],
    end: { phase: 'Degraded InvalidSpec', active: 'A' },
  },

  // ReplicaSets and templates that go.
  {
    name: 'the stable ReplicaSet deleted while healthy',
    steps: [{ when: healthy('A'), give: [remove('replicasets', 'shop-$A')] }],
    end: healthy('A'),
  },
  {
    name: 'the stable ReplicaSet deleted during the pause',
    steps: [...then(untilPaused(B), remove('replicasets', 'shop-$A'))],
    end: { stable: 'B' },
  },
  {
    name: 'the new ReplicaSet deleted during the pause',
    steps: [...then(untilPaused(B), remove('replicasets', 'shop-$B'))],
    end: { current: 'B', 'set B available': '2' },
  },
  {
    name: 'the analysis template missing, and made later',
    steps: [
      { when: healthy('A'), give: [remove('analysistemplates', 'hold')] },
      { give: [apply({ name: 'B', before: 'hold' })] },
      {
        when: { phase: 'Degraded InvalidSpec' },
        give: [{ say: 'make the template again', create: analysisTemplate('hold', '', 'https://none.invalid/') }],
      },
    ],
    end: { 'run B-2-pre': 'Running' },
  },

  // Pods that do not come up.
  {
    name: 'the first version never available, and a second one',
    first: { name: 'A', neverReady: true },
    steps: [{ when: { current: 'A', 'set A replicas': '2' }, give: [apply({ name: 'B', before: 'fail' })] }],
    end: { current: 'B' },
  },
  {
    name: 'a version that comes up late',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { current: 'B', 'set B replicas': '2' }, give: [available('B', 2)] },
    ],
    end: paused('B'),
  },
  {
    name: 'an abort of a version that never comes up',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { current: 'B', 'set B replicas': '2' }, give: [abort] },
    ],
    end: aborted('B'),
  },
  {
    name: 'the stable pods lost during the hold, and aborted',
    steps: [...then(untilHeld, available('A', 1)), { when: { 'set A available': '1' }, give: [abort] }],
    end: { ...aborted('B'), active: 'A' },
  },

  // The controller away.
  {
    name: 'the controller away during the pause, and back',
    steps: [
      ...then(
        untilPaused(B),
        label('give it to another controller', { 'argo-rollouts.argoproj.io/controller-instance-id': 'other' }),
      ),
      { give: [promote] },
      { give: [label('give it back', { 'argo-rollouts.argoproj.io/controller-instance-id': null })] },
    ],
    end: healthy('B'),
  },

  // Fields of the Rollout that the charts do not set.
  {
    name: 'a preview of one pod',
    strategy: { previewReplicaCount: 1 },
    steps: [...then(untilPaused(B), promote)],
    end: healthy('B'),
  },
  {
    name: 'a promotion after some seconds',
    strategy: { autoPromotionEnabled: true, autoPromotionSeconds: 5 },
    steps: [{ when: healthy('A'), give: [apply(B)] }],
    end: healthy('B'),
  },
  {
    name: 'a preview of one pod that promotes itself, and the analysis after the switch fails',
    strategy: { previewReplicaCount: 1, autoPromotionEnabled: true, autoPromotionSeconds: 5 },
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', after: 'fail' })] }],
    end: { ...aborted('B'), active: 'A' },
  },
  {
    name: 'pods that come up after the progress deadline',
    spec: { progressDeadlineSeconds: 4 },
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { phase: 'Degraded ProgressDeadlineExceeded' }, give: [available('B', 2)] },
      { when: paused('B'), give: [promote] },
    ],
    end: healthy('B'),
  },
  {
    name: 'a first version whose pods come up after the progress deadline',
    spec: { progressDeadlineSeconds: 4 },
    first: { name: 'A', neverReady: true },
    steps: [{ when: { phase: 'Degraded ProgressDeadlineExceeded' }, give: [available('A', 2)] }],
    end: healthy('A'),
  },
  {
    name: 'a pause that is longer than the progress deadline',
    spec: { progressDeadlineSeconds: 3 },
    steps: [
      ...then(untilPaused(B), annotate('let time pass', 'rollouts', 'shop', { touched: 'once' })),
      { when: paused('B'), give: [annotate('let more time pass', 'rollouts', 'shop', { touched: 'twice' })] },
      { when: paused('B'), give: [promote] },
    ],
    end: healthy('B'),
  },
  {
    name: 'a hold that is longer than the progress deadline',
    spec: { progressDeadlineSeconds: 3 },
    steps: [
      ...then(untilHeld, annotate('let time pass', 'rollouts', 'shop', { touched: 'once' })),
      { when: holding, give: [annotate('let more time pass', 'rollouts', 'shop', { touched: 'twice' })] },
      { when: holding, give: [terminate('B-2-post')] },
    ],
    end: healthy('B'),
  },
  {
    name: 'pods that never come up, and an abort at the progress deadline',
    strategy: { abortScaleDownDelaySeconds: 4 },
    spec: { progressDeadlineSeconds: 4, progressDeadlineAbort: true },
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] }],
    end: { ...aborted('B'), active: 'A', 'set B replicas': '0' },
  },
  {
    name: 'an old version again within the rollback window',
    strategy: { scaleDownDelaySeconds: 2 },
    spec: { rollbackWindow: { revisions: 1 } },
    steps: [...then(untilPaused(B), promote), { when: { ...healthy('B'), 'set A replicas': '0' }, give: [undo(A)] }],
    end: { current: 'A', 'set A available': '2' },
  },
  {
    name: 'an old version again outside the rollback window',
    strategy: { scaleDownDelaySeconds: 2 },
    spec: { rollbackWindow: { revisions: 1 } },
    steps: [
      ...then(untilPaused(B), promote),
      { when: { ...healthy('B'), 'set A replicas': '0' }, give: [apply(C)] },
      { when: paused('C'), give: [promote] },
      { when: { ...healthy('C'), 'set B replicas': '0' }, give: [undo(A)] },
    ],
    end: paused('A'),
  },
  {
    name: 'one old revision is kept up',
    strategy: { scaleDownDelayRevisionLimit: 1 },
    steps: [
      ...then(untilPaused(B), promote),
      { when: healthy('B'), give: [apply(C)] },
      { when: paused('C'), give: [promote] },
    ],
    end: { ...healthy('C'), 'set A replicas': '0', 'set B replicas': '2' },
  },
  {
    name: 'no old revision is kept up',
    strategy: { scaleDownDelayRevisionLimit: 0 },
    steps: [...then(untilPaused(B), promote)],
    end: { ...healthy('B'), 'set A replicas': '0' },
  },
  {
    name: 'labels that follow the role',
    strategy: { activeMetadata: { labels: { role: 'active' } }, previewMetadata: { labels: { role: 'preview' } } },
    steps: [...then(untilPaused(B), promote)],
    end: healthy('B'),
  },
  {
    name: 'labels that follow the role, and an abort during the hold',
    strategy: { activeMetadata: { labels: { role: 'active' } }, previewMetadata: { labels: { role: 'preview' } } },
    steps: [...then(untilHeld, abort)],
    end: aborted('B'),
  },
  {
    name: 'a template and a workloadRef',
    spec: { workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' } },
    steps: [],
    end: { phase: 'Degraded InvalidSpec' },
  },
  {
    name: 'turned into a canary',
    notModelled: 'canary',
    steps: [{ when: healthy('A'), give: [spec('make it a canary', { strategy: { blueGreen: null, canary: {} } })] }],
    end: { phase: 'Healthy', active: '' },
  },
  {
    name: 'a restart that a disruption budget refuses',
    notModelled: 'restartAt: the controller evicts pods, and the simulation has no evictions',
    steps: [
      { when: healthy('A'), give: [{ say: 'allow no disruption', create: budget() }] },
      { give: [spec('restart', { restartAt: '$now' })] },
      { when: { restarted: '' }, give: [remove('poddisruptionbudgets', 'shop')] },
    ],
    end: { ...healthy('A'), restarted: 'true' },
  },

  // Analysis of several templates, with arguments, and by a Job.
  {
    name: 'two templates in one analysis',
    steps: [...then(untilPaused({ name: 'B', before: ['pass', 'argued'] }), promote)],
    end: healthy('B'),
  },
  {
    name: 'two templates in one analysis, and one of them fails',
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', before: ['pass', 'fail'] })] }],
    end: aborted('B'),
  },
  {
    name: 'an analysis with an argument from the Rollout',
    steps: [...then(untilPaused({ name: 'B', before: 'argued' }), promote)],
    end: healthy('B'),
  },
  {
    name: 'an analysis with an argument from a Secret',
    steps: [...then(untilPaused({ name: 'B', before: 'secret' }), promote)],
    end: healthy('B'),
  },
  {
    name: 'an analysis that is not given its argument',
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', before: 'argued', withoutArguments: true })] }],
    end: { active: 'A' },
  },
  {
    name: 'a Job before the switch that is not over by its deadline',
    steps: [{ when: healthy('A'), give: [apply({ name: 'B', before: 'late' })] }],
    end: aborted('B'),
  },

  // From one that is bad.
  {
    name: 'a version that never comes up, and a good one',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { current: 'B', 'set B replicas': '2' }, give: [apply(C)] },
      { when: paused('C'), give: [promote] },
    ],
    end: healthy('C'),
  },
  {
    name: 'a version that never comes up, and another one that does not, aborted',
    steps: [
      { when: healthy('A'), give: [apply({ name: 'B', neverReady: true })] },
      { when: { current: 'B', 'set B replicas': '2' }, give: [apply({ name: 'C', neverReady: true })] },
      { when: { current: 'C', 'set C replicas': '2' }, give: [abort] },
    ],
    end: { ...aborted('C'), active: 'A' },
  },
  {
    name: 'an abort before the switch, a retry after the delay and a promote',
    strategy: { abortScaleDownDelaySeconds: 2 },
    steps: [
      ...untilAborted,
      { when: { 'set B replicas': '0' }, give: [retry] },
      { when: paused('B'), give: [promote] },
    ],
    end: healthy('B'),
  },
  {
    name: 'a canary that goes live',
    canary: 'divided',
    steps: [...then(untilSharing, terminate('B-2-4')), { when: whole('B'), give: [] }],
    end: { ...whole('B'), step: '5', 'set A replicas': '0' },
  },
  {
    name: 'a canary whose analysis before its promotion fails',
    canary: 'divided',
    steps: [{ when: whole('A'), give: [apply({ name: 'B', before: 'fail' })] }],
    end: backOn('A'),
  },
  {
    name: 'a canary whose analysis before its promotion is inconclusive',
    canary: 'divided',
    steps: [{ when: whole('A'), give: [apply({ name: 'B', before: 'inconclusive' })] }],
    end: { phase: 'Paused InconclusiveAnalysisRun', stable: 'A', step: '1' },
  },
  {
    name: 'a canary whose analysis after its promotion fails',
    canary: 'divided',
    steps: then(untilWaiting({ name: 'B', after: 'fail' }), promote),
    end: backOn('A'),
  },
  {
    name: 'a canary whose hold runs out',
    canary: 'divided',
    steps: then(untilWaiting({ name: 'B', after: 'short-hold' }), promote),
    end: backOn('A'),
  },
  {
    name: 'a canary aborted at its first weight',
    canary: 'divided',
    steps: then(untilWaiting(B), abort),
    end: backOn('A'),
  },
  { name: 'a canary aborted while it is held', canary: 'divided', steps: then(untilSharing, abort), end: backOn('A') },
  {
    name: 'a canary aborted and tried again',
    canary: 'divided',
    steps: [...then(untilSharing, abort), { when: backOn('A'), give: [retry] }],
    end: { ...waiting('B'), stable: 'A' },
  },
  {
    name: 'a canary that was rejected and is applied again',
    canary: 'divided',
    steps: [
      ...then(untilSharing, abort),
      { when: backOn('A'), give: [apply(A)] },
      { when: whole('A'), give: [apply(held)] },
    ],
    end: { ...waiting('B'), stable: 'A' },
  },
  {
    name: 'a canary with its old template again while it is held',
    canary: 'divided',
    steps: then(untilSharing, apply(A)),
    end: { ...whole('A'), 'set B replicas': '0' },
  },
  {
    name: 'a canary superseded while it is held',
    canary: 'divided',
    steps: then(untilSharing, apply(C)),
    end: { ...waiting('C'), stable: 'A', 'set B replicas': '0' },
  },
  {
    name: 'a settled canary with its old template again, and a full promotion of that',
    canary: 'divided',
    steps: [
      ...then(untilSharing, terminate('B-2-4')),
      { when: whole('B'), give: [apply(A)] },
      { when: { ...waiting('A'), stable: 'B' }, give: [promoteFull] },
    ],
    end: { ...whole('A'), 'set B replicas': '0' },
  },
  {
    name: 'a canary paused by hand while it is held, and aborted',
    canary: 'divided',
    steps: [...then(untilSharing, pause), { when: { phase: 'Paused manually paused' }, give: [abort] }],
    end: { stable: 'A', 'set B available': '2', abort: 'acknowledged' },
  },
  {
    name: 'a canary scaled while it is held',
    canary: 'divided',
    steps: [...then(untilSharing, scale(6)), { when: { 'set B available': '3' }, give: [] }],
    end: { stable: 'A', step: '4' },
  },
  {
    name: 'a canary promoted while a pod of its first weight is missing',
    canary: 'divided',
    steps: [...then(untilWaiting(held), available('B', 0)), { when: { 'set B available': '0' }, give: [promote] }],
    end: { stable: 'A' },
  },

  // Canaries whose traffic a router divides.
  {
    name: 'a routed canary that goes live',
    canary: 'routed',
    steps: [...then(untilRouted, terminate('B-2-5')), { when: whole('B'), give: [] }],
    end: { ...whole('B'), step: '6', weight: '0 B', active: 'B', 'set A replicas': '4', 'set A deadline': 'true' },
  },
  {
    name: 'a routed canary whose analysis before its promotion fails',
    canary: 'routed',
    steps: [{ when: whole('A'), give: [apply({ name: 'B', before: 'fail' })] }],
    end: routedBack,
  },
  {
    name: 'a routed canary whose analysis before its promotion is inconclusive',
    canary: 'routed',
    steps: [{ when: whole('A'), give: [apply({ name: 'B', before: 'inconclusive' })] }],
    end: { phase: 'Paused InconclusiveAnalysisRun', stable: 'A', step: '1', weight: '0 B' },
  },
  {
    name: 'a routed canary whose analysis after its promotion fails',
    canary: 'routed',
    steps: then(untilUnrouted({ name: 'B', after: 'fail' }), promote),
    end: routedBack,
  },
  {
    name: 'a routed canary aborted before its promotion',
    canary: 'routed',
    steps: then(untilUnrouted(B), abort),
    end: routedBack,
  },
  {
    name: 'a routed canary aborted while it is held',
    canary: 'routed',
    steps: then(untilRouted, abort),
    end: routedBack,
  },
  {
    name: 'a routed canary aborted while it is held, until the time of its pods is over',
    canary: 'routed',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: then(untilRouted, abort),
    end: { ...routedBack, 'set B replicas': '0' },
  },
  {
    name: 'a routed canary aborted while it is held, whose pods have more time than the controller looks ahead',
    canary: 'routed',
    strategy: { abortScaleDownDelaySeconds: 1000 },
    steps: then(untilRouted, abort),
    end: { ...routedBack, 'set B replicas': '0' },
  },
  {
    name: 'a routed canary aborted while it is held and a stable pod is missing',
    canary: 'routed',
    steps: [...then(untilRouted, available('A', 3)), { when: { 'set A available': '3' }, give: [abort] }],
    end: { stable: 'A', abort: 'acknowledged' },
  },
  {
    name: 'a routed canary aborted, and tried again once its pods are gone',
    canary: 'routed',
    strategy: { abortScaleDownDelaySeconds: 4 },
    steps: [...then(untilRouted, abort), { when: { ...routedBack, 'set B replicas': '0' }, give: [retry] }],
    end: { ...unrouted('B'), stable: 'A' },
  },
  {
    name: 'a routed canary with its old template again while it is held',
    canary: 'routed',
    steps: then(untilRouted, apply(A)),
    end: { ...whole('A'), weight: '0 A', preview: 'A' },
  },
  {
    name: 'a routed canary superseded while it is held',
    canary: 'routed',
    steps: then(untilRouted, apply(C)),
    end: { ...unrouted('C'), stable: 'A', weight: '0 C', 'set B replicas': '0' },
  },
  {
    name: 'a settled routed canary with its old template again, and a full promotion of that',
    canary: 'routed',
    steps: [
      ...then(untilRouted, terminate('B-2-5')),
      { when: whole('B'), give: [apply(A)] },
      { when: { ...unrouted('A'), stable: 'B' }, give: [promoteFull] },
    ],
    end: { ...whole('A'), active: 'A', weight: '0 A' },
  },
  {
    name: 'a routed canary paused by hand while it is held, and aborted',
    canary: 'routed',
    steps: [...then(untilRouted, pause), { when: { phase: 'Paused manually paused' }, give: [abort] }],
    end: { stable: 'A', abort: 'acknowledged', weight: '0 B' },
  },
  {
    name: 'a routed canary scaled while it is held',
    canary: 'routed',
    steps: [...then(untilRouted, scale(6)), { when: { 'set B available': '3' }, give: [] }],
    end: { stable: 'A', step: '5', 'set A available': '6' },
  },
];
