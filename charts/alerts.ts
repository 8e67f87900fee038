import type { Monitoring, Overlay } from '../overlays/overlay.ts';
import { backendName, backendPort, backupName, cacheName, databaseName, webName, webPort } from './names.ts';

/** Something that somebody should know about. */
export interface Alert {
  readonly name: string;
  /** Critical alerts are escalated: team, who is on call, manager. Warnings are for the team alone. */
  readonly severity: 'critical' | 'warning';
  /** PromQL; whatever it returns is wrong. */
  readonly expr: string;
  /** How long it must be so, in minutes. */
  readonly minutes: number;
  readonly summary: string;
  /** The heading below which docs/on-call.md says what to do; default: the name. */
  readonly section?: string;
}

/** Queries of one overlay that alerts and dashboard share. */
export class Queries {
  readonly #namespace: string;
  readonly #requests: Monitoring['requests'];

  constructor({ namespace }: Overlay, { requests }: Monitoring) {
    this.#namespace = namespace;
    this.#requests = requests;
  }

  /** Requests a second of a Service, all or those that failed. */
  requests(service: string, window: string, only: 'all' | 'failed' = 'all'): string {
    const { counter, statusLabel } = this.#requests;
    const failed = only === 'failed' ? `,${statusLabel}=~"5.."` : '';
    return `sum(rate(${counter}{${this.#select(service)}${failed}}[${window}]))`;
  }

  /** Share of a Service's requests that failed, 0 to 1; nothing where there was none. */
  errorRatio(service: string, window: string): string {
    return `(${this.requests(service, window, 'failed')} / ${this.requests(service, window)})`;
  }

  /** As errorRatio, for those who must tell "none failed", 0, from "there was none", nothing. */
  knownErrorRatio(service: string, window: string): string {
    return `((${this.requests(service, window, 'failed')} or vector(0)) / (${this.requests(service, window)} > 0))`;
  }

  /** When a Service's requests were last counted, in seconds since 1970. */
  lastCounted(service: string): string {
    return `max(timestamp(${this.#requests.counter}{${this.#select(service)}}))`;
  }

  /** What the given share of a Service's requests takes at most, in seconds. */
  duration(service: string, quantile: number, window = '5m'): string {
    const buckets = `${this.#requests.duration}_bucket{${this.#select(service)}}`;
    return `histogram_quantile(${quantile}, sum by (le) (rate(${buckets}[${window}])))`;
  }

  /** CPU in use by each pod of a container, as a share of what it reserves. */
  cpu(container: string): string {
    const used = `sum by (pod) (rate(container_cpu_usage_seconds_total{${this.labels({ container })}}[5m]))`;
    return `${used} / sum by (pod) (kube_pod_container_resource_requests{${this.labels({ container, resource: 'cpu' })}})`;
  }

  /** Memory in use by each pod of a container, as a share of its limit. */
  memory(container: string): string {
    const used = `sum by (pod) (container_memory_working_set_bytes{${this.labels({ container })}})`;
    return `${used} / sum by (pod) (kube_pod_container_resource_limits{${this.labels({ container, resource: 'memory' })}})`;
  }

  /** When the memory of a container's pods was last measured, in seconds since 1970. */
  lastMeasured(container: string): string {
    return `max(timestamp(container_memory_working_set_bytes{${this.labels({ container })}}))`;
  }

  /** Labels of this namespace and others. */
  labels(others: Readonly<Record<string, string>> = {}): string {
    return Object.entries({ namespace: this.#namespace, ...others })
      .map(([label, value]) => `${label}="${value}"`)
      .join(',');
  }

  #select(service: string): string {
    const port = service === webName ? webPort : backendPort;
    return this.#requests.selector
      .replaceAll('{namespace}', this.#namespace)
      .replaceAll('{service}', service)
      .replaceAll('{port}', port.name);
  }
}

/** All alerts of an overlay. Those about data stores are there where the stores are. */
export function alertsOf(overlay: Overlay, monitoring: Monitoring): Alert[] {
  const queries = new Queries(overlay, monitoring);
  return [
    ...[backendName, webName].flatMap((service) => requestAlerts(service, queries, monitoring)),
    ...(overlay.strategy.kind === 'blue-green' ? rolloutAlerts(queries, monitoring) : []),
    ...databaseAlerts(overlay, queries, monitoring),
    ...cacheAlerts(overlay, queries),
  ];
}

const title = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`;

function requestAlerts(service: string, queries: Queries, { thresholds }: Monitoring): Alert[] {
  const { availabilityPercent, cpuPercent, errorPercent, p95Seconds } = thresholds;
  // Two windows each, as in the SRE workbook: the long one says that it matters, the short one that it goes on.
  const budget = (100 - availabilityPercent) / 100;
  const burns = (rate: number, window: string) => `${queries.errorRatio(service, window)} > ${round(rate * budget)}`;
  const burn = (rate: number, long: string, short: string) => `${burns(rate, long)} and ${burns(rate, short)}`;
  return [
    {
      name: `${title(service)}Errors`,
      section: 'Errors',
      severity: 'critical',
      expr: `${queries.errorRatio(service, '5m')} > ${errorPercent / 100}`,
      minutes: 5,
      summary: `More than ${errorPercent} % of the requests to ${service} fail.`,
    },
    {
      name: `${title(service)}Slow`,
      section: 'Slow',
      severity: 'warning',
      expr: `${queries.duration(service, 0.95)} > ${p95Seconds}`,
      minutes: 10,
      summary: `5 % of the requests to ${service} take longer than ${p95Seconds} s.`,
    },
    {
      name: `${title(service)}BudgetBurnsFast`,
      section: 'BudgetBurnsFast',
      severity: 'critical',
      expr: burn(14.4, '1h', '5m'),
      minutes: 2,
      summary: `${service} uses up 2 % of a month's errors (${availabilityPercent} % must succeed) in an hour.`,
    },
    {
      name: `${title(service)}BudgetBurns`,
      section: 'BudgetBurns',
      severity: 'warning',
      expr: burn(6, '6h', '30m'),
      minutes: 15,
      summary: `${service} uses up 5 % of a month's errors (${availabilityPercent} % must succeed) in six hours.`,
    },
    {
      name: `${title(service)}Cpu`,
      section: 'Cpu',
      severity: 'warning',
      expr: `${queries.cpu(service)} > ${cpuPercent / 100}`,
      minutes: 15,
      summary: `A pod of ${service} uses more than ${cpuPercent} % of the CPU it reserves, autoscaling included.`,
    },
  ];
}

