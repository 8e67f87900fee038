import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { GatewayExposure } from './constructs/gateway-exposure.ts';
import type { HttpRoute } from './constructs/http-route.ts';
import { IngressExposure } from './constructs/ingress-exposure.ts';
import type { Served } from './deploy.ts';
import { labelsOf } from './labels.ts';
import { publicName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/**
 * The hosts. Each web host serves `/api` from the backend of its own colour, so that a preview never talks to the live
 * backend and one web image fits every host.
 */
export class IngressChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay, backend: Served, web: Served) {
    super(scope, file, overlay, labelsOf(overlay, 'ingress', 'ingress'));
    const { hosts } = overlay;
    const live = ({ active: service, isDivided = false }: Served) => ({ service, isDivided });
    this.#expose(overlay, publicName, [
      { host: hosts.web, path: '/api', ...live(backend) },
      { host: hosts.web, ...live(web) },
      { host: hosts.api, ...live(backend) },
    ]);
    if (hosts.preview && backend.preview && web.preview) {
      this.#expose(overlay, 'preview', [
        { host: hosts.preview, path: '/api', service: backend.preview },
        { host: hosts.preview, service: web.preview },
      ]);
    }
  }

  #expose({ ingress }: Overlay, name: typeof publicName | 'preview', routes: HttpRoute[]): void {
    if (ingress.kind === 'gateway') {
      new GatewayExposure(this, name, { name, routes, gateway: ingress.gateway });
      return;
    }
    const { className, redirect, tls } = ingress;
    // cert-manager makes one certificate for each Ingress, and two must not share a Secret.
    const own = tls?.kind === 'cert-manager' && name === 'preview';
    new IngressExposure(this, name, {
      name,
      routes,
      className,
      tls: own ? { ...tls, secretName: `${tls.secretName}-preview` } : tls,
      ...(redirect.by === 'annotations' ? { annotations: redirect.annotations } : {}),
    });
  }
}
