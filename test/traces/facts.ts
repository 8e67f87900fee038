import {
  type AnalysisRun,
  DESIRED_REPLICAS,
  type KubeObject,
  POD_HASH,
  REVISION,
  type ReplicaSet,
  type Rollout,
  SCALE_DOWN_DEADLINE,
  type Service,
} from '../../promotion/cluster/objects.ts';

/**
 * What is to be known of a Rollout, without what differs from one run to the next: revisions go by the version in their
 * pod template (A, B, C) instead of their hash, and of times only whether there is one. Field → value; '' is absent.
 */
export type Facts = Readonly<Record<string, string>>;

/** Hash of a pod template → the version that it is of. */
export type Labels = Map<string, string>;

/** Learns which version a ReplicaSet's hash stands for. */
export function learn(labels: Labels, object: KubeObject): void {
  if (object.kind !== 'ReplicaSet') return;
  const hash = object.metadata.labels?.[POD_HASH];
  const version = (object as ReplicaSet).spec.template?.metadata?.annotations?.version;
  if (hash && version) labels.set(hash, version);
}

/** The facts that one object tells; `gone` says that it was deleted. */
export function factsOf(object: KubeObject, labels: Labels, gone = false): Facts {
  switch (object.kind) {
    case 'Rollout':
      return gone ? {} : ofRollout(object as Rollout, labels);
    case 'Service':
      return ofService(object as Service, labels, gone);
    case 'ReplicaSet':
      return ofReplicaSet(object as ReplicaSet, labels, gone);
    case 'AnalysisRun':
      return { [`run ${nameOf(object.metadata.name, labels)}`]: gone ? 'deleted' : ofRun(object as AnalysisRun) };
    default:
      return {};
  }
}

function ofRollout({ metadata, status = {} }: Rollout, labels: Labels): Facts {
  const { blueGreen = {}, canary = {} } = status;
  const label = (hash: string | undefined) => (hash ? (labels.get(hash) ?? 'unknown') : '');
  const run = (reference: { name: string; status?: string } | undefined) =>
    reference ? `${nameOf(reference.name, labels)} ${reference.status ?? ''}`.trim() : '';
  const said = status.phase === 'Degraded' ? status.message?.split(':')[0] : status.message;
  const phase = [status.phase, said].filter(Boolean).join(' ');
  const observed = Number(status.observedGeneration) === metadata.generation;
  return {
    phase,
    observed: String(observed),
    // What somebody believes who waits for the generation to be observed.
    believed: observed ? `${label(status.currentPodHash)} ${phase}` : '',
    revision: metadata.annotations?.[REVISION] ?? '',
    current: label(status.currentPodHash),
    stable: label(status.stableRS),
    'status.active': label(blueGreen.activeSelector),
    'status.preview': label(blueGreen.previewSelector),
    pause: (status.pauseConditions ?? []).map(({ reason }) => reason).join('+'),
    controllerPause: status.controllerPause ? 'true' : '',
    abort: status.abortedAt
      ? status.abort
        ? 'acknowledged'
        : 'acknowledged, taken back'
      : status.abort
        ? 'asked'
        : '',
    promoteFull: status.promoteFull ? 'true' : '',
    'status.pre': run(blueGreen.prePromotionAnalysisRunStatus),
    'status.post': run(blueGreen.postPromotionAnalysisRunStatus),
    step: String(status.currentStepIndex ?? ''),
    'status.step': run(canary.currentStepAnalysisRunStatus),
    weight: canary.weights ? `${canary.weights.canary.weight} ${label(canary.weights.canary.podTemplateHash)}` : '',
    restarted: status.restartedAt ? 'true' : '',
    invalid: status.conditions?.some((c) => c.type === 'InvalidSpec' && c.status === 'True') ? 'true' : '',
  };
}

function ofService({ metadata, spec }: Service, labels: Labels, gone: boolean): Facts {
  const hash = spec.selector?.[POD_HASH];
  const field = metadata.name.endsWith('-preview') ? 'preview' : 'active';
  return { [field]: gone ? 'deleted' : hash ? (labels.get(hash) ?? 'unknown') : '' };
}

function ofReplicaSet({ metadata, spec, status }: ReplicaSet, labels: Labels, gone: boolean): Facts {
  const name = `set ${labels.get(metadata.labels?.[POD_HASH] ?? '')}`;
  const { annotations = {} } = metadata;
  return {
    [`${name} replicas`]: gone ? 'deleted' : String(spec.replicas ?? 0),
    [`${name} desired`]: gone ? '' : (annotations[DESIRED_REPLICAS] ?? ''),
    [`${name} available`]: gone ? '' : String(status?.availableReplicas ?? 0),
    [`${name} deadline`]: !gone && annotations[SCALE_DOWN_DEADLINE] ? 'true' : '',
    [`${name} role`]: gone ? '' : (spec.template?.metadata?.labels?.role ?? ''),
    [`${name} revision`]: gone ? '' : (annotations[REVISION] ?? ''),
  };
}

function ofRun({ spec, status }: AnalysisRun): string {
  return `${status?.phase ?? ''}${spec.terminate ? ' terminated' : ''}`.trim();
}

/** `shop-6b9c-2-pre.1` → `B-2-pre.1`. */
function nameOf(name: string, labels: Labels): string {
  const [, hash = '', rest] = /^[^-]+-([^-]+)-(.*)$/.exec(name) ?? [];
  return `${labels.get(hash) ?? 'unknown'}-${rest}`;
}
