import type { Construct } from 'constructs';
import { dump } from 'js-yaml';
import type { Monitoring, Overlay } from '../overlays/overlay.ts';
import { gateQuery } from '../overlays/timing.ts';
import { type PolicyInput, policySchema } from '../promotion/plan/policy.ts';
import { Queries } from './alerts.ts';
import { backendVersion } from './backend-environment.ts';
import { holdMetricName } from './constructs/hold.ts';
import type { NamedPort } from './constructs/service.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { applicationName, backendName, backendPort, webName, webPort } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** What the promoter needs to know beside the objects. */
export class ReleasePolicyChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, 'release-policy', 'promotion'));
    const policy = releasePolicy(overlay);
    policySchema.parse(policy);
    new kplus.ConfigMap(this, 'policy', {
      metadata: { name: 'release-policy' },
      data: { 'policy.yaml': dump(policy, { lineWidth: -1, noRefs: true }) },
    });
  }
}

/** The policy of an overlay; what the overlay does not decide keeps the policy's own defaults. */
export function releasePolicy(overlay: Overlay): PolicyInput {
  const { gitops, health, hosts, ingress, monitoring, name, notifications, pins, strategy } = overlay;
  const version = backendVersion(overlay);
  const well = { json: { status: 'ok' } };
  const apiExpected = { ...well, ...(version ? { version: { value: version } } : {}) };
  const canaries = strategy.kind === 'blue-green' ? strategy.canaries : {};
  // Where a load balancer divides the traffic, the live Service leads to the old revision alone until the release has settled.
  const asked = (workload: 'backend' | 'web', service: string) =>
    canaries[workload]?.by === 'alb' ? `${service}-preview` : service;
  // Before it has settled, the old revision of a canary answers, too; the controller asks the new one by itself.
  const isShared = canaries.backend && !(canaries.backend.by === 'alb' && health.checkVia === 'service');
  const redirects = ingress.scheme === 'https' && (ingress.kind === 'ingress' || ingress.gateway.redirectListener);
  const publicPath = (host: string, path: string) => ({
    url: `${ingress.scheme}://${host}${path}`,
    ...(redirects ? { redirectFrom: `http://${host}${path}` } : {}),
  });
  const target = (host: string, service: string, port: NamedPort, path: string) =>
    health.checkVia === 'url' ? { url: publicPath(host, path).url } : { service, port: port.name, path };
  return {
    release: name,
    version:
      pins.backend.version === pins.web.version
        ? pins.backend.version
        : `backend ${pins.backend.version}, web ${pins.web.version}`,
    ...(strategy.kind === 'blue-green'
      ? { holdMetric: holdMetricName, holdMarginSeconds: strategy.holdMarginSeconds, timeouts: strategy.timeouts }
      : {}),
    healthChecks: [
      {
        name: 'api-health',
        target: target(hosts.api, asked('backend', backendName), backendPort, health.publicPath),
        expect: isShared ? well : apiExpected,
      },
      { name: 'web-page', target: target(hosts.web, asked('web', webName), webPort, '/') },
    ],
    publicPaths: [
      { name: 'api', ...publicPath(hosts.api, health.publicPath), expect: apiExpected },
      { name: 'web', ...publicPath(hosts.web, '/') },
    ],
    ...(monitoring.kind !== 'none' && monitoring.gates
      ? { queries: queriesOf(overlay, monitoring, monitoring.gates) }
      : {}),
    ...(Object.keys(notifications).length > 0 ? { notifications } : {}),
    ...(overlay.freezes.length > 0 ? { freezes: overlay.freezes } : {}),
    ...(gitops?.changes
      ? {
          git: {
            repository: gitops.repository,
            branch: gitops.revision,
            mode: gitops.changes,
            ...(gitops.appliedBy === 'argo-cd'
              ? { application: { name: applicationName(overlay), namespace: gitops.namespace } }
              : {}),
          },
        }
      : {}),
  };
}

/** What the alerts look at, asked of the time since the switch alone. */
function queriesOf(
  overlay: Overlay,
  monitoring: Monitoring,
  { memoryPercent, prometheus, windowSeconds, withoutRequests }: NonNullable<Monitoring['gates']>,
): NonNullable<PolicyInput['queries']> {
  const { thresholds } = monitoring;
  const target = 'url' in prometheus ? prometheus : { ...prometheus, namespace: overlay.network.monitoring.namespace };
  const queries = new Queries(overlay, monitoring);
  const window = `${windowSeconds}s`;
  // Prometheus has a new value at each scrape, no sooner; asking more often would count one as several.
  const asked = { target, samples: 2, ...gateQuery };
  return [backendName, webName].flatMap((service) => {
    const requests = { ...asked, newest: queries.lastCounted(service), windowSeconds, whenEmpty: withoutRequests };
    return [
      {
        name: `${service}-errors`,
        query: queries.knownErrorRatio(service, window),
        below: thresholds.errorPercent / 100,
        ...requests,
      },
      {
        name: `${service}-duration`,
        query: `${queries.duration(service, 0.95, window)} and ${queries.requests(service, window)} > 0`,
        below: thresholds.p95Seconds,
        ...requests,
      },
      {
        name: `${service}-memory`,
        query: `max(${queries.memory(service)})`,
        below: memoryPercent / 100,
        newest: queries.lastMeasured(service),
        ...asked,
      },
    ];
  });
}
