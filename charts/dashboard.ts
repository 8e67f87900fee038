import type { Monitoring, Overlay } from '../overlays/overlay.ts';
import { Queries } from './alerts.ts';
import { backendName, cacheName, databaseName, webName } from './names.ts';

interface Panel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  /** Legend → PromQL. */
  readonly series: Readonly<Record<string, string>>;
}

/** The Grafana dashboard of an overlay. */
export function dashboard(overlay: Overlay, monitoring: Monitoring): object {
  const queries = new Queries(overlay, monitoring);
  const panels = panelsOf(overlay, queries);
  const datasource = { type: 'prometheus', uid: '$datasource' };
  return {
    uid: `moneywise-${overlay.name}`,
    title: `MoneyWise ${overlay.name}`,
    tags: ['moneywise'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    annotations: {
      list: [
        {
          name: 'Releases',
          datasource,
          enable: true,
          iconColor: 'blue',
          // A ReplicaSet of a member is as old as its revision.
          expr: `time() - kube_replicaset_created{${queries.labels()},replicaset=~"(${backendName}|${webName})-.*"} < 60`,
          titleFormat: '{{replicaset}}',
        },
      ],
    },
    panels: panels.map(({ series, title, unit }, at) => ({
      id: at + 1,
      type: 'timeseries',
      title,
      datasource,
      gridPos: { x: (at % 2) * 12, y: Math.floor(at / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: Object.entries(series).map(([legendFormat, expr], index) => ({
        refId: String.fromCharCode(65 + index),
        datasource,
        expr,
        legendFormat,
      })),
    })),
  };
}

function panelsOf({ cache, database }: Overlay, queries: Queries): Panel[] {
  const members = [backendName, webName];
  const each = (series: (member: string) => string, legend = '') =>
    Object.fromEntries(members.map((member) => [`${member}${legend}`, series(member)]));
  const panels: Panel[] = [
    { title: 'Requests', unit: 'reqps', series: each((member) => queries.requests(member, '5m')) },
    { title: 'Errors', unit: 'percentunit', series: each((member) => queries.errorRatio(member, '5m')) },
    {
      title: 'Duration',
      unit: 's',
      series: {
        ...each((member) => queries.duration(member, 0.5), ' 50 %'),
        ...each((member) => queries.duration(member, 0.95), ' 95 %'),
      },
    },
    {
      title: 'CPU of what is reserved',
      unit: 'percentunit',
      series: each((member) => queries.cpu(member), ' {{pod}}'),
    },
    { title: 'Memory of the limit', unit: 'percentunit', series: each((member) => queries.memory(member), ' {{pod}}') },
  ];
  if (database.kind === 'in-cluster' && database.exporter) {
    const labels = queries.labels({ job: databaseName });
    const own = queries.labels({ job: databaseName, datname: database.name });
    const hit = `rate(pg_stat_database_blks_hit{${own}}[5m])`;
    panels.push(
      {
        title: 'Database connections',
        unit: 'short',
        series: {
          'in use': `sum(pg_stat_activity_count{${labels}})`,
          most: `max(pg_settings_max_connections{${labels}})`,
        },
      },
      {
        title: 'Database transactions',
        unit: 'ops',
        series: {
          committed: `rate(pg_stat_database_xact_commit{${own}}[5m])`,
          'rolled back': `rate(pg_stat_database_xact_rollback{${own}}[5m])`,
        },
      },
      {
        title: 'Database reads from memory',
        unit: 'percentunit',
        series: { share: `${hit} / (${hit} + rate(pg_stat_database_blks_read{${own}}[5m]))` },
      },
    );
  }
  if (cache.kind === 'in-cluster' && cache.exporter) {
    const labels = queries.labels({ job: cacheName });
    const hits = `rate(redis_keyspace_hits_total{${labels}}[5m])`;
    panels.push(
      {
        title: 'Cache hits',
        unit: 'percentunit',
        series: { share: `${hits} / (${hits} + rate(redis_keyspace_misses_total{${labels}}[5m]))` },
      },
      {
        title: 'Cache memory',
        unit: 'bytes',
        series: { used: `redis_memory_used_bytes{${labels}}`, most: `redis_memory_max_bytes{${labels}}` },
      },
    );
  }
  return panels;
}
