import { POD_HASH } from '../cluster/objects.ts';
import { type Cluster, type JsonPatch, RESOURCES, type Watched } from '../cluster/port.ts';
import type { View } from '../cluster/view.ts';
import type { Action, OnSpec } from '../core/decide.ts';
import { EPOCH } from '../core/fence.ts';
import { PINNED } from '../core/pin.ts';

export type Write = Exclude<Action, { act: 'check' | 'collect' | 'refresh' }>;
type Patch = Exclude<Write, { act: 'forget-run' }>;

/** On a Rollout: when the promoter last made the controller look at it again. */
const NUDGE = 'moneywise.app/nudged-at';

interface Request {
  readonly kind: Watched;
  readonly name: string;
  readonly patch: JsonPatch;
  readonly subresource?: 'status';
}

/**
 * The request of a patch, by run number `epoch`. Each begins with tests of what it was decided on, so the API server
 * refuses it (422) when the object is no longer that, or belongs to a later run: JSON patch is the only guarded partial
 * write that works on a Rollout's status.
 */
export function requestOf(write: Patch, epoch: number, at: Date): Request {
  const isIt = { op: 'test', path: '/metadata/uid', value: write.uid } as const;
  if (write.act === 'claim') {
    return {
      kind: write.kind,
      name: write.name,
      patch: [isIt, isAsSeen(write.resourceVersion), annotate(EPOCH, String(write.epoch), write.isFirstAnnotation)],
    };
  }
  const { patch, ...request } = guardedRequestOf(write, at);
  return { ...request, patch: [isIt, { op: 'test', path: annotationPath(EPOCH), value: String(epoch) }, ...patch] };
}

function guardedRequestOf(write: Exclude<Patch, { act: 'claim' }>, at: Date): Request {
  switch (write.act) {
    case 'retry':
      return {
        kind: 'rollouts',
        name: write.member,
        subresource: 'status',
        patch: [
          isOn(write.hash),
          { op: 'test', path: '/status/abort', value: true },
          { op: 'replace', path: '/status/abort', value: false },
        ],
      };
    case 'promote':
      return {
        kind: 'rollouts',
        name: write.member,
        subresource: 'status',
        patch: [...isOnSpec(write), ...isPaused(write.step), { op: 'remove', path: '/status/pauseConditions' }],
      };
    case 'promote-full':
      return {
        kind: 'rollouts',
        name: write.member,
        subresource: 'status',
        patch: [...isOnSpec(write), { op: 'add', path: '/status/promoteFull', value: true }],
      };
    case 'abort':
      return {
        kind: 'rollouts',
        name: write.member,
        subresource: 'status',
        patch: [...isOnSpec(write), { op: 'add', path: '/status/abort', value: true }],
      };
    case 'end-hold':
      return {
        kind: 'analysisRuns',
        name: write.run,
        patch: [
          { op: 'test', path: `/metadata/labels/${POD_HASH}`, value: write.hash },
          { op: 'add', path: '/spec/terminate', value: true },
        ],
      };
    case 'point-service':
      return {
        kind: 'services',
        name: write.service,
        patch: [
          isAsSeen(write.resourceVersion),
          { op: 'add', path: '/spec/selector', value: { ...write.selector, [POD_HASH]: write.hash } },
        ],
      };
    case 'restore-template':
      return {
        kind: 'rollouts',
        name: write.member,
        patch: [...isOnSpec(write), { op: 'replace', path: '/spec/template', value: write.template }],
      };
    case 'pin':
      return {
        kind: 'autoscalers',
        name: write.name,
        patch: [
          isAsSeen(write.resourceVersion),
          { op: 'add', path: annotationPath(PINNED), value: JSON.stringify(write.pin) },
          ...bounds(write.pin.replicas, write.pin.replicas),
        ],
      };
    case 'unpin':
      return {
        kind: 'autoscalers',
        name: write.name,
        patch: [
          isAsSeen(write.resourceVersion),
          { op: 'remove', path: annotationPath(PINNED) },
          ...(write.bounds ? bounds(write.bounds.minReplicas, write.bounds.maxReplicas) : []),
        ],
      };
    case 'hand-over':
      return {
        kind: write.kind,
        name: write.name,
        patch: [
          isAsSeen(write.resourceVersion),
          { op: 'replace', path: '/metadata/managedFields', value: write.managedFields },
        ],
      };
    case 'refill':
      return {
        kind: 'replicaSets',
        name: write.replicaSet,
        patch: [isAsSeen(write.resourceVersion), { op: 'add', path: '/spec/replicas', value: write.replicas }],
      };
    case 'retire':
      return {
        kind: 'replicaSets',
        name: write.replicaSet,
        patch: [isAsSeen(write.resourceVersion), { op: 'add', path: '/spec/replicas', value: 0 }],
      };
    case 'nudge':
      // Claimed before, so that it has annotations.
      return {
        kind: 'rollouts',
        name: write.member,
        patch: [{ op: 'add', path: annotationPath(NUDGE), value: at.toISOString() }],
      };
  }
}

function annotate(key: string, value: string, isFirst: boolean): JsonPatch[number] {
  return isFirst
    ? { op: 'add', path: '/metadata/annotations', value: { [key]: value } }
    : { op: 'add', path: annotationPath(key), value };
}

/** That a Rollout still runs the revision that was decided on. */
function isOn(hash: string): JsonPatch[number] {
  return { op: 'test', path: '/status/currentPodHash', value: hash };
}

/**
 * That it still has the spec that was seen, too. The controller forgets an abort or a full promotion of a revision when another
 * takes its place (resetRolloutStatus), but writes only what differs from its cached copy: one that it had not seen yet stays, and
 * would meet the newer revision.
 */
function isOnSpec({ generation, hash }: OnSpec): JsonPatch {
  return [{ op: 'test', path: '/metadata/generation', value: generation }, isOn(hash)];
}

/** That a Rollout waits for its promotion: before its switch, or a canary at this step. */
function isPaused(step: number | undefined): JsonPatch {
  const reason = step === undefined ? 'BlueGreenPause' : 'CanaryPauseStep';
  return [
    ...(step === undefined ? [] : [{ op: 'test', path: '/status/currentStepIndex', value: step } as const]),
    { op: 'test', path: '/status/pauseConditions/0/reason', value: reason },
  ];
}

/** That an object is still what was seen. */
function isAsSeen(resourceVersion: string): JsonPatch[number] {
  return { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
}

/** Sets the bounds of an autoscaler. */
function bounds(minReplicas: number, maxReplicas: number): JsonPatch {
  return [
    { op: 'add', path: '/spec/minReplicas', value: minReplicas },
    { op: 'replace', path: '/spec/maxReplicas', value: maxReplicas },
  ];
}

/** Where a JSON patch finds that annotation. */
export function annotationPath(key: string): string {
  return `/metadata/annotations/${key.replace('/', '~1')}`;
}

/** Sends a write and takes its answer into the view. Throws `ClusterError`. */
export async function send(write: Write, epoch: number, cluster: Cluster, view: View): Promise<void> {
  if (write.act === 'forget-run') {
    await cluster.remove(RESOURCES.analysisRuns, write.run, { uid: write.uid });
    view.drop('analysisRuns', write.run);
    return;
  }
  const { kind, name, patch, subresource } = requestOf(write, epoch, cluster.now());
  view.put(kind, await cluster.patch(RESOURCES[kind], name, patch, subresource));
}
