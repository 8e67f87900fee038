import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { HttpExposure } from './constructs/http-exposure.ts';
import type { Served } from './deploy.ts';
import { labelsOf } from './labels.ts';
import { OverlayChart } from './overlay-chart.ts';

/**
 * The hosts. Each web host serves `/api` from the backend of its own colour, so that a preview never talks to the live
 * backend and one web image fits every host.
 */
export class IngressChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay, backend: Served, web: Served) {
    super(scope, file, overlay, labelsOf(overlay, 'ingress', 'ingress'));
    const { hosts, ingress } = overlay;
    const { className, tlsSecretName } = ingress;
    new HttpExposure(this, 'public', {
      name: 'public',
      className,
      tlsSecretName,
      routes: [
        { host: hosts.web, path: '/api', service: backend.active },
        { host: hosts.web, service: web.active },
        { host: hosts.api, service: backend.active },
      ],
    });
    if (hosts.preview && backend.preview && web.preview) {
      new HttpExposure(this, 'preview', {
        name: 'preview',
        className,
        tlsSecretName,
        routes: [
          { host: hosts.preview, path: '/api', service: backend.preview },
          { host: hosts.preview, service: web.preview },
        ],
      });
    }
  }
}
