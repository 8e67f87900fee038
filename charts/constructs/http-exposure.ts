import { Construct } from 'constructs';
import * as kplus from '../kplus.ts';
import type { Service } from './service.ts';

/** Requests to a host, and below a path of it, that go to one Service. */
export interface HttpRoute {
  readonly host: string;
  /** Everything below it matches; of two routes that match, the longer path wins. @default '/' */
  readonly path?: string;
  readonly service: Service;
}

export interface HttpExposureProps {
  readonly name: string;
  readonly routes: readonly HttpRoute[];
  /** IngressClass. @default - the cluster's default */
  readonly className?: string | undefined;
  /** Secret with the certificate for all hosts. @default - no TLS in the cluster */
  readonly tlsSecretName?: string | undefined;
}

/** Routes from outside the cluster, as an Ingress that works with any class: no annotation of one controller. */
export class HttpExposure extends Construct {
  constructor(scope: Construct, id: string, { name, routes, className, tlsSecretName }: HttpExposureProps) {
    super(scope, id);
    const hosts = [...new Set(routes.map(({ host }) => host))];
    if (hosts.length === 0) throw new Error(`${this.node.path}: an Ingress without routes; give at least one`);
    for (const { host, path = '/' } of routes) {
      const same = routes.filter((route) => route.host === host && (route.path ?? '/') === path);
      if (same.length > 1) throw new Error(`${this.node.path}: two routes for ${host}${path}; give one of them up`);
    }
    new kplus.k8s.KubeIngress(this, 'Resource', {
      metadata: { name },
      spec: {
        ...(className ? { ingressClassName: className } : {}),
        ...(tlsSecretName ? { tls: [{ hosts, secretName: tlsSecretName }] } : {}),
        rules: hosts.map((host) => ({
          host,
          http: {
            paths: routes
              .filter((route) => route.host === host)
              .map(({ path = '/', service }) => ({
                path,
                pathType: 'Prefix',
                backend: { service: { name: service.name, port: { name: service.portName } } },
              })),
          },
        })),
      },
    });
  }
}
