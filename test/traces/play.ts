import fastJsonPatch from 'fast-json-patch';
import type { KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { type Cluster, type JsonPatch, RESOURCES, type Resource } from '../../promotion/cluster/port.ts';
import { type Facts, factsOf, type Labels, learn } from './facts.ts';
import type { Kind, Scenario, Stimulus, Version } from './scenario.ts';
import { analysisOf, canaryOf, podTemplate, shopOf } from './shop.ts';

/** Where a scenario is played: a real cluster, or the simulation. */
export interface Stage {
  readonly cluster: Cluster;
  /** What the analysis asks. */
  readonly url: string;
  /** Makes so many pods of that ReplicaSet available. */
  readonly setAvailable: (replicaSet: string, count: number) => Promise<void>;
}

/** What happened between two times of rest. */
export interface TraceStep {
  readonly given: string;
  /** Each field that changed, with its values one after the other: the last one is the one at rest. */
  readonly changes: Readonly<Record<string, readonly string[]>>;
}

/** Nothing has changed for so long: all is at rest. In milliseconds. */
const QUIET = 2000;
/** How long to wait for a step's facts. In milliseconds. */
const PATIENCE = 60_000;

const TEMPLATES: Resource = {
  kind: 'AnalysisTemplate',
  group: 'argoproj.io',
  version: 'v1alpha1',
  plural: 'analysistemplates',
};
const BUDGETS: Resource = {
  kind: 'PodDisruptionBudget',
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
};
const INGRESSES: Resource = { kind: 'Ingress', group: 'networking.k8s.io', version: 'v1', plural: 'ingresses' };
const SECRETS: Resource = { kind: 'Secret', group: '', version: 'v1', plural: 'secrets' };
const KINDS: Readonly<Record<Kind, Resource>> = {
  rollouts: RESOURCES.rollouts,
  services: RESOURCES.services,
  replicasets: RESOURCES.replicaSets,
  analysisruns: RESOURCES.analysisRuns,
  analysistemplates: TEMPLATES,
  ingresses: INGRESSES,
  poddisruptionbudgets: BUDGETS,
  secrets: SECRETS,
};
const WATCHED = [RESOURCES.rollouts, RESOURCES.services, RESOURCES.replicaSets, RESOURCES.analysisRuns];

/** Plays a scenario from nothing to its end. Throws when a step's facts do not come about. */
export async function play(scenario: Scenario, stage: Stage): Promise<TraceStep[]> {
  const { cluster } = stage;
  const over = new AbortController();
  const seen = watchAll(cluster, over.signal);
  const steps: TraceStep[] = [];
  const rest = async (given: string, when: Facts = {}) => {
    const since = cluster.now().getTime();
    for (;;) {
      await cluster.sleep(200);
      const now = cluster.now().getTime();
      const holds = includes(seen.facts(), when);
      // What was asked for takes a moment to begin.
      if (holds && now - Math.max(since, seen.changedAt()) >= QUIET) break;
      if (now - since > PATIENCE) {
        const facts = Object.fromEntries(Object.entries(seen.facts()).filter(([field]) => field in when));
        throw new Error(
          `${scenario.name}: after "${given}", waited for ${JSON.stringify(when)}: ${holds ? 'no rest' : `it is ${JSON.stringify(facts)}`}`,
        );
      }
    }
    steps.push({ given, changes: seen.take() });
  };
  try {
    await seen.started;
    for (const object of shopOf(scenario, cluster.namespace, stage.url))
      await cluster.create(resourceOf(object), object);
    let given = `apply ${scenario.first?.name ?? 'A'}`;
    for (const { when, give } of scenario.steps) {
      await rest(given, when);
      for (const stimulus of give) await send(stage, seen.labels, stimulus);
      given = give.map(({ say }) => say).join(', ');
    }
    await rest(given, scenario.end);
    return steps;
  } finally {
    over.abort();
  }
}

export function includes(facts: Facts, wanted: Facts): boolean {
  return Object.entries(wanted).every(([field, value]) => (facts[field] ?? '') === value);
}

async function send(stage: Stage, labels: Labels, stimulus: Stimulus): Promise<void> {
  const { cluster } = stage;
  const hashes = Object.fromEntries([...labels].map(([hash, version]) => [version, hash]));
  const now = `${cluster.now().toISOString().slice(0, -5)}Z`;
  const named = (text: string) =>
    text.replace(/\$([A-C])/g, (all, version) => hashes[version] ?? all).replaceAll('$now', now);
  if ('available' in stimulus) return stage.setAvailable(named(`shop-$${stimulus.of}`), stimulus.available);
  if ('create' in stimulus) {
    await cluster.create(resourceOf(stimulus.create), withNamespace(stimulus.create, cluster.namespace));
    return;
  }
  if ('remove' in stimulus) {
    const object = await cluster.get(KINDS[stimulus.remove], named(stimulus.name));
    return cluster.remove(KINDS[stimulus.remove], object.metadata.name, { uid: object.metadata.uid ?? '' });
  }
  if ('template' in stimulus)
    return edit(cluster, RESOURCES.rollouts, 'shop', (rollout) => withTemplate(rollout as Rollout, stimulus));
  const merge = JSON.parse(named(JSON.stringify(stimulus.merge))) as object;
  await edit(
    cluster,
    KINDS[stimulus.kind],
    named(stimulus.name),
    (object) => merged(object, merge) as KubeObject,
    'status' in merge ? 'status' : undefined,
  );
}

function withTemplate(
  rollout: Rollout,
  { template, alone, more }: { template: Version; alone: boolean; more?: object },
): Rollout {
  const { strategy } = rollout.spec;
  const { canary } = strategy ?? {};
  const kind = canary?.trafficRouting ? 'routed' : 'divided';
  const analysed = canary ? { canary: canaryOf(template, kind) } : { blueGreen: analysisOf(template) };
  const analysis = alone ? {} : { strategy: analysed };
  return {
    ...rollout,
    spec: {
      ...(merged(merged({ ...rollout.spec, strategy }, analysis), more ?? {}) as Rollout['spec']),
      template: podTemplate(template),
    },
  };
}

/** Changes one object as it is at that moment. */
async function edit(
  cluster: Cluster,
  resource: Resource,
  name: string,
  change: (object: KubeObject) => KubeObject,
  subresource?: 'status',
): Promise<void> {
  const live = await cluster.get(resource, name);
  const patch = fastJsonPatch.compare(live, change(live)) as unknown as JsonPatch;
  if (patch.length > 0) await cluster.patch(resource, name, patch, subresource);
}

/** RFC 7396. */
function merged(target: unknown, patch: object): object {
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = typeof value === 'object' && !Array.isArray(value) ? merged(result[key], value) : value;
  }
  return result;
}

