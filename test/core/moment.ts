import type { HorizontalPodAutoscaler, KubeObject, ManagedFields, Pod } from '../../promotion/cluster/objects.ts';
import { FIELD_MANAGER } from '../../promotion/cluster/port.ts';
import { type Decision, decide } from '../../promotion/core/decide.ts';
import type { Ask, Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import { PINNED } from '../../promotion/core/pin.ts';
import type { Plan } from '../../promotion/plan/plan.ts';
import { NEW, NOW, OLD, observationOf, type Place, type State, stateAt, templateOf, together } from './state.ts';

/** The run that decides in these tests; every object is its own already. */
const RUN = 1;

/** A set in a phase that began ten seconds ago, each member at its place. */
export interface Moment {
  readonly plan: Plan;
  readonly phase: Phase;
  readonly at: Readonly<Record<string, Place>>;
  readonly ask?: Ask;
  readonly now?: number;
  /** What the journal says otherwise of a member. */
  readonly known?: Readonly<Record<string, Partial<MemberJournal>>>;
  /** What it says otherwise of the release. */
  readonly journal?: Partial<Journal>;
  /** When everything was listed afresh; now by default. */
  readonly listedAt?: number;
  /** Of which ReplicaSets everything was kept; nobody keeps any by default. */
  readonly collected?: readonly string[];
  readonly changed?: (state: State) => State;
}

/** When the phase of such a moment began. */
export const SINCE = NOW - 10_000;

/** What is decided at that moment. */
export function decisionAt({ plan, phase, at, ask = 'promote', now = NOW, known = {}, ...more }: Moment) {
  const { changed = (s) => s, listedAt = NOW, collected } = more;
  const state = together(...Object.entries(at).map(([name, place]) => stateAt(place, name, RUN)));
  const members = Object.keys(at).map((name) => [name, entryOf(name, known[name])]);
  const journal: Journal = { ask, phase, since: SINCE, members: Object.fromEntries(members), ...more.journal };
  const observation = {
    ...observationOf(changed(state), listedAt),
    ...(collected ? { collected: new Set(collected) } : {}),
  };
  return decide(plan, observation, journal, now, RUN);
}

/** What a journal knows of a member on its way from the old revision to the new one. */
export function entryOf(name: string, more: Partial<MemberJournal> = {}): MemberJournal {
  return { uid: `${name}-uid`, from: OLD, to: NEW, switched: false, unchanged: false, asked: {}, ...more };
}

/** Its acts in short: what, and of which member. */
export function actsOf({ actions }: Decision): string[] {
  return actions.map((action) => ('member' in action ? `${action.act} ${action.member}` : action.act));
}

type Change = (state: State) => State;

/** All of these changes, one after the other. */
export const all =
  (...changes: Change[]): Change =>
  (state) =>
    changes.reduce((s, change) => change(s), state);

/** With one object changed, or gone where `change` returns none. */
export const withObject =
  <K extends Exclude<keyof State, 'checks'>>(
    kind: K,
    name: string,
    change: (object: State[K][string]) => State[K][string] | undefined,
  ): Change =>
  (state) => {
    const { [name]: object, ...others } = state[kind] as Record<string, State[K][string]>;
    const changed = object && change(object);
    return { ...state, [kind]: changed ? { ...others, [name]: changed } : others };
  };

/** With something else in the status of a member's Rollout; undefined takes a field away. */
export const withStatus = (name: string, status: { readonly [Field in keyof Status]?: Status[Field] | undefined }) =>
  withObject('rollouts', name, (rollout) => ({ ...rollout, status: { ...rollout.status, ...status } as Status }));
type Status = NonNullable<State['rollouts'][string]['status']>;

/** With something else in the metadata of a member's Rollout. */
export const withMetadata = (metadata: Partial<KubeObject['metadata']>, name = 'backend') =>
  withObject('rollouts', name, (rollout) => ({ ...rollout, metadata: { ...rollout.metadata, ...metadata } }));

/** With another template applied to a member, which the controller has not seen yet. */
export const withNewest = (name: string, version: string) =>
  all(
    withMetadata({ generation: 4 }, name),
    withObject('rollouts', name, (r) => ({ ...r, spec: { ...r.spec, template: templateOf(name, version) } })),
  );

/** Managed fields of a Rollout whose template this tool wrote, and somebody else applied the rest. */
export const TEMPLATE_WRITTEN = [
  { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
  { manager: FIELD_MANAGER, operation: 'Update', fieldsV1: { 'f:spec': { 'f:template': {} } } },
] as unknown as readonly ManagedFields[];

/** With the pods so changed that have that in their names. */
export const withPods =
  (part: string, change: (pod: Pod) => Pod): Change =>
  (state) => ({
    ...state,
    pods: Object.fromEntries(
      Object.entries(state.pods).map(([name, pod]) => [name, name.includes(part) ? change(pod) : pod]),
    ),
  });

/** A pod that is ready again after its container ended. */
export const crashed =
  (reason: string, exitCode: number) =>
  (pod: Pod): Pod => ({
    ...pod,
    status: {
      ...pod.status,
      containerStatuses: [
        { name: 'main', ready: true, restartCount: 1, lastState: { terminated: { reason, exitCode } } },
      ],
    },
  });

/** How an autoscaler is other than usual. */
interface ScalerShape {
  readonly bounds?: readonly [min: number | undefined, max: number];
  readonly note?: string;
  readonly target?: { readonly kind: string; readonly name: string };
  readonly metadata?: Partial<KubeObject['metadata']>;
}

/** An autoscaler of the backend, of whose spec this tool owns nothing. */
export function scaler({
  bounds: [min, max] = [1, 5],
  note,
  target,
  metadata,
}: ScalerShape = {}): HorizontalPodAutoscaler {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: 'scaler',
      uid: 'scaler-uid',
      resourceVersion: '7',
      annotations: { 'moneywise.app/epoch': '1', ...(note === undefined ? {} : { [PINNED]: note }) },
      ...metadata,
    },
    spec: {
      scaleTargetRef: target ?? { kind: 'Rollout', name: 'backend' },
      ...(min === undefined ? {} : { minReplicas: min }),
      maxReplicas: max,
    },
  };
}
