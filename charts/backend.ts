import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { AnalysisTemplate } from '../imports/argoproj.io.ts';
import type { BlueGreen, Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { backendVersion } from './backend-environment.ts';
import type { Environment } from './config.ts';
import { container } from './constructs/container.ts';
import { jsonCheck } from './constructs/json-check.ts';
import { deploy, type Served } from './deploy.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { migrationContainer } from './migration.ts';
import { backendName, backendPort, serviceUrl } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import { loadTemplate } from './performance.ts';

/** What the health route of a pod must report as its version; without a dot, see `RolloutField`. */
const versionAnnotation = 'reported-version';

/** The NestJS API. */
export class BackendChart extends OverlayChart {
  readonly served: Served;

  constructor(scope: Construct, file: string, overlay: Overlay, environment: Environment) {
    const labels = labelsOf(overlay, backendName, 'api', overlay.pins.backend.version);
    super(scope, file, overlay, labels);
    const { backend, images, pins, strategy } = overlay;
    const template = `${backendName}-health`;
    if (strategy.kind === 'blue-green') this.#analysis(template, overlay, strategy);
    const version = backendVersion(overlay);
    const tmp = { path: '/tmp', volume: kplus.Volume.fromEmptyDir(this, 'tmp', 'tmp') };
    this.served = deploy(this, overlay, {
      labels,
      scale: backend,
      canary: strategy.kind === 'blue-green' ? strategy.canaries.backend : undefined,
      promotionOrder: 0,
      // The version to expect stands in the pod template, not in an argument beside it: whoever puts an old template
      // back, to undo a release, has it judged by the version it really is.
      before:
        strategy.kind === 'deployment'
          ? container({ ...migrationContainer(overlay, environment), volumeMounts: [tmp] })
          : undefined,
      load: loadTemplate(this, overlay, backendName, backendPort),
      podAnnotations: version ? { [versionAnnotation]: version } : {},
      analysis: (service) => ({
        templates: [template],
        args: {
          service,
          ...(version ? { version: { fieldPath: `spec.template.metadata.annotations.${versionAnnotation}` } } : {}),
        },
      }),
      container: container({
        name: backendName,
        image: imageReference(images.backend, pins.backend),
        resources: backend.resources,
        ports: [backendPort],
        ...environment,
        // Two and a half minutes to start; from then on a pod that cannot reach its data stores only stops getting
        // requests, and is restarted when the process itself no longer answers.
        startup: probe('/api/health/live', 5, 30),
        readiness: probe('/api/health/ready', 5, 3),
        liveness: probe('/api/health/live', 10, 6),
        volumeMounts: [tmp],
      }),
    });
  }

  /** Asks the revision behind a Service whether it is well, which version it is, and whether its data stores are there. */
  #analysis(name: string, overlay: Overlay, { analysis: settings }: BlueGreen): void {
    const version = backendVersion(overlay);
    const url = (path: string) => serviceUrl(overlay, '{{args.service}}', backendPort, path);
    const well = 'result.status == "ok"';
    new AnalysisTemplate(this, 'analysis', {
      metadata: { name },
      spec: {
        args: [{ name: 'service' }, ...(version ? [{ name: 'version' }] : [])],
        metrics: [
          jsonCheck({
            name: 'health',
            url: url('/api/health'),
            good: version ? `${well} && result.version == "{{args.version}}"` : well,
            settings,
          }),
          jsonCheck({ name: 'ready', url: url('/api/health/ready'), good: 'result.status == "ready"', settings }),
        ],
      },
    });
  }
}

function probe(path: string, periodSeconds: number, failureThreshold: number): kplus.Probe {
  return kplus.Probe.fromHttpGet(path, {
    port: backendPort.number,
    periodSeconds: Duration.seconds(periodSeconds),
    timeoutSeconds: Duration.seconds(3),
    failureThreshold,
  });
}
