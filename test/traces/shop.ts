import type { KubeObject, PodTemplate } from '../../promotion/cluster/objects.ts';
import type { Analysis, Scenario, Verdict, Version } from './scenario.ts';

export function podTemplate({ name, neverReady }: Version): PodTemplate {
  return {
    metadata: { labels: { app: 'shop' }, annotations: { version: name } },
    spec: {
      containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
      // What nobody opens keeps a pod from ever being scheduled.
      ...(neverReady ? { schedulingGates: [{ name: 'trace.example/closed' }] } : {}),
    },
  };
}

/** The analysis of a version, as fields of the blue-green strategy. */
export function analysisOf({ before = 'pass', after = 'pass', withoutArguments }: Version) {
  const args = [{ name: 'rollout', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
  const analysis = (wanted: Analysis) => {
    if (wanted === 'none') return null;
    const templates = [wanted].flat().map((templateName) => ({ templateName }));
    return { templates, args: wanted.includes('argued') && !withoutArguments ? args : null };
  };
  return { prePromotionAnalysis: analysis(before), postPromotionAnalysis: analysis(after) };
}

/** The steps of a canary with the analysis of a version. */
export function canaryOf(version: Version, kind: NonNullable<Scenario['canary']>) {
  const { prePromotionAnalysis, postPromotionAnalysis } = analysisOf(version);
  const analysis = (wanted: typeof prePromotionAnalysis) => (wanted ? [{ analysis: wanted }] : []);
  const isRouted = kind === 'routed';
  return {
    canaryService: 'shop-preview',
    steps: [
      isRouted ? { setCanaryScale: { weight: 25 } } : { setWeight: 25 },
      ...analysis(prePromotionAnalysis),
      { pause: {} },
      ...(isRouted ? [{ setCanaryScale: { matchTrafficWeight: true } }] : []),
      { setWeight: 50 },
      ...analysis(postPromotionAnalysis),
    ],
  };
}

/** What a router needs: of those that there are, one that divides by an Ingress and asks nobody whether it does. */
const ROUTED = {
  stableService: 'shop',
  trafficRouting: { alb: { ingress: 'shop', servicePort: 80 } },
  scaleDownDelaySeconds: 300,
  abortScaleDownDelaySeconds: 300,
};
const INGRESS = {
  ingressClassName: 'alb',
  rules: [
    {
      host: 'shop.example',
      http: {
        paths: [
          { path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { name: 'use-annotation' } } } },
        ],
      },
    },
  ],
};

/**
 * What makes a measurement turn out so. All that is asked over the network is `url`, which must answer with JSON that has a
 * `major`: no verdict is a matter of luck.
 */
const METRICS: Readonly<Record<Verdict, object>> = {
  pass: { successCondition: 'result.major != ""' },
  fail: { successCondition: 'result.major == ""' },
  inconclusive: { successCondition: 'result.major == ""', failureCondition: 'result.major == ""' },
  error: { successCondition: 'asInt(result.major + "x") > 0', consecutiveErrorLimit: 0 },
  hold: { failureCondition: 'true', interval: '1s', count: 1000, failureLimit: 900 },
  'short-hold': { failureCondition: 'true', interval: '1s', count: 10, failureLimit: 5 },
  late: { provider: { job: { spec: jobPastItsDeadline() } } },
  argued: { successCondition: '"{{args.rollout}}" == "shop"' },
  secret: { successCondition: '"{{args.rollout}}" == "shop"' },
};

/** The arguments that a template takes, with where they come from if nobody gives them. */
const ARGUMENTS: Readonly<Partial<Record<Verdict, readonly object[]>>> = {
  argued: [{ name: 'rollout' }],
  secret: [{ name: 'rollout', valueFrom: { secretKeyRef: { name: 'names', key: 'rollout' } } }],
};

function jobPastItsDeadline() {
  const { spec } = podTemplate({ name: 'A', neverReady: true });
  return { backoffLimit: 0, activeDeadlineSeconds: 2, template: { spec: { ...spec, restartPolicy: 'Never' } } };
}

export function analysisTemplate(name: Verdict, namespace: string, url: string): KubeObject {
  const args = ARGUMENTS[name];
  const provider = { web: { url, insecure: true, headers: [{ key: 'Connection', value: 'close' }] } };
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name, namespace },
    spec: { ...(args ? { args } : {}), metrics: [{ name, provider, ...METRICS[name] }] },
  } as KubeObject;
}

/** One Rollout with its Services and all analyses. */
export function shopOf(
  { canary, first = { name: 'A' }, strategy, spec }: Scenario,
  namespace: string,
  url: string,
): KubeObject[] {
  const service = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80 }] },
  });
  return [
    service('shop'),
    service('shop-preview'),
    ...(canary === 'routed'
      ? [{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'shop', namespace }, spec: INGRESS }]
      : []),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'names', namespace }, stringData: { rollout: 'shop' } },
    ...(Object.keys(METRICS) as Verdict[]).map((name) => analysisTemplate(name, namespace, url)),
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'shop', namespace },
      spec: {
        replicas: canary ? 4 : 2,
        selector: { matchLabels: { app: 'shop' } },
        strategy: canary
          ? { canary: { ...canaryOf(first, canary), ...(canary === 'routed' ? ROUTED : {}), ...strategy } }
          : {
              blueGreen: {
                activeService: 'shop',
                previewService: 'shop-preview',
                autoPromotionEnabled: false,
                scaleDownDelaySeconds: 300,
                abortScaleDownDelaySeconds: 300,
                ...analysisOf(first),
                ...strategy,
              },
            },
        template: podTemplate(first),
        ...spec,
      },
    },
  ] as unknown as KubeObject[];
}
