import type { Finding, PolicyContext, Rule } from './policy.ts';
import { analysesOf, containersOf, type Manifest, type Rendered, type RenderedPod, servicesOf } from './rendered.ts';

/** Nothing is open that no policy opens. */
const deniedByDefault: Rule = (rendered) => {
  const [namespace] = rendered.ofKind('Namespace');
  const denies = rendered.ofKind('NetworkPolicy').some(({ manifest }) => isDefaultDeny(manifest));
  if (denies || !namespace) return [];
  return [{ object: namespace, message: 'has no policy that denies everything; add NetworkFlows' }];
};

/** A pod that no policy names can neither ask nor be asked. */
const everyPodHasFlows: Rule = (rendered) =>
  rendered.pods
    .filter((pod) => policiesOf(rendered, pod).length === 0)
    .map((pod) => ({
      object: pod.owner,
      message: 'has pods that no network policy names; add their flows to flowsOf()',
    }));

/** TCP, and UDP for names alone. */
const knownProtocols: Rule = (rendered) =>
  rendered.ofKind('NetworkPolicy').flatMap((object) =>
    [...(object.manifest.spec.ingress ?? []), ...(object.manifest.spec.egress ?? [])]
      .flatMap(({ ports }: Manifest) => ports)
      .filter(({ port, protocol }: Manifest) => protocol !== 'TCP' && !(protocol === 'UDP' && port === 53))
      .map(
        ({ port, protocol }: Manifest): Finding => ({
          object,
          message: `opens ${protocol} ${port}; open TCP, or UDP 53`,
        }),
      ),
  );

/** Who asks somebody by a name has to look the name up, by UDP and, for long answers, by TCP. */
const namesCanBeLookedUp: Rule = (rendered) =>
  rendered.ofKind('NetworkPolicy').flatMap((object): Finding[] => {
    const egress: Manifest[] = object.manifest.spec.egress ?? [];
    if (egress.length === 0) return [];
    const dns = egress.filter(({ to }) => to.some((peer: Manifest) => peer.namespaceSelector));
    const looksUp = dns.some(
      ({ ports }) =>
        ports.length === 2 &&
        ['TCP', 'UDP'].every((protocol) =>
          ports.some((each: Manifest) => each.port === 53 && each.protocol === protocol),
        ),
    );
    return looksUp ? [] : [{ object, message: 'lets its pods ask somebody, but no DNS; open UDP and TCP 53 to it' }];
  });

/** Variables that say where a store is, and the port that it has. */
const endpoints = [
  ['DB_HOST', 'DB_PORT'],
  ['REDIS_HOST', 'REDIS_PORT'],
  ['PGHOST', 'PGPORT'],
] as const;

/** Where a pod is told to find a store, there is one, and the way to it is open. */
const storesAreReachable: Rule = (rendered) =>
  rendered.pods.flatMap((pod) => {
    const variables = environmentOf(rendered, pod);
    return endpoints.flatMap(([hostVariable, portVariable]): Finding[] => {
      const [host, port] = [variables[hostVariable], Number(variables[portVariable])];
      // The migration shares the backend's environment, but asks the database alone.
      if (host === undefined || (hostVariable === 'REDIS_HOST' && pod.kind === 'task')) return [];
      const found = (message: string) => [{ object: pod.owner, message: `${hostVariable} ${host}: ${message}` }];
      const isOutside = host.includes('.');
      if (isOutside) {
        return letsOut(rendered, pod, port, (peer) => peer.ipBlock)
          ? []
          : found(`port ${port} is not open; add the flow`);
      }
      const service = rendered.find('Service', host)?.spec;
      if (!service) return found('is no Service here; correct the name');
      if (!service.ports.some((each: Manifest) => each.port === port)) return found(`has no port ${port}; correct it`);
      const targets = rendered.podsWith(service.selector ?? {});
      const open = letsOut(rendered, pod, port, ({ podSelector, namespaceSelector }) => {
        if (!podSelector || namespaceSelector) return false;
        return targets.some(({ labels }) => isSelected(podSelector, labels));
      });
      return open ? [] : found(`port ${port} is not open; add the flow`);
    });
  });

/** Dumps reach the bucket that they are for. */
const objectStorageIsReachable: Rule = (rendered) =>
  rendered.pods.flatMap((pod): Finding[] => {
    const { RCLONE_CONFIG_STORE_ENDPOINT: endpoint } = environmentOf(rendered, pod);
    if (endpoint === undefined) return [];
    const port = Number(new URL(endpoint).port || 443);
    if (letsOut(rendered, pod, port, (peer) => peer.ipBlock)) return [];
    return [{ object: pod.owner, message: `${endpoint}: port ${port} is not open; add the flow` }];
  });

