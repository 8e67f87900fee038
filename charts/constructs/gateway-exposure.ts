import { Construct } from 'constructs';
import { HttpRoute as GatewayHttpRoute } from '../../imports/gateway.networking.k8s.io.ts';
import { type HttpRoute, routesByHost } from './http-route.ts';

/** A Gateway of the platform's, and its listeners for these routes. */
export interface GatewayReference {
  readonly name: string;
  readonly namespace: string;
  /** The listener that serves the routes. */
  readonly listener: string;
  /** The listener for plain HTTP, all of which is sent on to HTTPS. @default - the Gateway has none */
  readonly redirectListener?: string | undefined;
}

export interface GatewayExposureProps {
  /** Name of the redirecting route, with `-redirect`; the others are called as their hosts. */
  readonly name: string;
  readonly routes: readonly HttpRoute[];
  readonly gateway: GatewayReference;
}

/** Routes from outside the cluster as HTTPRoutes, one a host. Certificates are the Gateway's. */
export class GatewayExposure extends Construct {
  constructor(scope: Construct, id: string, { name, routes, gateway }: GatewayExposureProps) {
    super(scope, id);
    const byHost = routesByHost(this.node.path, routes);
    const parent = (sectionName: string) => [{ name: gateway.name, namespace: gateway.namespace, sectionName }];
    for (const [host, found] of byHost) {
      new GatewayHttpRoute(this, host, {
        metadata: { name: host },
        spec: {
          parentRefs: parent(gateway.listener),
          hostnames: [host],
          rules: found.map(({ path = '/', service }) => ({
            matches: [{ path: { type: 'PathPrefix', value: path } }],
            // The Gateway API knows ports by number only.
            backendRefs: [{ name: service.name, port: service.port }],
          })),
        },
      });
    }
    if (gateway.redirectListener === undefined) return;
    new GatewayHttpRoute(this, 'Redirect', {
      metadata: { name: `${name}-redirect` },
      spec: {
        parentRefs: parent(gateway.redirectListener),
        hostnames: [...byHost.keys()],
        rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] }],
      },
    });
  }
}
