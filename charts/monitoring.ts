import type { Construct } from 'constructs';
import { dump } from 'js-yaml';
import { ServiceMonitor } from '../imports/monitoring.coreos.com.ts';
import type { Overlay } from '../overlays/overlay.ts';
import { alertmanagerConfig } from './alertmanager.ts';
import { alertsOf } from './alerts.ts';
import { AlertRules } from './constructs/alert-rules.ts';
import { dashboard } from './dashboard.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { cacheName, databaseName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** What Prometheus scrapes and judges, what Grafana shows, and whom Alertmanager tells; empty where nobody watches. */
export class MonitoringChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, 'monitoring', 'monitoring'));
    const { cache, database, monitoring } = overlay;
    if (monitoring.kind === 'none') return;
    if (database.kind === 'in-cluster' && database.exporter) this.#monitor(databaseName, monitoring.labels);
    if (cache.kind === 'in-cluster' && cache.exporter) this.#monitor(cacheName, monitoring.labels);
    new AlertRules(this, 'alerts', {
      name: 'moneywise',
      alerts: alertsOf(overlay, monitoring),
      escalation: monitoring.escalation,
      runbookUrl: monitoring.runbookUrl,
      labels: monitoring.labels,
      environment: overlay.name,
    });
    new kplus.ConfigMap(this, 'dashboard', {
      // Grafana's sidecar looks for this label.
      metadata: { name: 'dashboard', labels: { grafana_dashboard: '1' } },
      data: { 'moneywise.json': `${JSON.stringify(dashboard(overlay, monitoring), null, 2)}\n` },
    });
    new kplus.ConfigMap(this, 'alertmanager', {
      metadata: { name: 'alertmanager' },
      data: { 'alertmanager.yaml': dump(alertmanagerConfig(monitoring), { lineWidth: -1, noRefs: true }) },
    });
  }

  /** Scrapes the exporter beside a store, by the one Service that has its port. */
  #monitor(store: string, labels: Readonly<Record<string, string>>): void {
    new ServiceMonitor(this, store, {
      metadata: { name: store, labels: { ...labels } },
      spec: {
        jobLabel: 'app.kubernetes.io/name',
        selector: { matchLabels: { 'app.kubernetes.io/name': store } },
        endpoints: [{ port: 'metrics', interval: '30s' }],
      },
    });
  }
}
