import { type KubeObject, POD_HASH, type ReplicaSet, type Rollout, type Service } from '../cluster/objects.ts';
import { ClusterError, type HttpAnswer, type HttpTarget } from '../cluster/port.ts';
import { shareOf } from '../core/serving.ts';
import { queryTarget } from '../gates/prometheus.ts';
import { POLICY_CONFIG_MAP, policyOf } from '../plan/plan.ts';
import type { Policy } from '../plan/policy.ts';
import { type ApiServer, same } from './api-server.ts';
import { serviceBehind } from './ingress.ts';

/** Annotation on a pod template: the version that its pods name, where that is not their label's. */
export const REPORTED_VERSION = 'reported-version';

/** Whether its health checks are answered well, by where they are asked; default: they are. */
export interface HealthBehaviour {
  readonly preview?: boolean;
  readonly active?: boolean;
  /** What Prometheus measures of it while it is live; default: what every query of the policy wants. */
  readonly measured?: 'bad' | 'nothing';
}

/** What the pods behind a target answer. Throws `ClusterError` when there are none. */
export function answerOf(
  api: ApiServer,
  target: HttpTarget,
  healthOf: (set: ReplicaSet) => HealthBehaviour | undefined,
  now: number,
): HttpAnswer {
  const measured = measurement(api, target, healthOf, now);
  if (measured) return measured;
  const name = serviceBehind(api, target);
  // An address that none of the objects leads to is somebody else's, and well.
  if (name === undefined) return goodAnswer(policyIn(api), target, undefined);
  const [set] = [...setsBehind(api, name), ...('url' in target ? setsBesides(api, name) : [])]
    .filter(({ status }) => (status?.availableReplicas ?? 0) > 0)
    // Of several, the one that is asked in the end is one that does not answer well.
    .sort((a, b) => Number(healthOf(a)?.active ?? true) - Number(healthOf(b)?.active ?? true));
  if (!set) throw new ClusterError('unreachable', 'connection refused');
  const asPreview = !isLive(api, name, set);
  const healthy = (asPreview ? healthOf(set)?.preview : healthOf(set)?.active) ?? true;
  return healthy ? goodAnswer(policyIn(api), target, set) : { status: 500, body: '{"status":"error"}' };
}

/** What Prometheus answers, where the target is a query of the policy: of all that is live, the worst. */
function measurement(
  api: ApiServer,
  target: HttpTarget,
  healthOf: (set: ReplicaSet) => HealthBehaviour | undefined,
  now: number,
): HttpAnswer | undefined {
  const at = now / 1000;
  const answer = (value: number | undefined) => ({
    status: 200,
    body: JSON.stringify({
      status: 'success',
      data: { resultType: 'vector', result: value === undefined ? [] : [{ metric: {}, value: [at, String(value)] }] },
    }),
  });
  for (const { query, newest, below, above = 0, target: prometheus } of policyIn(api).queries) {
    if (newest !== undefined && same(queryTarget(prometheus, newest), target)) return answer(at);
    if (!same(queryTarget(prometheus, query), target)) continue;
    const live = new Set(api.list<Service>('services').map((service) => service.spec.selector?.[POD_HASH]));
    const seen = api
      .list<ReplicaSet>('replicasets')
      .filter((set) => live.has(set.metadata.labels?.[POD_HASH]))
      .map((set) => healthOf(set)?.measured);
    const [good, bad] = below === undefined ? [above + 1, above] : [below - 1, below];
    return answer(seen.includes('nothing') ? undefined : seen.includes('bad') ? bad : good);
  }
  return undefined;
}

const parsed = new WeakMap<KubeObject, Policy>();
const DEFAULTS = policyOf([]);

/** The release policy as it is applied now. */
export function policyIn(api: ApiServer): Policy {
  const map = api.get('configmaps', POLICY_CONFIG_MAP);
  if (!map) return DEFAULTS;
  const policy = parsed.get(map) ?? policyOf([map]);
  parsed.set(map, policy);
  return policy;
}

/** What the policy's health check of that target expects to hear; but a version is that of the pods that answer. */
function goodAnswer({ healthChecks }: Policy, target: HttpTarget, set: ReplicaSet | undefined): HttpAnswer {
  const expect = healthChecks.find((check) => same(check.target, target))?.expect;
  const { annotations, labels } = set?.spec.template?.metadata ?? {};
  const version = annotations?.[REPORTED_VERSION] ?? labels?.['app.kubernetes.io/version'];
  const json = Object.entries({
    status: 'ok',
    ...expect?.json,
    ...(expect?.version ? { [expect.version.path]: version ?? expect.version.value } : {}),
    ...(version ? { version } : {}),
  }).reduce((body, [path, value]) => put(body, path.split('.'), value), {});
  return { status: expect?.status ?? 200, body: expect?.body ?? JSON.stringify(json) };
}

function put(object: Record<string, unknown>, [key = '', ...rest]: string[], value: unknown): Record<string, unknown> {
  return {
    ...object,
    [key]: rest.length === 0 ? value : put((object[key] ?? {}) as Record<string, unknown>, rest, value),
  };
}

/** Whether a Service is the one through which the Rollout of these pods is live. */
function isLive(api: ApiServer, service: string, set: ReplicaSet): boolean {
  const rollout = api.get<Rollout>('rollouts', set.metadata.ownerReferences?.[0]?.name ?? '');
  const { blueGreen, canary } = rollout?.spec.strategy ?? {};
  return canary ? service !== canary.canaryService : service === blueGreen?.activeService;
}

/** Those of the Service that a router gives a share of the requests, where they come in by way of it. */
function setsBesides(api: ApiServer, service: string): ReplicaSet[] {
  return api.list<Rollout>('rollouts').flatMap((rollout) => {
    const { canaryService = '', stableService, trafficRouting } = rollout.spec.strategy?.canary ?? {};
    return trafficRouting && stableService === service && shareOf(rollout) > 0 ? setsBehind(api, canaryService) : [];
  });
}

/** The ReplicaSets whose pods a Service selects. */
function setsBehind(api: ApiServer, service: string): ReplicaSet[] {
  const selector = api.get<Service>('services', service)?.spec.selector;
  if (!selector) return [];
  const { [POD_HASH]: hash } = selector;
  return api.list<ReplicaSet>('replicasets').filter(({ metadata, spec }) => {
    if (hash) return metadata.labels?.[POD_HASH] === hash;
    return Object.entries(selector).every(([key, value]) => spec.template?.metadata?.labels?.[key] === value);
  });
}
