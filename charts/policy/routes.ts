import type { Finding, Rule } from './policy.ts';
import { type Manifest, previewServiceOf, type Rendered, type RenderedObject } from './rendered.ts';

export interface Route {
  readonly object: RenderedObject;
  readonly host: string;
  readonly path: string;
  readonly service: string;
}

/** What every host leads to, by Ingress or HTTPRoute. */
export function routesOf(rendered: Rendered): Route[] {
  const ingresses = rendered
    .ofKind('Ingress')
    .flatMap((object) =>
      object.manifest.spec.rules.flatMap(({ host, http }: Manifest) =>
        http.paths.map(({ backend, path }: Manifest) => ({ object, host, path, service: backend.service.name })),
      ),
    );
  const routes = rendered
    .ofKind('HTTPRoute')
    .flatMap((object) =>
      object.manifest.spec.hostnames.flatMap((host: string) =>
        object.manifest.spec.rules.flatMap(({ backendRefs = [], matches = [] }: Manifest) =>
          backendRefs.flatMap(({ name }: Manifest) =>
            matches.map(({ path }: Manifest) => ({ object, host, path: path.value, service: name })),
          ),
        ),
      ),
    );
  return [...ingresses, ...routes];
}

/** The public never sees what nobody has judged, and the host of the preview sees nothing else. */
const coloursStayApart: Rule = (rendered, { hosts }) => {
  const previews = rendered.ofKind('Rollout').map(({ manifest }) => previewServiceOf(manifest));
  return routesOf(rendered).flatMap(({ object, host, service }): Finding[] => {
    const isPreview = previews.includes(service);
    if (isPreview === (host === hosts.preview)) return [];
    const message = isPreview
      ? `leads ${host} to Service ${service}, which is not live; use the active Service`
      : `leads the preview host ${host} to Service ${service}, which is live; use the preview Service`;
    return [{ object, message }];
  });
};

/** The hosts that the overlay names are served: pages and, below the same host, the API that they call. */
const hostsAreServed: Rule = (rendered, { hosts }) => {
  const routes = routesOf(rendered);
  const [namespace] = rendered.ofKind('Namespace');
  if (!namespace) return [];
  const wanted = [
    [hosts.web, '/'],
    [hosts.web, '/api'],
    [hosts.api, '/'],
    ...(hosts.preview ? [[hosts.preview, '/'] as const, [hosts.preview, '/api'] as const] : []),
  ] as const;
  return wanted
    .filter(([host, path]) => !routes.some((route) => route.host === host && route.path === path))
    .map(([host, path]) => ({ object: namespace, message: `has no route for ${host}${path}; add it to the routes` }));
};

export const routeRules: readonly Rule[] = [coloursStayApart, hostsAreServed];
