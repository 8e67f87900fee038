import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const objects = objectsOf(sample());
const groupsOf = (all: KubeObject[]) => find(all, 'PrometheusRule', 'moneywise').spec.groups;
const alert = (all: KubeObject[], name: string) =>
  groupsOf(all)[0].rules.find((rule: KubeObject) => rule.alert === name);

describe('the monitoring', () => {
  it('scrapes what exports Prometheus text, and never the backend, whose metrics are JSON', () => {
    expect(ofKind(objects, 'ServiceMonitor').map(({ metadata }) => metadata.name)).toEqual(['postgres', 'redis']);
    expect(ofKind(objectsOf(loadOverlay('production')), 'ServiceMonitor')).toEqual([]);
  });

  it('judges by the numbers and the request metrics of the overlay', () => {
    expect(alert(objects, 'BackendErrors').expr).toMatch(/traefik_service_requests_total.* > 0\.05$/);
    const requests = {
      counter: 'envoy_total',
      statusLabel: 'status',
      duration: 'envoy_seconds',
      selector: 'svc="{service}"',
    };
    const other = objectsOf(
      sample({
        monitoring: { kind: 'prometheus-operator', requests, thresholds: { errorPercent: 2, p95Seconds: 0.5 } },
      }),
    );
    expect(alert(other, 'WebErrors').expr).toBe(
      '(sum(rate(envoy_total{svc="web",status=~"5.."}[5m])) / sum(rate(envoy_total{svc="web"}[5m]))) > 0.02',
    );
    expect(alert(other, 'WebSlow').expr).toMatch(/envoy_seconds_bucket\{svc="web"\}.* > 0\.5$/);
  });

  it('comes up again at each stage that is later, for what is critical only', () => {
    const [team, onCall, manager] = groupsOf(objects);
    const critical = team.rules.filter(({ labels }: KubeObject) => labels.severity === 'critical');
    const names = (rules: KubeObject[]) => rules.map((rule) => rule.alert);
    expect(names(onCall.rules)).toEqual(names(critical));
    expect(names(manager.rules)).toEqual(names(critical));
    expect([team, onCall, manager].map(({ rules }) => rules[0].for)).toEqual(['5m', '15m', '35m']);
    for (const { rules } of [team, onCall, manager]) {
      for (const { labels } of rules)
        expect(labels).toMatchObject({ environment: 'staging', stage: expect.any(String) });
    }
  });

  it('links every alert to its section of docs/on-call.md, which has one for nothing else', () => {
    const page = readFileSync('docs/on-call.md', 'utf8');
    const headings = [...page.matchAll(/^## (\S+)$/gm)].map(([, heading = '']) => heading);
    const links = groupsOf(objects)[0].rules.map(({ annotations }: KubeObject) => annotations.runbook_url.split('#'));
    expect(new Set(links.map(([url]: string[]) => url)).size).toBe(1);
    expect(links[0][0]).toMatch(/\/docs\/on-call\.md$/);
    const sections = new Set(links.map(([, section]: string[]) => section));
    expect(sections).toEqual(new Set(headings.map((heading) => heading.toLowerCase())));
    // Each section names the alerts that it is about.
    for (const { alert } of groupsOf(objects)[0].rules) expect(page).toMatch(new RegExp(`\\b${alert}\\b`));
  });

  it('watches Rollouts where there are any, and data stores where they are ours', () => {
    const names = groupsOf(objectsOf(loadOverlay('production')))[0].rules.map((rule: KubeObject) => rule.alert);
    expect(names).toContain('RolloutStuck');
    expect(names).not.toContain('DatabaseConnections');
  });

  it('has a dashboard with the panels that are asked for, and marks of releases', () => {
    const { annotations, panels } = JSON.parse(find(objects, 'ConfigMap', 'dashboard').data['moneywise.json']);
    expect(panels.map(({ title }: KubeObject) => title)).toEqual([
      'Requests',
      'Errors',
      'Duration',
      'CPU of what is reserved',
      'Memory of the limit',
      'Database connections',
      'Database transactions',
      'Database reads from memory',
      'Cache hits',
      'Cache memory',
    ]);
    expect(annotations.list[0].name).toBe('Releases');
  });

  it('tells receivers whose credentials are in files alone', () => {
    const text = find(objects, 'ConfigMap', 'alertmanager').data['alertmanager.yaml'];
    const { receivers } = load(text) as KubeObject;
    expect(receivers.map(({ name }: KubeObject) => name)).toEqual(['team', 'on-call', 'manager']);
    expect(text).not.toMatch(/api_url:|routing_key:|https?:/);
  });

  it('is not there where the overlay has none', () => {
    expect(ofKind(objectsOf(loadOverlay('development')), 'PrometheusRule')).toEqual([]);
  });
});
