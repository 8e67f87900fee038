import type { BlueGreen, Overlay } from './overlay.ts';
import type { Pin } from './pins.ts';
import {
  analysisSeconds,
  canarySeconds,
  gateSeconds,
  holdSeconds,
  leastHoldSeconds,
  leastScaleDownSeconds,
  loadSeconds,
} from './timing.ts';

/** One thing wrong with an overlay or its pins: which field, and what to do about it. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  /** What is wrong and the fix; the value is shown in front of it. */
  readonly message: string;
}

/** A release tag: `v1.2.3`, with a suffix if it is a pre-release. Anything shorter moves. */
const releaseTag = /^v?\d+\.\d+\.\d+(-[-.A-Za-z0-9]+)?$/;
/** A data store's tag down to the minor version. */
const minorTag = /^v?\d+\.\d+(\.\d+)?(-[-.A-Za-z0-9]+)?$/;

/** The rules between the fields of an overlay; each field alone is checked by the schema. */
export function overlayProblems(overlay: Omit<Overlay, 'pins'>): Problem[] {
  return [
    ...dataProblems(overlay),
    ...hostProblems(overlay),
    ...ingressProblems(overlay),
    ...scalingProblems(overlay),
    ...monitoringProblems(overlay),
    ...gitopsProblems(overlay),
    ...promoterProblems(overlay),
    ...strategyProblems(overlay),
    ...performanceProblems(overlay),
    ...secretProblems(overlay),
  ];
}

/** The rules between an overlay and its pins. */
export function pinProblems({ imagePins, pins }: Pick<Overlay, 'imagePins' | 'pins'>): Problem[] {
  if (imagePins === 'tag') return [];
  return (['backend', 'web'] as const).flatMap((workload) =>
    imageProblems([workload], pins[workload], releaseTag, 'the release tag that was built, e.g. v1.2.3'),
  );
}

/** An image that must not move: its tag says exactly which build it is, and its digest holds it there. */
function imageProblems(path: PropertyKey[], image: Pin, exact: RegExp, example: string): Problem[] {
  const problems: Problem[] = [];
  if (!exact.test(image.version)) {
    problems.push({ path: [...path, 'version'], message: `is a tag that can move; name ${example}` });
  }
  if (image.digest === undefined) {
    const message = 'is missing: images go by digest here; add sha256:… as `crane digest IMAGE:TAG` prints it';
    problems.push({ path: [...path, 'digest'], message });
  }
  return problems;
}

function dataProblems({ requireExternalData, imagePins, ...overlay }: Omit<Overlay, 'pins'>): Problem[] {
  return (['database', 'cache'] as const).flatMap((store) => {
    const { [store]: data } = overlay;
    if (data.kind === 'external') return [];
    if (requireExternalData) {
      const message = `is not allowed where requireExternalData is true; give kind "external" with the host of the managed ${store} and the secretName of its login`;
      return [{ path: [store, 'kind'], message }];
    }
    if (imagePins === 'tag') return [];
    const example = 'at least the minor version, e.g. 15.13 or 7.4.5';
    return [
      ...imageProblems([store, 'image'], data.image, minorTag, example),
      ...(data.exporter ? imageProblems([store, 'exporter', 'image'], data.exporter.image, minorTag, example) : []),
      ...('backup' in data && data.backup?.target.kind === 'object-storage'
        ? imageProblems([store, 'backup', 'target', 'image'], data.backup.target.image, minorTag, example)
        : []),
    ];
  });
}

function hostProblems({ hosts, strategy }: Omit<Overlay, 'pins'>): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  for (const [field, host] of Object.entries(hosts)) {
    if (host === undefined) continue;
    const other = seen.get(host);
    if (other)
      problems.push({ path: ['hosts', field], message: `is also hosts.${other}; give each its own host name` });
    seen.set(host, field);
  }
  if (strategy.kind === 'blue-green' && hosts.preview === undefined) {
    problems.push({
      path: ['hosts', 'preview'],
      message: 'is missing: blue-green shows the new revision there; add a host',
    });
  }
  if (strategy.kind === 'deployment' && hosts.preview !== undefined) {
    problems.push({ path: ['hosts', 'preview'], message: 'has nothing to show without blue-green; remove it' });
  }
  return problems;
}

