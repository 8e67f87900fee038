import { load } from 'js-yaml';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf } from './objects.ts';

const objects = objectsOf(sample());
const board = JSON.parse(find(objects, 'ConfigMap', 'dashboard').data['moneywise.json']);
const policy = load(find(objects, 'ConfigMap', 'release-policy').data['policy.yaml']) as KubeObject;

/** All PromQL there is: in rules, on the dashboard, and what the promoter asks. */
const queries: string[] = [
  ...find(objects, 'PrometheusRule', 'moneywise').spec.groups.flatMap(({ rules }: KubeObject) =>
    rules.map(({ expr }: KubeObject) => expr),
  ),
  ...board.annotations.list.map(({ expr }: KubeObject) => expr),
  ...board.panels.flatMap(({ targets }: KubeObject) => targets.map(({ expr }: KubeObject) => expr)),
  ...policy.queries.flatMap(({ newest, query }: KubeObject) => [query, newest]),
];

/** A metric by its name, and what its labels have to be. */
export interface Selector {
  /** As it stands in a query. */
  readonly text: string;
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** Everything that a query selects, once. */
export const selectors: readonly Selector[] = [
  ...new Set(queries.flatMap((query) => query.match(/\b[a-z_:][a-z0-9_:]*\{[^}]*\}/g) ?? [])),
].map((text) => ({
  text,
  metric: text.slice(0, text.indexOf('{')),
  matchers: [...text.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', operator = '', value = '']) => ({
    label,
    operator,
    value,
  })),
}));

/** The metrics of an exporter, known by the first word of their names, that a query asks for. */
export const metricsNamed = (prefix: string): string[] => [
  ...new Set(selectors.map(({ metric }) => metric).filter((metric) => metric.startsWith(`${prefix}_`))),
];

/** The labels by which one of them is selected. */
export const labelsOfMetric = (metric: string): string[] => [
  ...new Set(
    selectors.filter((each) => each.metric === metric).flatMap(({ matchers }) => matchers.map(({ label }) => label)),
  ),
];

/** Whether a line of a scrape is a series that is selected. */
export function selects({ matchers, metric }: Selector, line: string): boolean {
  if (!line.startsWith(`${metric}{`)) return false;
  const labels = new Map(
    [...line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', value = '']) => [label, value]),
  );
  return matchers.every(({ label, operator, value }) => {
    const is = labels.get(label) ?? '';
    const equals = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(is) : is === value;
    return operator.startsWith('!') ? !equals : equals;
  });
}
