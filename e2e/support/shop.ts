import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { kubectl } from './kubectl.ts';

export interface ShopOptions {
  readonly namespace: string;
  /** What tells one revision from another. */
  readonly version: string;
  /** What the analysis of backend says before and after the switch. @default 'pass' */
  readonly before?: 'pass' | 'fail';
  readonly after?: 'pass' | 'fail';
  /** Changes each object. */
  readonly edit?: (object: KubeObject) => KubeObject;
}

/**
 * A release of two Rollouts that this project did not render, for clusters whose pods answer nothing: their analysis
 * asks the API server, which every controller can reach, and judges by what the pod template's annotations say.
 */
export async function shop({ namespace, version, before, after, edit = (o) => o }: ShopOptions): Promise<KubeObject[]> {
  const provider = {
    web: { url: `${await apiServer()}/version`, insecure: true, headers: [{ key: 'Connection', value: 'close' }] },
  };
  const template = (name: string, args: readonly string[], metric: object) => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name, namespace },
    spec: { args: args.map((arg) => ({ name: arg })), metrics: [{ name, provider, ...metric }] },
  });
  const objects: object[] = [
    template('verdict', ['verdict'], {
      successCondition: 'result.major != "" && "{{args.verdict}}" == "pass"',
      count: 2,
      interval: '1s',
    }),
    template('hold', [], { failureCondition: 'true', count: 122, failureLimit: 120, interval: '1s' }),
    ...workload('backend', { namespace, version, before: before ?? 'pass', after: after ?? 'pass', order: 0 }),
    ...workload('web', { namespace, version, before: 'pass', after: 'pass', order: 10 }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'release-policy', namespace },
      data: { 'policy.yaml': JSON.stringify({ release: namespace, version, timeouts: { prepareSeconds: 60 } }) },
    },
  ];
  return (objects as KubeObject[]).map(edit);
}

interface Workload {
  readonly namespace: string;
  readonly version: string;
  readonly before: string;
  readonly after: string;
  readonly order: number;
}

function workload(name: string, { namespace, version, before, after, order }: Workload): object[] {
  const analysis = (when: string, ...templates: string[]) => ({
    args: [
      { name: 'verdict', valueFrom: { fieldRef: { fieldPath: `spec.template.metadata.annotations.verdict-${when}` } } },
    ],
    templates: templates.map((templateName) => ({ templateName })),
  });
  const service = (serviceName: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80 }] },
  });
  return [
    service(name),
    service(`${name}-preview`),
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name, namespace, annotations: { 'moneywise.app/promotion-order': String(order) } },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        strategy: {
          blueGreen: {
            activeService: name,
            previewService: `${name}-preview`,
            autoPromotionEnabled: false,
            scaleDownDelaySeconds: 300,
            abortScaleDownDelaySeconds: 300,
            prePromotionAnalysis: analysis('before', 'verdict'),
            postPromotionAnalysis: analysis('after', 'verdict', 'hold'),
          },
        },
        template: {
          metadata: {
            labels: { app: name },
            annotations: { version, 'verdict-before': before, 'verdict-after': after },
          },
          // An image that a cluster of real pods can run, too.
          spec: { containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }] },
        },
      },
    },
  ];
}

/** Where the Rollouts controller reaches the API server: inside the cluster, or on loopback beside a testbed's. */
async function apiServer(): Promise<string> {
  if (process.env.TESTBED_KUBECONFIG) return 'https://kubernetes.default.svc';
  return kubectl(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}']);
}

/**
 * Applies a shop as its users do: client-side, because its Services have a selector, which under server-side apply
 * conflicts with the key that the controller adds to it.
 */
export async function applyShop(folder: string): Promise<void> {
  await kubectl(['apply', '--validate=strict', '-f', folder]);
}

/** The version of the pods that a member's active Service selects, and that of its stable revision. */
export async function versionsOf(namespace: string, member: string): Promise<{ live: string; stable: string }> {
  const jsonpath = (object: string, path: string) =>
    kubectl(['-n', namespace, 'get', object, '-o', `jsonpath={${path}}`]);
  const versionOf = (hash: string) =>
    jsonpath(`replicaset/${member}-${hash}`, '.spec.template.metadata.annotations.version');
  const [active, stable] = await Promise.all([
    jsonpath(`service/${member}`, '.spec.selector.rollouts-pod-template-hash'),
    jsonpath(`rollout/${member}`, '.status.stableRS'),
  ]);
  return { live: await versionOf(active), stable: await versionOf(stable) };
}
