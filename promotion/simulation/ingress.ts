import type { KubeObject } from '../cluster/objects.ts';
import type { HttpTarget } from '../cluster/port.ts';
import type { ApiServer } from './api-server.ts';

interface Ingress extends KubeObject {
  readonly spec: {
    readonly rules?: readonly {
      readonly host?: string;
      readonly http?: {
        readonly paths: readonly {
          readonly path?: string;
          readonly backend: { readonly service?: { readonly name: string } };
        }[];
      };
    }[];
  };
}

interface HttpRoute extends KubeObject {
  readonly spec: {
    readonly hostnames?: readonly string[];
    readonly rules?: readonly {
      readonly matches?: readonly { readonly path?: { readonly value?: string } }[];
      readonly backendRefs?: readonly { readonly name: string }[];
    }[];
  };
}

interface Route {
  /** Undefined is any. */
  readonly host: string | undefined;
  readonly path: string;
  readonly service: string | undefined;
}

/**
 * The Service that a request ends at: the one it names, or the one behind the longest matching path of its host in an
 * Ingress or an HTTPRoute. Undefined for an address that no object leads to.
 */
export function serviceBehind(api: Pick<ApiServer, 'list'>, target: HttpTarget): string | undefined {
  if ('service' in target) return target.service;
  const { hostname, pathname } = new URL(target.url);
  const matches = ({ path }: Route) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
  return [
    ...api.list<Ingress>('ingresses').flatMap(routesOfIngress),
    ...api.list<HttpRoute>('httproutes').flatMap(routesOfHttpRoute),
  ]
    .filter((route) => (route.host === undefined || route.host === hostname) && matches(route))
    .sort((a, b) => b.path.length - a.path.length)[0]?.service;
}

function routesOfIngress({ spec }: Ingress): Route[] {
  return (spec.rules ?? []).flatMap(({ host, http }) =>
    (http?.paths ?? []).map(({ path = '/', backend }) => ({ host, path, service: backend.service?.name })),
  );
}

function routesOfHttpRoute({ spec }: HttpRoute): Route[] {
  const hosts: readonly (string | undefined)[] = spec.hostnames ?? [undefined];
  return (spec.rules ?? [])
    .filter(({ backendRefs = [] }) => backendRefs.length > 0) // the others redirect
    .flatMap(({ matches = [{}], backendRefs = [] }) =>
      hosts.flatMap((host) =>
        matches.map(({ path }) => ({ host, path: path?.value ?? '/', service: backendRefs[0]?.name })),
      ),
    );
}
