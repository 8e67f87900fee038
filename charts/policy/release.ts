import { load } from 'js-yaml';
import { POLICY_CONFIG_MAP, POLICY_KEY } from '../../promotion/plan/plan.ts';
import { type Policy, policySchema, questionsOf, titleOf } from '../../promotion/plan/policy.ts';
import type { Finding, Rule } from './policy.ts';
import { type Manifest, previewServiceOf, type Rendered, type RenderedObject } from './rendered.ts';
import { routesOf } from './routes.ts';

/** The release policy, and the ConfigMap that it is in; another rule sees that there is one. */
export function releasePolicyOf(rendered: Rendered): { object: RenderedObject; policy: Policy } | undefined {
  const object = rendered.ofKind('ConfigMap').find(({ manifest }) => manifest.metadata.name === POLICY_CONFIG_MAP);
  return object && { object, policy: policySchema.parse(load(object.manifest.data[POLICY_KEY])) };
}

/** The Services that the policy asks have the port, and lead to what is live. */
const servicesAnswer: Rule = (rendered) => {
  const release = releasePolicyOf(rendered);
  if (!release) return [];
  const { object, policy } = release;
  return questionsOf(policy).flatMap((question): Finding[] => {
    const { target, when } = question;
    // What runs in another namespace is not rendered here.
    if (!('service' in target) || 'namespace' in target) return [];
    const { port, service } = target;
    const found = (message: string) => [{ object, message: `${titleOf(question)} asks ${message}` }];
    const routed = routedBy(rendered, service);
    if (routed && when === 'after-switch' && service === routed.stableService)
      return found(
        `Service ${service}, which leads to the old revision until the release has settled; ask ${routed.canaryService}`,
      );
    const isLive = routed && when === 'after-switch';
    if (!isLive && isPreview(rendered, service))
      return found(`Service ${service}, which is not live; ask the active Service`);
    const ports: Manifest[] | undefined = rendered.find('Service', service)?.spec.ports;
    if (!ports) return found(`Service ${service}, which is not there; correct the name`);
    if (ports.some((each) => each.name === port || each.port === port)) return [];
    return found(`port ${port} of Service ${service}, which has none such; correct the port`);
  });
};

/** The public addresses that the policy asks are routed here, to what is live. */
const addressesAreServed: Rule = (rendered) => {
  const release = releasePolicyOf(rendered);
  if (!release) return [];
  const { object, policy } = release;
  const asked = [
    ...policy.healthChecks.map((check) => ({ title: titleOf(check), ...check.target })),
    ...policy.publicPaths.flatMap(({ name, redirectFrom, url }) =>
      [url, redirectFrom].map((url) => ({ title: `public path ${name}`, url })),
    ),
  ];
  const routes = routesOf(rendered);
  return asked.flatMap((question): Finding[] => {
    if (!('url' in question) || question.url === undefined) return [];
    const { title, url } = question;
    const { hostname, pathname } = new URL(url);
    const found = (message: string) => [{ object, message: `${title} asks ${url}, ${message}` }];
    // The longest path that covers it is the one that is taken.
    const [route] = routes
      .filter(({ host, path }) => host === hostname && covers(path, pathname))
      .sort((a, b) => b.path.length - a.path.length);
    if (!route) return found('which no Ingress or HTTPRoute serves; correct the address, or add its route');
    if (!isPreview(rendered, route.service)) return [];
    return found(`which leads to Service ${route.service}, which is not live; ask a public host`);
  });
};

const covers = (route: string, path: string): boolean => path === route || path.startsWith(route.replace(/\/?$/, '/'));

/** The strategy of the canary with a router that a Service is one of the two of. */
function routedBy(rendered: Rendered, service: string): Manifest | undefined {
  return rendered
    .ofKind('Rollout')
    .map(({ manifest }) => manifest.spec.strategy?.canary)
    .find((canary) => canary?.trafficRouting && [canary.stableService, canary.canaryService].includes(service));
}

function isPreview(rendered: Rendered, service: string): boolean {
  return rendered.ofKind('Rollout').some(({ manifest }) => previewServiceOf(manifest) === service);
}

export const releaseRules: readonly Rule[] = [servicesAnswer, addressesAreServed];