function ingressProblems({ ingress, health, network }: Omit<Overlay, 'pins'>): Problem[] {
  const problems: Problem[] = [];
  if (ingress.kind === 'ingress' && ingress.scheme === 'http' && ingress.tls) {
    problems.push({ path: ['ingress', 'scheme'], message: 'contradicts ingress.tls; remove one of the two' });
  }
  if (ingress.kind === 'gateway' && ingress.scheme === 'http' && ingress.gateway.redirectListener) {
    const message = 'has no HTTPS to send requests on to; remove it, or make the scheme https';
    problems.push({ path: ['ingress', 'gateway', 'redirectListener'], message });
  }
  if (health.checkVia === 'service' && network.apiServerCidrs.length === 0) {
    const message = 'is empty, and so its health checks by way of the API server reach no pod; name its addresses';
    problems.push({ path: ['network', 'apiServerCidrs'], message });
  }
  return problems;
}

function monitoringProblems({ monitoring }: Omit<Overlay, 'pins'>): Problem[] {
  if (monitoring.kind === 'none') return [];
  const { managerAfterMinutes, pageAfterMinutes } = monitoring.escalation;
  if (managerAfterMinutes > pageAfterMinutes) return [];
  const message = `comes before who is on call (${pageAfterMinutes} min); give more`;
  return [{ path: ['monitoring', 'escalation', 'managerAfterMinutes'], message }];
}

function gitopsProblems({ gitops }: Omit<Overlay, 'pins'>): Problem[] {
  if (!gitops?.selfHeal) return [];
  const path = ['gitops', 'selfHeal'];
  if (gitops.appliedBy !== 'argo-cd') return [{ path, message: 'is of Argo CD; remove it, or gitops.appliedBy' }];
  return gitops.automated ? [] : [{ path, message: 'needs automated syncs; set gitops.automated, or remove it' }];
}

function promoterProblems({ imagePins, promoter, strategy }: Omit<Overlay, 'pins'>): Problem[] {
  if (promoter.kind === 'outside') return [];
  if (strategy.kind === 'deployment')
    return [{ path: ['promoter', 'kind'], message: 'has nothing to promote without blue-green; remove it' }];
  if (imagePins === 'tag') return [];
  return imageProblems(
    ['promoter', 'image'],
    promoter.image,
    releaseTag,
    'the release tag that was built, e.g. v1.2.3',
  );
}

function scalingProblems(overlay: Omit<Overlay, 'pins'>): Problem[] {
  return (['backend', 'web'] as const).flatMap((workload) => {
    const { autoscaling, replicas } = overlay[workload];
    if (!autoscaling || autoscaling.maxReplicas > replicas) return [];
    const message = `leaves nothing to scale above ${workload}.replicas (${replicas}); give more, or remove autoscaling`;
    return [{ path: [workload, 'autoscaling', 'maxReplicas'], message }];
  });
}

function strategyProblems({ ingress, monitoring, strategy }: Omit<Overlay, 'pins'>): Problem[] {
  if (strategy.kind !== 'blue-green') return [];
  const problems: Problem[] = [];
  const atLeast = (field: string[], value: number, least: number, why: string) => {
    if (value < least)
      problems.push({ path: ['strategy', ...field], message: `is too short: ${why}; give ${least} or more` });
  };
  const { checks, failureLimit } = strategy.analysis;
  if (2 * failureLimit >= checks) {
    const message = `would pass a revision of which most of the ${checks} answers are bad; give less than ${checks / 2}`;
    problems.push({ path: ['strategy', 'analysis', 'failureLimit'], message });
  }
  const analysis = analysisSeconds(strategy.analysis);
  atLeast(
    ['progressDeadlineSeconds'],
    strategy.progressDeadlineSeconds,
    analysis + 60,
    `the analysis, during which this clock runs on, may take ${analysis} s and the pods need time to start`,
  );
  atLeast(
    ['timeouts', 'verifySeconds'],
    strategy.timeouts.verifySeconds,
    analysis,
    `the analysis after the switch may take ${analysis} s`,
  );
  if (monitoring.kind !== 'none' && monitoring.gates) {
    const asking = gateSeconds(monitoring.gates);
    const why = `asking Prometheus for the time since the switch may take ${asking} s`;
    atLeast(['timeouts', 'verifySeconds'], strategy.timeouts.verifySeconds, asking, why);
  }
  problems.push(...canaryProblems(strategy, ingress));
  if (strategy.hold.kind === 'dead-man-switch') {
    const steps = canarySeconds(strategy) > 0 ? ', the steps of the canaries' : '';
    const why = `the hold must outlast two switches${steps}, the verification and holdMarginSeconds, or no release can settle`;
    atLeast(['hold', 'seconds'], strategy.hold.seconds, leastHoldSeconds(strategy), why);
  }
  const before = strategy.hold.kind === 'none' ? 'two switches' : `the hold (${holdSeconds(strategy)} s)`;
  const why = `the pods must outlast ${before}, the verification, the way back and a margin of 30 s`;
  for (const field of ['scaleDownDelaySeconds', 'abortScaleDownDelaySeconds'] as const) {
    atLeast([field], strategy[field], leastScaleDownSeconds(strategy), why);
  }
  return problems;
}

