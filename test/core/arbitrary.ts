import fc from 'fast-check';
import type { HorizontalPodAutoscaler } from '../../promotion/cluster/objects.ts';
import { EPOCH as EPOCH_KEY } from '../../promotion/core/fence.ts';
import type { Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import { PINNED } from '../../promotion/core/pin.ts';
import type { Plan } from '../../promotion/plan/plan.ts';
import { canaryAt, canaryMember } from './canary-state.ts';
import { memberOf, NEW, NOW, OLD, PLACES, type Place, planFor, type State, stateAt, together } from './state.ts';

/** The number of the run that decides, in these tests. */
export const EPOCH = 3;

/** How many questions the properties of a decision are asked of; PROPERTY_RUNS in the environment says another number. */
export const PROPERTY_RUNS = Number(process.env.PROPERTY_RUNS ?? 3000);

/** The value, which nobody can change from now on: not a field of it at any depth, but for what Maps hold. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(frozen);
  return value;
}

/** One moment of a release: what the cluster shows, when it was listed, and what time it is. */
export interface Moment {
  readonly state: State;
  readonly listedAt: number;
  readonly now: number;
}

const NAMES = ['backend', 'web', 'büro-名'];
const CHECKS = [
  { name: 'preview', when: 'before-switch' as const, target: { url: 'http://preview/' } },
  { name: 'public', target: { url: 'http://shop/' } },
];

export const plans: fc.Arbitrary<Plan> = fc
  .record({
    orders: fc.array(fc.constantFrom(0, 10), { minLength: 1, maxLength: NAMES.length }),
    canaries: fc.array(fc.boolean(), { minLength: NAMES.length, maxLength: NAMES.length }),
    checks: fc.subarray(CHECKS),
    jobs: fc.subarray(['migrate']),
  })
  .map(({ orders, canaries, checks, jobs }) =>
    planFor(
      orders.map((order, i) => (canaries[i] ? canaryMember : memberOf)(NAMES[i] as string, order)),
      { healthChecks: checks },
      jobs,
    ),
  );

const verdicts = fc.constantFrom(
  ...(['pass', 'fail', 'unknown'] as const).map((verdict) => ({ verdict, final: true, reason: `it is ${verdict}` })),
);

/** A state of all members of a plan; together at the same place more often than chance would have it. */
export function statesOf(plan: Plan, noise: fc.Arbitrary<Noise[]> = fc.constant([])): fc.Arbitrary<State> {
  const names = plan.members.map((member) => member.name);
  const stateOf = (i: number) => (plan.members[i]?.canary ? canaryAt : stateAt);
  const places = fc.oneof(
    // Held more often than others: only then may a set settle.
    fc.constantFrom(...PLACES, ...Array<Place>(5).fill('held')).map((place) => names.map(() => place)),
    fc.array(fc.constantFrom(...PLACES), { minLength: names.length, maxLength: names.length }),
  );
  const job = fc.constantFrom('Complete', 'Complete', 'Failed', undefined);
  const passed = { verdict: 'pass', final: true, reason: 'it is pass' } as const;
  const checks = fc.oneof(
    fc.constant({ preview: passed, public: passed }),
    fc.record({ preview: fc.option(verdicts), public: fc.option(verdicts) }),
  );
  const epochs = fc.constantFrom(EPOCH, EPOCH, EPOCH, EPOCH - 1, EPOCH + 1, undefined);
  // Of the first member: none, as it was applied, kept still for a switch, or kept still and then set by somebody.
  const bounds = fc.constantFrom(undefined, [1, 5], [2, 2], [2, 9]);
  const kept = fc.boolean();
  return fc.tuple(places, job, checks, epochs, noise, bounds, kept).map((all) => {
    const [at, jobIs, answers, epoch, changes, between, isKept] = all;
    const state = {
      ...together(...names.map((name, i) => stateOf(i)(at[i] as Place, name, epoch))),
      autoscalers: between ? { scaler: autoscalerOf(names[0] as string, between, isKept, epoch) } : {},
      jobs: jobIs
        ? {
            migrate: {
              apiVersion: 'batch/v1',
              kind: 'Job',
              metadata: { name: 'migrate' },
              status: { conditions: [{ type: jobIs, status: 'True' }] },
            },
          }
        : {},
      checks: Object.fromEntries(Object.entries(answers).flatMap(([k, v]) => (v ? [[k, v]] : []))),
    };
    return changes.reduce(spoil, state);
  });
}

function autoscalerOf(
  member: string,
  [minReplicas, maxReplicas]: readonly [number, number],
  isKept: boolean,
  epoch: number | undefined,
): HorizontalPodAutoscaler {
  const annotations = {
    ...(isKept ? { [PINNED]: '{"minReplicas":1,"maxReplicas":5,"replicas":2}' } : {}),
    ...(epoch === undefined ? {} : { [EPOCH_KEY]: String(epoch) }),
  };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'scaler', uid: 'scaler-uid', resourceVersion: '7', annotations },
    spec: {
      scaleTargetRef: { kind: 'Rollout', name: member },
      minReplicas,
      maxReplicas,
    },
  };
}

