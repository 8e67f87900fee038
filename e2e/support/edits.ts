import type { KubeObject } from '../../promotion/cluster/objects.ts';

/** Makes a revision of its own of the same images: one that was up a moment ago goes live ungated within its delay. */
export const asRevision = (name: string) => (object: KubeObject) => {
  if (object.kind !== 'Rollout') return object;
  const changed = structuredClone(object) as KubeObject & {
    spec: { template: { metadata: { annotations?: object } } };
  };
  changed.spec.template.metadata.annotations = { ...changed.spec.template.metadata.annotations, revision: name };
  return changed;
};

/** Makes the hold run out by itself after about so many seconds. */
export const withHold = (seconds: number) => (object: KubeObject) => {
  if (object.kind !== 'AnalysisTemplate' || object.metadata.name !== 'hold') return object;
  const changed = structuredClone(object) as KubeObject & {
    spec: { metrics: { count: number; failureLimit: number; interval: string }[] };
  };
  for (const metric of changed.spec.metrics)
    Object.assign(metric, {
      interval: '2s',
      failureLimit: Math.round(seconds / 2),
      count: Math.round(seconds / 2) + 2,
    });
  return changed;
};

/** Changes the release policy of rendered manifests. */
export const withChecks = (checks: object[]) => (object: KubeObject) => {
  if (object.kind !== 'ConfigMap' || object.metadata.name !== 'release-policy') return object;
  return {
    ...object,
    data: { 'policy.yaml': JSON.stringify({ timeouts: { prepareSeconds: 120 }, healthChecks: checks }) },
  };
};

/** Adds a health check that never passes: it keeps the release where it is until something else ends it. */
export const withEndlessCheck = (namespace: string, when: 'before-switch' | 'after-switch') =>
  withChecks([
    {
      name: 'never',
      when,
      target: { url: `http://web.${namespace}.svc.cluster.local:3000/` },
      expect: { status: 418 },
      tries: 1000,
      intervalSeconds: 1,
    },
  ]);

/** Changes the blue-green strategy of each Rollout. */
export const withStrategy = (change: Readonly<Record<string, unknown>>) => (object: KubeObject) => {
  if (object.kind !== 'Rollout') return object;
  const changed = structuredClone(object) as KubeObject & { spec: { strategy: { blueGreen: object } } };
  Object.assign(changed.spec.strategy.blueGreen, change);
  return changed;
};

interface Analysed extends KubeObject {
  spec: { strategy: { blueGreen: { postPromotionAnalysis: { templates: { templateName: string }[] } } } };
}

/** Takes the hold out of each Rollout, as in manifests that others rendered. */
export const withoutHold = (object: KubeObject) => {
  if (object.kind !== 'Rollout') return object;
  const changed = structuredClone(object) as Analysed;
  const { postPromotionAnalysis } = changed.spec.strategy.blueGreen;
  postPromotionAnalysis.templates = postPromotionAnalysis.templates.filter((t) => t.templateName !== 'hold');
  return changed;
};

export const WRONG_VALUE = 'too-short-to-be-a-key';

/** Has the release's Job find that value where a Secret should have one of at least 32 characters. */
export const withWrongValue = (object: KubeObject) => {
  if (object.kind !== 'Job') return object;
  const changed = structuredClone(object) as KubeObject & {
    metadata: { name: string };
    spec: { template: { spec: { initContainers: { env: { name: string }[] }[] } } };
  };
  // Of the same name, an earlier Job that was right would do.
  changed.metadata.name += '-wrong';
  for (const { env } of changed.spec.template.spec.initContainers)
    env.splice(0, env.length, ...env.filter(({ name }) => name !== 'JWT_ACCESS_SECRET'), {
      name: 'JWT_ACCESS_SECRET',
      value: WRONG_VALUE,
    } as { name: string });
  return changed;
};