/** Reports of errors go to a place outside by HTTPS. */
const errorsCanBeReported: Rule = (rendered) =>
  rendered.pods
    .filter(({ kind }) => kind === 'service')
    .filter((pod) => containersOf(pod).some(({ env = [] }) => env.some(({ name }: Manifest) => name === 'SENTRY_DSN')))
    .filter((pod) => !letsOut(rendered, pod, 443, (peer) => peer.ipBlock))
    .map((pod) => ({ object: pod.owner, message: 'cannot reach Sentry; open TCP 443 to network.internet' }));

/** A pod has a token to talk to the API server; where the release policy asks public addresses, it asks those as well. */
const tokensAreOfUse: Rule = (rendered, { apiServer, network }) => {
  const holders = rendered.pods.filter(({ spec }) => spec.automountServiceAccountToken === true);
  const asksOutside = JSON.stringify(rendered.find('ConfigMap', 'release-policy') ?? {}).includes('url: https:');
  return holders.flatMap((pod): Finding[] => {
    const at = (cidrs: readonly string[]) => (peer: Manifest) => peer.ipBlock && cidrs.includes(peer.ipBlock.cidr);
    const reaches = apiServer && letsOut(rendered, pod, apiServer.port, at(apiServer.cidrs));
    const asks = !asksOutside || letsOut(rendered, pod, 443, at([network.internet.cidr]));
    return [
      ...(reaches
        ? []
        : [{ object: pod.owner, message: 'has a token and no way to the API server; open promoter.apiServer' }]),
      ...(asks
        ? []
        : [{ object: pod.owner, message: 'cannot ask the public addresses; open TCP 443 to network.internet' }]),
    ];
  });
};

/** Somebody lets requests into what has a public route, and the controller to what it asks by URL. */
const askedFromOutside: Rule = (rendered) => {
  const asked = rendered
    .ofKind('Service')
    .filter(({ manifest }) =>
      rendered
        .ofKind('Ingress', 'HTTPRoute')
        .some((route) => JSON.stringify(route.manifest.spec.rules).includes(`"name":"${manifest.metadata.name}"`)),
    );
  return asked.flatMap((object): Finding[] => {
    const { metadata, spec } = object.manifest;
    const pods = rendered.pods.filter(
      ({ labels }) => labels['app.kubernetes.io/name'] === metadata.labels?.['app.kubernetes.io/name'],
    );
    const open = pods.some((pod) =>
      policiesOf(rendered, pod).some(({ spec: policy }) =>
        (policy.ingress ?? []).some(
          ({ from, ports }: Manifest) =>
            from.some((peer: Manifest) => peer.namespaceSelector) &&
            ports.some(({ port }: Manifest) => spec.ports.some((each: Manifest) => each.port === port)),
        ),
      ),
    );
    return open ? [] : [{ object, message: 'has a public route that no network policy lets in; add the flow' }];
  });
};

/** Who scrapes is let in to every port that a monitor names. */
const monitorsAreLetIn: Rule = (rendered, { network }) =>
  rendered.ofKind('ServiceMonitor').flatMap((object) => {
    const { endpoints } = object.manifest.spec;
    const services = servicesOf(rendered, object.manifest);
    return endpoints.flatMap(({ port: name }: Manifest) =>
      services.flatMap(({ manifest }): Finding[] => {
        const port = manifest.spec.ports.find((each: Manifest) => each.name === name)?.port;
        if (port === undefined) return [];
        const pods = rendered.podsWith(manifest.spec.selector ?? {});
        return pods.every((pod) => letsIn(rendered, pod, port, network.monitoring))
          ? []
          : [{ object, message: `scrapes port ${port}, which is not open to network.monitoring; add the flow` }];
      }),
    );
  });

/** The controller is let in to what its analysis asks, and the pods of its Jobs are let out to it. */
const analysisIsLetIn: Rule = (rendered, { network }) =>
  rendered.ofKind('Rollout').flatMap((object) => {
    const named = analysesOf(object.manifest).flatMap(({ templates = [] }) => templates);
    const metrics: Manifest[] = [...new Set(named.map(({ templateName }: Manifest) => templateName))].flatMap(
      (name) => rendered.find('AnalysisTemplate', name)?.spec.metrics ?? [],
    );
    const pods = rendered.pods.filter(({ owner }) => owner.manifest === object.manifest);
    return metrics.flatMap(({ name, provider }): Finding[] => {
      const asked = portOf(JSON.stringify(provider));
      if (asked === undefined) return [];
      const found = (whom: string) => [
        { object, message: `metric ${name} asks port ${asked}, which is not open to ${whom}; add the flow` },
      ];
      if (provider.web)
        return pods.every((pod) => letsIn(rendered, pod, asked, network.rollouts)) ? [] : found('network.rollouts');
      // What is let out of one pod must be let in by the other; another rule sees to that.
      const jobs = rendered.pods.filter(({ spec }) => spec === provider.job?.spec.template.spec);
      const isPeer = ({ namespaceSelector, podSelector }: Manifest) =>
        podSelector && !namespaceSelector && pods.some(({ labels }) => isSelected(podSelector, labels));
      return jobs.every((job) => letsOut(rendered, job, asked, isPeer)) ? [] : found('its own pods');
    });
  });

