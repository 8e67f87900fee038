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

/** The Service that a request ends at: the one it names, or the one behind the longest matching Ingress path of its host. */
export function serviceBehind(api: ApiServer, target: HttpTarget): string | undefined {
  if ('service' in target) return target.service;
  const url = new URL(target.url);
  return api
    .list<Ingress>('ingresses')
    .flatMap((ingress) => ingress.spec.rules ?? [])
    .filter((rule) => rule.host === undefined || rule.host === url.hostname)
    .flatMap((rule) => rule.http?.paths ?? [])
    .filter(
      ({ path = '/' }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`),
    )
    .sort((a, b) => (b.path ?? '/').length - (a.path ?? '/').length)[0]?.backend.service?.name;
}