function canaryProblems({ canaries, hold }: BlueGreen, ingress: Overlay['ingress']): Problem[] {
  return (['backend', 'web'] as const).flatMap((workload): Problem[] => {
    const canary = canaries[workload];
    if (!canary) return [];
    const path = ['strategy', 'canaries', workload];
    const weights = canary.steps.map(({ weight }) => weight);
    const all = weights.indexOf(100);
    const rises = weights.every((weight, i) => weight > (weights[i - 1] ?? 0));
    return [
      ...(rises
        ? []
        : [{ path: [...path, 'steps'], message: `must have weights that rise, and has ${weights.join(', ')}` }]),
      ...(canary.by === 'pods' && all >= 0
        ? [
            {
              path: [...path, 'steps', String(all), 'weight'],
              message: 'leaves no old pod to go back to; stay below 100, settling does the rest',
            },
          ]
        : []),
      ...(canary.by === 'alb' && ingress.kind !== 'ingress'
        ? [{ path: [...path, 'by'], message: 'divides by an Ingress, and ingress.kind is gateway; give pods' }]
        : []),
      ...(hold.kind === 'none'
        ? [{ path, message: 'would settle alone without a hold; give strategy.hold, or leave it blue-green' }]
        : []),
    ];
  });
}

function performanceProblems({ imagePins, promoter, strategy }: Omit<Overlay, 'pins'>): Problem[] {
  if (strategy.kind !== 'blue-green' || !strategy.performance) return [];
  const { performance, progressDeadlineSeconds, timeouts } = strategy;
  const at = (...field: string[]) => ['strategy', 'performance', ...field];
  const problems: Problem[] = [];
  if (!performance.image && promoter.kind !== 'job') {
    const message =
      'is missing: without a promoter in the cluster nothing says which image puts the load on; name what images/promoter builds';
    problems.push({ path: at('image'), message });
  }
  if (performance.image && imagePins === 'digest')
    problems.push(
      ...imageProblems(at('image'), performance.image, releaseTag, 'the release tag that was built, e.g. v1.2.3'),
    );
  const { backend, web } = performance.paths;
  if (backend.length + web.length === 0)
    problems.push({ path: at('paths'), message: 'names nothing to ask; name a path, or remove strategy.performance' });
  for (const workload of ['backend', 'web'] as const) {
    if (strategy.canaries[workload]?.by !== 'pods' || performance.paths[workload].length === 0) continue;
    const message =
      'cannot be compared: the live Service of a canary leads to both revisions; give [], or leave it blue-green';
    problems.push({ path: at('paths', workload), message });
  }
  if (performance.warmUpSeconds >= performance.seconds)
    problems.push({
      path: at('warmUpSeconds'),
      message: `leaves no time to judge within ${performance.seconds} s; give less`,
    });
  const least = loadSeconds(strategy, performance) + 60;
  const why = `the load, during which this clock runs on, may take ${least - 60} s and the pods need time to start; give ${least} or more`;
  if (progressDeadlineSeconds < least)
    problems.push({ path: ['strategy', 'progressDeadlineSeconds'], message: `is too short: ${why}` });
  if (timeouts.prepareSeconds < least)
    problems.push({ path: ['strategy', 'timeouts', 'prepareSeconds'], message: `is too short: ${why}` });
  return problems;
}

function secretProblems({ credentials, environment, sentry }: Omit<Overlay, 'pins'>): Problem[] {
  const problems: Problem[] = [];
  if (credentials.jwtAccessKey === credentials.jwtRefreshKey) {
    const message =
      'is also credentials.jwtAccessKey; the backend exits when the two secrets are equal: name another key';
    problems.push({ path: ['credentials', 'jwtRefreshKey'], message });
  }
  if (!sentry.required && environment !== 'development') {
    const message = `is refused: the backend exits without a DSN when NODE_ENV is ${environment}; leave it true`;
    problems.push({ path: ['sentry', 'required'], message });
  }
  return problems;
}
