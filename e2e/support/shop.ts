import type { KubeObject } from '../../promotion/cluster/objects.ts';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import { kubectl } from './kubectl.ts';

export interface ShopOptions {
  readonly namespace: string;
  /** What tells one revision from another. */
  readonly version: string;
  /** What the analysis of backend says before and after the switch. @default 'pass' */
  readonly before?: 'pass' | 'fail';
  readonly after?: 'pass' | 'fail';
  /** Who is told. @default nobody */
  readonly notifications?: PolicyInput['notifications'];
  /** Changes each object. */
  readonly edit?: (object: KubeObject) => KubeObject;
}

/**
 * A release of two Rollouts that this project did not render, for clusters whose pods answer nothing: their analysis
 * asks the API server, which every controller can reach, and judges by what the pod template's annotations say.
 */
export async function shop(options: ShopOptions): Promise<KubeObject[]> {
  const { namespace, version, before, after, notifications = {}, edit = (o) => o } = options;
  const template = templatesAsking(`${await apiServer()}/version`, namespace);
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
      data: {
        'policy.yaml': JSON.stringify({ release: namespace, version, timeouts: { prepareSeconds: 60 }, notifications }),
      },
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
  return blueGreenMember(namespace, name, {
    order,
    annotations: { version, 'verdict-before': before, 'verdict-after': after },
    spec: { replicas: 2 },
    strategy: {
      scaleDownDelaySeconds: 300,
      abortScaleDownDelaySeconds: 300,
      prePromotionAnalysis: analysisBy('verdict-before', 'verdict'),
      postPromotionAnalysis: analysisBy('verdict-after', 'verdict', 'hold'),
    },
  });
}

/** An analysis by these templates, whose argument `verdict` is what that annotation of the pod template says. */
export const analysisBy = (annotation: string, ...templates: string[]) => ({
  args: [
    { name: 'verdict', valueFrom: { fieldRef: { fieldPath: `spec.template.metadata.annotations.${annotation}` } } },
  ],
  templates: templates.map((templateName) => ({ templateName })),
});

/** Makes AnalysisTemplates of one metric that asks the API server, which every controller can reach, at that URL. */
export function templatesAsking(url: string, namespace: string) {
  const provider = { web: { url, insecure: true, headers: [{ key: 'Connection', value: 'close' }] } };
  return (name: string, args: readonly string[], metric: object) => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name, namespace },
    spec: { args: args.map((arg) => ({ name: arg })), metrics: [{ name, provider, ...metric }] },
  });
}

interface MemberOptions {
  readonly order: number;
  /** Of the pod template: what tells one revision from another. */
  readonly annotations: object;
  /** Further fields of the Rollout's spec, and of its blue-green strategy. */
  readonly spec: object;
  readonly strategy: object;
}

/** A blue-green Rollout of pods that answer nothing, with both of its Services. */
export function blueGreenMember(
  namespace: string,
  name: string,
  { order, annotations, spec, strategy }: MemberOptions,
): object[] {
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
        ...spec,
        selector: { matchLabels: { app: name } },
        strategy: {
          blueGreen: {
            activeService: name,
            previewService: `${name}-preview`,
            autoPromotionEnabled: false,
            ...strategy,
          },
        },
        template: {
          metadata: { labels: { app: name }, annotations },
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
