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
import { backendName, backendPort, webName, webPort } from './names.ts';
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
  const { health, hosts, ingress, monitoring, name, pins, strategy } = overlay;
  const version = backendVersion(overlay);
  const target = (host: string, service: string, port: NamedPort, path: string) =>
    health.checkVia === 'url' ? { url: `${ingress.scheme}://${host}${path}` } : { service, port: port.name, path };
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
        target: target(hosts.api, backendName, backendPort, health.publicPath),
        expect: { json: { status: 'ok' }, ...(version ? { version: { value: version } } : {}) },
      },
      { name: 'web-page', target: target(hosts.web, webName, webPort, '/') },
    ],
    ...(monitoring.kind !== 'none' && monitoring.gates
      ? { queries: queriesOf(overlay, monitoring, monitoring.gates) }
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