/** The port of the Service that a metric is given as its argument. */
function portOf(provider: string): number | undefined {
  const url = /\{\{args\.service\}\}[-a-z0-9.]*(?::(\d+))?/.exec(provider);
  return url ? Number(url[1] ?? 80) : undefined;
}

function letsIn(
  rendered: Rendered,
  pod: RenderedPod,
  port: number,
  { namespace, podLabels }: PolicyContext['network']['rollouts'],
): boolean {
  const peer = JSON.stringify([{ 'kubernetes.io/metadata.name': namespace }, podLabels]);
  return policiesOf(rendered, pod).some(({ spec }) =>
    (spec.ingress ?? []).some(
      ({ from, ports }: Manifest) =>
        ports.some((each: Manifest) => each.port === port && each.protocol === 'TCP') &&
        from.some(
          ({ namespaceSelector, podSelector }: Manifest) =>
            JSON.stringify([namespaceSelector?.matchLabels, podSelector?.matchLabels ?? {}]) === peer,
        ),
    ),
  );
}

function isDefaultDeny({ spec }: Manifest): boolean {
  const { egress, ingress, podSelector, policyTypes } = spec;
  return Object.keys(podSelector).length === 0 && !ingress && !egress && policyTypes.length === 2;
}

function isSelected({ matchLabels = {} }: Manifest, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

/** The policies that name a pod; the one for all pods does not. */
function policiesOf(rendered: Rendered, { labels }: RenderedPod): Manifest[] {
  return rendered
    .ofKind('NetworkPolicy')
    .map(({ manifest }) => manifest)
    .filter(({ spec }) => Object.keys(spec.podSelector).length > 0 && isSelected(spec.podSelector, labels));
}

function letsOut(rendered: Rendered, pod: RenderedPod, port: number, isPeer: (peer: Manifest) => unknown): boolean {
  return policiesOf(rendered, pod).some(({ spec }) =>
    (spec.egress ?? []).some(
      ({ ports, to }: Manifest) =>
        to.some(isPeer) && ports.some((each: Manifest) => each.port === port && each.protocol === 'TCP'),
    ),
  );
}

/** A pod's plain variables, those of its ConfigMaps included. */
function environmentOf(rendered: Rendered, pod: RenderedPod): Record<string, string> {
  const found = containersOf(pod).flatMap(({ env = [], envFrom = [] }) => [
    ...envFrom.flatMap(({ configMapRef }: Manifest) =>
      configMapRef ? Object.entries(rendered.find('ConfigMap', configMapRef.name)?.data ?? {}) : [],
    ),
    ...env.flatMap(({ name, value }: Manifest) => (value === undefined ? [] : [[name, value]])),
  ]);
  return Object.fromEntries(found);
}

/** Pods of other namespaces are those that the overlay names. */
const neighboursAreKnown: Rule = (rendered, { network }) => {
  const { dns, entry, monitoring, rollouts } = network;
  const known = [dns, entry, monitoring, rollouts].map(({ namespace, podLabels }) =>
    JSON.stringify([{ 'kubernetes.io/metadata.name': namespace }, podLabels]),
  );
  return rendered.ofKind('NetworkPolicy').flatMap((object) =>
    [...(object.manifest.spec.ingress ?? []), ...(object.manifest.spec.egress ?? [])]
      .flatMap(({ from, to }: Manifest) => from ?? to)
      .filter((peer: Manifest) => peer.namespaceSelector)
      .map(({ namespaceSelector, podSelector }: Manifest) =>
        JSON.stringify([namespaceSelector.matchLabels, podSelector?.matchLabels ?? {}]),
      )
      .filter((peer) => !known.includes(peer))
      .map(
        (peer): Finding => ({
          object,
          message: `names pods of another namespace, ${peer}, that the overlay does not; correct it`,
        }),
      ),
  );
};

export const networkRules: readonly Rule[] = [
  neighboursAreKnown,
  tokensAreOfUse,
  deniedByDefault,
  everyPodHasFlows,
  knownProtocols,
  namesCanBeLookedUp,
  storesAreReachable,
  objectStorageIsReachable,
  errorsCanBeReported,
  askedFromOutside,
  monitorsAreLetIn,
  analysisIsLetIn,
];