function resourceOf({ kind }: KubeObject): Resource {
  const found = Object.values(KINDS).find((resource) => resource.kind === kind);
  if (!found) throw new Error(`a scenario has no ${kind}`);
  return found;
}

const withNamespace = (object: KubeObject, namespace: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace },
});

/**
 * The controller points the canary Service of an aborted canary with a router at its rejected pods and back, in every pass, for as
 * long as there are some (v1.9.1: reconcileStableAndCanaryService, then reconcileTrafficRouting), and each makes it look again. Where
 * the Service leads at one moment says nothing then.
 */
const isFlapping = ({ abort, weight }: Facts) => abort === 'acknowledged' && Boolean(weight);

/** Follows all objects; what happened is put into the order of its resource versions, which all kinds share. */
function watchAll(cluster: Cluster, signal: AbortSignal) {
  const labels: Labels = new Map();
  const live = new Map<string, { readonly object: KubeObject; readonly gone: boolean }>();
  let events: { readonly version: number; readonly object: KubeObject; readonly gone: boolean }[] = [];
  let changedAt = 0;
  let known: Facts = {};

  const started = Promise.all(
    WATCHED.map(async (resource) => {
      const { resourceVersion } = await cluster.list(resource);
      cluster.watch(
        resource,
        resourceVersion,
        (event) => {
          if (event.type === 'END') {
            if (!signal.aborted)
              throw new Error(`the watch of ${resource.plural} ended: ${event.error?.message ?? 'closed'}`);
            return;
          }
          learn(labels, event.object);
          const gone = event.type === 'DELETED';
          const before = JSON.stringify(facts());
          events.push({ version: Number(event.object.metadata.resourceVersion), object: event.object, gone });
          live.set(`${resource.plural} ${event.object.metadata.name}`, { object: event.object, gone });
          if (JSON.stringify(facts()) !== before) changedAt = cluster.now().getTime();
        },
        signal,
      );
    }),
  );

  const facts = (): Facts => {
    const all: Facts = Object.assign(
      {},
      ...[...live.values()].map(({ object, gone }) => factsOf(object, labels, gone)),
    );
    return isFlapping(all) ? { ...all, preview: preview() } : all;
  };
  let preview = () => '';

  /** The changes since the last time. */
  function take(): Record<string, string[]> {
    const changes: Record<string, string[]> = {};
    const state = { ...known };
    for (const { object, gone } of events.sort((a, b) => a.version - b.version)) {
      for (const [field, value] of Object.entries(factsOf(object, labels, gone))) {
        state[field] = value;
        if (field === 'preview' && isFlapping(state)) continue;
        const last = changes[field]?.at(-1) ?? known[field] ?? '';
        if (value !== last) changes[field] = [...(changes[field] ?? []), value];
      }
    }
    events = [];
    const settled = changes.preview?.at(-1) ?? known.preview ?? '';
    preview = () => settled;
    known = facts();
    return Object.fromEntries(Object.entries(changes).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  return { labels, started, facts, take, changedAt: () => changedAt };
}
