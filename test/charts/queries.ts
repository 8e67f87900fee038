import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf } from './objects.ts';

const objects = objectsOf(sample());

/** All PromQL there is, in rules and on the dashboard. */
const queries: string[] = [
  ...find(objects, 'PrometheusRule', 'moneywise').spec.groups.flatMap(({ rules }: KubeObject) =>
    rules.map(({ expr }: KubeObject) => expr),
  ),
  ...JSON.parse(find(objects, 'ConfigMap', 'dashboard').data['moneywise.json']).panels.flatMap(
    ({ targets }: KubeObject) => targets.map(({ expr }: KubeObject) => expr),
  ),
];

/** The metrics of an exporter, known by the prefix of their names, that a rule or a panel asks for. */
export const metricsNamed = (prefix: string): string[] => [
  ...new Set(queries.flatMap((query) => query.match(new RegExp(`\\b${prefix}_[a-z_]+(?=\\{)`, 'g')) ?? [])),
];

/** The labels by which one of them is selected. */
export const labelsOfMetric = (metric: string): string[] => [
  ...new Set(
    queries
      .flatMap((query) => [...query.matchAll(new RegExp(`\\b${metric}\\{([^}]*)\\}`, 'g'))])
      .flatMap(([, selector = '']) => [...selector.matchAll(/(\w+)(?==|!)/g)].map(([, label = '']) => label)),
  ),
];
