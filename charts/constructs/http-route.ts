import type { Service } from './service.ts';

/** Requests to a host, and below a path of it, that go to one Service. */
export interface HttpRoute {
  readonly host: string;
  /** Everything below it matches; of two routes that match, the longer path wins. @default '/' */
  readonly path?: string;
  readonly service: Service;
  /** Whether a load balancer divides the requests between this Service and others, as an annotation of it says. @default false */
  readonly isDivided?: boolean;
}

/** Routes by host, in the order in which hosts are first named. Throws when there are none, or two for one path. */
export function routesByHost(owner: string, routes: readonly HttpRoute[]): Map<string, HttpRoute[]> {
  if (routes.length === 0) throw new Error(`${owner}: no routes; give at least one`);
  const byHost = new Map<string, HttpRoute[]>();
  for (const route of routes) {
    const { host, path = '/' } = route;
    const found = byHost.get(host) ?? [];
    if (found.some((other) => (other.path ?? '/') === path)) {
      throw new Error(`${owner}: two routes for ${host}${path}; give one of them up`);
    }
    byHost.set(host, [...found, route]);
  }
  return byHost;
}
