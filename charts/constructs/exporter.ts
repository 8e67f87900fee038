import { Duration } from 'cdk8s';
import type { Exporter } from '../../overlays/overlay.ts';
import { imageReference } from '../../overlays/pins.ts';
import * as kplus from '../kplus.ts';
import { container } from './container.ts';
import type { NamedPort } from './service.ts';

/** What a sidecar exports is found at this path of its port. */
export const metricsPort = (number: number): NamedPort => ({ name: 'metrics', number });

/**
 * A sidecar that tells Prometheus about the store beside it. It has no readiness of its own: a store that nobody can
 * watch is still to be used.
 */
export function exporter(
  settings: Exporter,
  port: number,
  envVariables: Record<string, kplus.EnvValue>,
): kplus.ContainerProps {
  return container({
    name: 'exporter',
    image: imageReference(settings.image.repository, settings.image),
    resources: settings.resources,
    ports: [metricsPort(port)],
    envVariables,
    liveness: kplus.Probe.fromTcpSocket({ port, periodSeconds: Duration.seconds(30), failureThreshold: 6 }),
  });
}
