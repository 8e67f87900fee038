import type { Construct } from 'constructs';
import { AnalysisTemplate } from '../imports/argoproj.io.ts';
import type { Overlay, Performance } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { loadSeconds } from '../overlays/timing.ts';
import { jobMetric } from './constructs/job-metric.ts';
import type { NamedPort } from './constructs/service.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { nodeUid, serviceUrl } from './names.ts';

/** The AnalysisTemplate that puts load on a new revision, and the pods that do. */
export const loadName = (service: string) => `${service}-load`;

/** What a service is asked for under load; nothing where the overlay asks for none. */
export function loadPathsOf({ strategy }: Overlay, service: 'backend' | 'web'): readonly string[] {
  return (strategy.kind === 'blue-green' && strategy.performance?.paths[service]) || [];
}

/**
 * The template that judges a new revision of a service under load, beside the stable one, before it is switched. Its argument is the
 * preview Service; whatever still has the active one then is the stable revision. None where the overlay asks for none.
 */
export function loadTemplate(
  scope: Construct,
  overlay: Overlay,
  service: 'backend' | 'web',
  port: NamedPort,
): { readonly templates: readonly string[] } {
  const { strategy } = overlay;
  const paths = loadPathsOf(overlay, service);
  if (strategy.kind !== 'blue-green' || !strategy.performance || paths.length === 0) return { templates: [] };
  const { performance } = strategy;
  const image = imageOf(overlay, performance);
  const name = loadName(service);
  const at = (name: string) => serviceUrl(overlay, name, port, '');
  const options = {
    preview: at('{{args.service}}'),
    stable: at(service),
    rate: performance.requestsPerSecond,
    seconds: performance.seconds,
    'warm-up': performance.warmUpSeconds,
    timeout: performance.timeoutSeconds,
    p95: performance.p95Seconds,
    errors: performance.errorPercent,
    slowdown: performance.slowdown,
    'error-probability': performance.errorProbability,
    output: 'plain',
  };
  const metric = jobMetric({
    name: 'load',
    deadlineSeconds: loadSeconds(strategy, performance),
    labels: labelsOf(overlay, name, 'analysis', image.version),
    serviceAccountName: service,
    uid: nodeUid,
    // The sentence that says why stands in the pod's status as well.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    container: {
      name: 'load',
      image: imageReference(image.repository, image),
      args: [
        'load-gate',
        ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]),
        ...paths.flatMap((path) => ['--path', path]),
      ],
      resources: performance.resources,
      envVariables: { HOME: kplus.EnvValue.fromValue('/tmp') },
    },
  });
  new AnalysisTemplate(scope, 'load', { metadata: { name }, spec: { args: [{ name: 'service' }], metrics: [metric] } });
  return { templates: [name] };
}

function imageOf({ promoter }: Overlay, { image }: Performance): NonNullable<Performance['image']> {
  if (image) return image;
  if (promoter.kind === 'job') return promoter.image;
  throw new Error('strategy.performance has no image, which the rules of overlays refuse');
}
