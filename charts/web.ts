import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { AnalysisTemplate } from '../imports/argoproj.io.ts';
import type { Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { container } from './constructs/container.ts';
import { pageCheck } from './constructs/page-check.ts';
import { deploy, type Served } from './deploy.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { nodeUid, pageCheckName, serviceUrl, webName, webPort } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import { loadTemplate } from './performance.ts';

/** The Next.js frontend. Where its API is was decided when the image was built: a path of the same host. */
export class WebChart extends OverlayChart {
  readonly served: Served;

  constructor(scope: Construct, file: string, overlay: Overlay) {
    const { images, pins, strategy, web } = overlay;
    const labels = labelsOf(overlay, webName, 'frontend', pins.web.version);
    super(scope, file, overlay, labels);
    const image = imageReference(images.web, pins.web);
    if (strategy.kind === 'blue-green') {
      const page = pageCheck({
        name: 'page',
        url: serviceUrl(overlay, '{{args.service}}', webPort, '/'),
        image,
        labels: labelsOf(overlay, pageCheckName, 'analysis', pins.web.version),
        serviceAccountName: webName,
        uid: nodeUid,
        settings: strategy.analysis,
      });
      const spec = { args: [{ name: 'service' }], metrics: [page] };
      new AnalysisTemplate(this, 'analysis', { metadata: { name: pageCheckName }, spec });
    }
    const env = {
      NODE_ENV: 'production',
      PORT: String(webPort.number),
      // Next.js listens on $HOSTNAME, which the kubelet sets to the pod's name: no probe on localhost would get through.
      HOSTNAME: '0.0.0.0',
      NEXT_TELEMETRY_DISABLED: '1',
    };
    this.served = deploy(this, overlay, {
      labels,
      scale: web,
      canary: strategy.kind === 'blue-green' ? strategy.canaries.web : undefined,
      promotionOrder: 10,
      analysis: (service) => ({ templates: [pageCheckName], args: { service } }),
      load: loadTemplate(this, overlay, webName, webPort),
      container: container({
        name: webName,
        image,
        resources: web.resources,
        ports: [webPort],
        envVariables: Object.fromEntries(
          Object.entries(env).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)]),
        ),
        // The page is the only route there is. Liveness asks for no more than a listening process, so that a page
        // that fails with the backend does not restart every web pod.
        startup: page(5, 30),
        readiness: page(5, 3),
        liveness: kplus.Probe.fromTcpSocket({
          port: webPort.number,
          periodSeconds: Duration.seconds(10),
          timeoutSeconds: Duration.seconds(3),
          failureThreshold: 6,
        }),
        volumeMounts: [
          { path: '/tmp', volume: kplus.Volume.fromEmptyDir(this, 'tmp', 'tmp') },
          { path: web.cachePath, volume: kplus.Volume.fromEmptyDir(this, 'cache', 'cache') },
        ],
      }),
    });
  }
}

function page(periodSeconds: number, failureThreshold: number): kplus.Probe {
  return kplus.Probe.fromHttpGet('/', {
    port: webPort.number,
    periodSeconds: Duration.seconds(periodSeconds),
    timeoutSeconds: Duration.seconds(5),
    failureThreshold,
  });
}
