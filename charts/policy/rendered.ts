// biome-ignore lint/suspicious/noExplicitAny: rendered objects are looked into at will; what is not there is a finding.
export type Manifest = any;

/** An object as it will be written, and where in the construct tree it comes from. */
export interface RenderedObject {
  /** Path of the construct. */
  readonly path: string;
  readonly manifest: Manifest;
}

/** A pod that the objects would run. */
export interface RenderedPod {
  /** The object that it belongs to. */
  readonly owner: RenderedObject;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Manifest;
  /** Whether it serves until it is told to stop, or runs to its end. */
  readonly kind: 'service' | 'task';
}

/** All objects of an overlay, with what rules look for in them. */
export class Rendered {
  readonly objects: readonly RenderedObject[];
  readonly pods: readonly RenderedPod[];

  constructor(objects: readonly RenderedObject[]) {
    this.objects = objects;
    this.pods = objects.flatMap(podsOf);
  }

  /** The objects of a kind. */
  ofKind(...kinds: string[]): RenderedObject[] {
    return this.objects.filter(({ manifest }) => kinds.includes(manifest.kind));
  }

  /** The object of a kind and name. */
  find(kind: string, name: string): Manifest | undefined {
    return this.ofKind(kind).find(({ manifest }) => manifest.metadata.name === name)?.manifest;
  }

  /** The pods that have all of these labels. */
  podsWith(labels: Readonly<Record<string, string>>): RenderedPod[] {
    return this.pods.filter((pod) => Object.entries(labels).every(([key, value]) => pod.labels[key] === value));
  }
}

function podsOf(owner: RenderedObject): RenderedPod[] {
  const { kind, spec } = owner.manifest;
  const pod = (template: Manifest, kind: RenderedPod['kind']): RenderedPod => ({
    owner,
    labels: template.metadata?.labels ?? {},
    spec: template.spec,
    kind,
  });
  switch (kind) {
    case 'Rollout':
    case 'Deployment':
    case 'StatefulSet':
      return [pod(spec.template, 'service')];
    case 'Job':
      return [pod(spec.template, 'task')];
    case 'CronJob':
      return [pod(spec.jobTemplate.spec.template, 'task')];
    case 'AnalysisTemplate':
      return spec.metrics
        .filter((metric: Manifest) => metric.provider.job)
        .map((metric: Manifest) => pod(metric.provider.job.spec.template, 'task'));
    default:
      return [];
  }
}

/** Every container of a pod, init containers included. */
export function containersOf({ spec }: RenderedPod): Manifest[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** Name and number of every port that a pod's containers have. */
export function portsOf(pod: RenderedPod): { name: string; number: number }[] {
  return containersOf(pod).flatMap((container) =>
    (container.ports ?? []).map((port: Manifest) => ({ name: port.name, number: port.containerPort })),
  );
}

/** The analyses of a Rollout, before and after its switch. */
export function analysesOf(rollout: Manifest): Manifest[] {
  const { blueGreen = {}, canary = {} } = rollout.spec.strategy ?? {};
  const steps = (canary.steps ?? []).map(({ analysis }: Manifest) => analysis);
  return [blueGreen.prePromotionAnalysis, blueGreen.postPromotionAnalysis, ...steps].filter(Boolean);
}

/** The Service that leads to the revision that is not live yet, or has its first share. */
export function previewServiceOf(rollout: Manifest): string | undefined {
  const { blueGreen, canary } = rollout.spec.strategy ?? {};
  return canary ? canary.canaryService : blueGreen?.previewService;
}

/** The Services that the controller leads to one revision of a Rollout. */
export function servicesOfRollout(rollout: Manifest): string[] {
  const { blueGreen, canary } = rollout.spec.strategy ?? {};
  if (canary) return [canary.canaryService, ...(canary.stableService ? [canary.stableService] : [])];
  return [blueGreen?.activeService, blueGreen?.previewService];
}

/** The Services that a ServiceMonitor selects. */
export function servicesOf(rendered: Rendered, monitor: Manifest): RenderedObject[] {
  const { matchLabels } = monitor.spec.selector;
  return rendered
    .ofKind('Service')
    .filter(({ manifest }) =>
      Object.entries(matchLabels).every(([key, value]) => manifest.metadata.labels?.[key] === value),
    );
}

/** The group in front of a version; empty for the core kinds. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}
