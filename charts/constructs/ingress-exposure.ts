import { Construct } from 'constructs';
import type { Tls } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import { type HttpRoute, routesByHost } from './http-route.ts';

export interface IngressExposureProps {
  readonly name: string;
  readonly routes: readonly HttpRoute[];
  /** IngressClass. @default - the cluster's default */
  readonly className?: string | undefined;
  /** Where the certificate for the hosts comes from. @default - no TLS in the cluster */
  readonly tls?: Tls | undefined;
  /** What the class asks for, e.g. to send plain HTTP on to HTTPS. @default - none */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The port of a backend whose requests are divided by an annotation. */
export const DIVIDED = 'use-annotation';

/** Routes from outside the cluster as an Ingress that works with any class: what one class alone knows is data. */
export class IngressExposure extends Construct {
  constructor(scope: Construct, id: string, { name, routes, className, tls, annotations = {} }: IngressExposureProps) {
    super(scope, id);
    const byHost = routesByHost(this.node.path, routes);
    const issuer =
      tls?.kind === 'cert-manager'
        ? { [`cert-manager.io/${tls.issuerKind === 'Issuer' ? 'issuer' : 'cluster-issuer'}`]: tls.issuer }
        : {};
    const all = { ...annotations, ...issuer };
    new kplus.k8s.KubeIngress(this, 'Resource', {
      metadata: { name, ...(Object.keys(all).length > 0 ? { annotations: all } : {}) },
      spec: {
        ...(className ? { ingressClassName: className } : {}),
        ...(tls ? { tls: [{ hosts: [...byHost.keys()], secretName: tls.secretName }] } : {}),
        rules: [...byHost].map(([host, found]) => ({
          host,
          http: {
            paths: found.map(({ isDivided, path = '/', service }) => ({
              path,
              pathType: 'Prefix',
              // The AWS Load Balancer Controller's word for a backend that is none: what the annotation `actions.NAME` says.
              backend: { service: { name: service.name, port: { name: isDivided ? DIVIDED : service.portName } } },
            })),
          },
        })),
      },
    });
  }
}