/**
 * `phase` is the controller's own word in its metrics (controller/metrics/rollouts.go), not `status.phase`: it knows no
 * `Degraded` and no `Healthy`.
 */
function rolloutAlerts(queries: Queries, { thresholds: { rolloutMinutes } }: Monitoring): Alert[] {
  return [
    {
      name: 'RolloutDegraded',
      severity: 'critical',
      expr: `rollout_info{${queries.labels()},phase=~"Abort|Error|InvalidSpec|Timeout"} == 1`,
      minutes: 5,
      summary: 'A revision was aborted or makes no progress: look with `moneywise-deploy status`.',
    },
    {
      name: 'RolloutStuck',
      severity: 'critical',
      expr: `rollout_info{${queries.labels()},phase=~"Paused|Progressing"} == 1`,
      minutes: rolloutMinutes,
      summary: 'A release is neither all old nor all new: promote it or abort it.',
    },
  ];
}

function databaseAlerts({ database }: Overlay, queries: Queries, { thresholds }: Monitoring): Alert[] {
  if (database.kind === 'external') return [];
  const { connectionsPercent, diskFreePercent } = thresholds;
  const volume = `${queries.labels()},persistentvolumeclaim=~"data-.*|backups"`;
  const alerts: Alert[] = [
    {
      name: 'DiskLow',
      severity: 'critical',
      expr: `kubelet_volume_stats_available_bytes{${volume}} / kubelet_volume_stats_capacity_bytes{${volume}} < ${diskFreePercent / 100}`,
      minutes: 10,
      summary: `A data volume has less than ${diskFreePercent} % left.`,
    },
  ];
  if (database.exporter) {
    const labels = queries.labels({ job: databaseName });
    alerts.push(
      {
        name: 'DatabaseDown',
        severity: 'critical',
        expr: `pg_up{${labels}} == 0 or absent(pg_up{${labels}})`,
        minutes: 3,
        summary: 'The database does not answer, or nobody sees it.',
      },
      {
        name: 'DatabaseConnections',
        severity: 'critical',
        expr: `sum(pg_stat_activity_count{${labels}}) / max(pg_settings_max_connections{${labels}}) > ${connectionsPercent / 100}`,
        minutes: 5,
        summary: `More than ${connectionsPercent} % of the database's connections are in use.`,
      },
    );
  }
  if (database.backup) {
    const proof = queries.labels({ cronjob: `verify-${backupName}` });
    alerts.push({
      name: 'BackupUnproven',
      severity: 'critical',
      expr: `time() - kube_cronjob_status_last_successful_time{${proof}} > ${database.backup.maxAgeHours * 3600} or absent(kube_cronjob_status_last_successful_time{${proof}})`,
      minutes: 60,
      summary: `No backup was made and proven for ${database.backup.maxAgeHours} hours.`,
    });
  }
  return alerts;
}

function cacheAlerts({ cache }: Overlay, queries: Queries): Alert[] {
  if (cache.kind === 'external' || !cache.exporter) return [];
  const labels = queries.labels({ job: cacheName });
  return [
    {
      name: 'CacheDown',
      severity: 'critical',
      expr: `redis_up{${labels}} == 0 or absent(redis_up{${labels}})`,
      minutes: 3,
      summary: 'Redis does not answer, or nobody sees it. Users are logged out.',
    },
  ];
}

/** Without the digits that binary fractions add. */
const round = (value: number) => Number(value.toPrecision(6));