/** What befalls a state: the `at`-th of its fields (modulo their number) is dropped, or becomes something of its type. */
export interface Noise {
  readonly at: number;
  readonly becomes: 'nothing' | { readonly text: string; readonly number: number };
}

export const noises: fc.Arbitrary<Noise[]> = fc.array(
  fc.record({
    at: fc.nat(1e6),
    becomes: fc.oneof(
      fc.constant('nothing' as const),
      fc.record({
        text: fc.oneof(fc.constantFrom('', OLD, NEW, 'True', 'Failed', 'Successful', '2', '-1', '1e999'), fc.string()),
        number: fc.constantFrom(0, -1, 1, 3, 1e308, Number.MAX_SAFE_INTEGER, 0.5),
      }),
    ),
  }),
  { maxLength: 4 },
);

export const oftenNone: fc.Arbitrary<Noise[]> = fc.oneof(
  noises.map((): Noise[] => []),
  noises,
);

/** What the API server never leaves out. */
const REQUIRED = ['apiVersion', 'kind', 'metadata', 'name', 'spec'];

function spoil(state: State, { at, becomes }: Noise): State {
  const copy = structuredClone(state);
  const places: { parent: Record<string, unknown>; key: string }[] = [];
  const walk = (value: unknown, depth: number) => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      const parent = value as Record<string, unknown>;
      // Kinds and the names of objects are the reader's, not the server's.
      if (depth > 0 && !REQUIRED.includes(key)) places.push({ parent, key });
      walk(parent[key], depth + 1);
    }
  };
  const { checks: _, ...objects } = copy;
  walk(objects, 0);
  const place = places[at % Math.max(1, places.length)];
  if (!place) return copy;
  const { parent, key } = place;
  if (becomes === 'nothing') {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
    return copy;
  }
  const old = parent[key];
  if ('metadata' in Object(old)) return copy;
  if (typeof old === 'string') parent[key] = becomes.text;
  else if (typeof old === 'number') parent[key] = becomes.number;
  else if (typeof old === 'boolean') parent[key] = !old;
  else parent[key] = Array.isArray(old) ? [] : {};
  return copy;
}

/** A release over time: its plan and what is seen of it, moment by moment. */
export function histories(noise: fc.Arbitrary<Noise[]> = fc.constant([]), moments = 6) {
  return plans.chain((plan) =>
    fc.record({
      plan: fc.constant(plan),
      moments: fc
        .array(
          fc.record({
            state: statesOf(plan, noise),
            wait: fc.constantFrom(0, 500, 1000, 6000, 61_000, 1_000_000),
            isFresh: fc.boolean(),
          }),
          { minLength: 1, maxLength: moments },
        )
        .map((all) => {
          let [now, listedAt] = [NOW, NOW - 1000];
          return all.map(({ state, wait, isFresh }): Moment => {
            now += wait;
            if (isFresh) listedAt = now;
            return { state, listedAt, now };
          });
        }),
    }),
  );
}

const PHASES: readonly Phase[] = ['preparing', 'switching', 'verifying', 'settling', 'returning', 'over'];

/** A journal as a run might find it, of this plan. */
export function journalsOf(plan: Plan): fc.Arbitrary<Journal> {
  const hash = fc.constantFrom(OLD, NEW, '5d5d5d5d5');
  const entries = (name: string): fc.Arbitrary<MemberJournal> =>
    fc.record(
      {
        uid: fc.constantFrom(`${name}-uid`, `${name}-uid`, 'earlier'),
        from: fc.oneof(fc.constant(OLD), hash),
        to: fc.oneof(fc.constant(NEW), hash),
        switched: fc.boolean(),
        unchanged: fc.boolean(),
        wasAborted: fc.boolean(),
        asked: fc.record(
          {
            promote: fc.constant(NOW - 2000),
            abort: fc.constantFrom(NOW - 2000, NOW - 10_000),
            retry: fc.constant(NOW - 2000),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['uid', 'switched', 'unchanged', 'asked'] },
    );
  const members = fc
    .tuple(...plan.members.map(({ name }) => fc.option(entries(name), { nil: undefined, freq: 6 })))
    .map((all) => Object.fromEntries(plan.members.flatMap(({ name }, i) => (all[i] ? [[name, all[i]]] : []))));
  return fc
    .record(
      {
        ask: fc.constantFrom('promote', 'promote', 'promote', 'abort', 'rollback', 'settle'),
        phase: fc.constantFrom(...PHASES),
        since: fc.constantFrom(NOW - 100, NOW - 6000, NOW - 20_000, NOW - 70_000, NOW - 2_000_000),
        preparedAt: fc.constantFrom(NOW - 50, NOW - 2000),
        members,
        cause: fc.constantFrom(
          ...(['gate-failed', 'superseded', 'interrupted', 'asked'] as const).map((code) => ({
            code,
            message: `it is ${code}`,
          })),
        ),
      },
      { requiredKeys: ['ask', 'phase', 'since', 'members'] },
    )
    .map((journal) => journal as Journal);
}
