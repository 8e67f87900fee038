import { DIVIDED } from '../constructs/ingress-exposure.ts';
import type { Finding, Rule } from './policy.ts';
import {
  analysesOf,
  containersOf,
  type Manifest,
  portsOf,
  type Rendered,
  type RenderedObject,
  servicesOf,
  servicesOfRollout,
} from './rendered.ts';

const missing = (object: RenderedObject, what: string, fix = 'correct the name'): Finding => ({
  object,
  message: `refers to ${what}, which is not there; ${fix}`,
});

/** A Service leads to pods that have its port; without a selector it is a Rollout's, whose controller gives it one. */
const servicesLeadSomewhere: Rule = (rendered) =>
  rendered.ofKind('Service').flatMap((object): Finding[] => {
    const { metadata, spec } = object.manifest;
    const pods = spec.selector ? rendered.podsWith(spec.selector) : podsOfRolloutsWith(rendered, metadata.name);
    if (pods.length === 0) {
      return spec.selector
        ? [missing(object, `pods with ${JSON.stringify(spec.selector)}`, 'correct the selector')]
        : [{ object, message: 'has no selector and belongs to no Rollout; give it one of the two' }];
    }
    return spec.ports.flatMap(({ name, port, targetPort }: Manifest): Finding[] => {
      if (!name) return [{ object, message: 'has a port without a name; name it' }];
      if (typeof targetPort !== 'string')
        return [{ object, message: `names target port ${targetPort} by number; use its name` }];
      const known = pods.flatMap((pod) => portsOf(pod).filter((each) => each.name === targetPort));
      if (known.length < pods.length) return [missing(object, `container port ${targetPort}`)];
      if (name !== targetPort)
        return [{ object, message: `calls port ${targetPort} of its pods ${name}; call it the same` }];
      // Whoever asks a headless Service asks the pod itself.
      return spec.clusterIP === 'None' && known.some(({ number }) => number !== port)
        ? [
            {
              object,
              message: `is headless and so cannot make port ${targetPort} of its pods port ${port}; give the same`,
            },
          ]
        : [];
    });
  });

function podsOfRolloutsWith(rendered: Rendered, service: string) {
  return rendered.pods.filter(
    ({ owner: { manifest } }) => manifest.kind === 'Rollout' && servicesOfRollout(manifest).includes(service),
  );
}

/** Rollouts lead Services of their own to their revisions. */
const rolloutsHaveServices: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object) => {
    return servicesOfRollout(object.manifest).flatMap((name): Finding[] => {
      if (!rendered.find('Service', name)) return [missing(object, `Service ${name}`)];
      const users = podsOfRolloutsWith(rendered, name);
      return users.length > 1
        ? [{ object, message: `shares Service ${name} with another Rollout; give each its own` }]
        : [];
    });
  });

/** Requests from outside reach a port that the Service has, Ingresses by its name. */
const routesReachServices: Rule = (rendered) => {
  const check = (object: RenderedObject, name: string, port: string | number | undefined): Finding[] => {
    const service = rendered.find('Service', name);
    if (!service) return [missing(object, `Service ${name}`)];
    const known = service.spec.ports.some((each: Manifest) => each.name === port || each.port === port);
    return known ? [] : [missing(object, `port ${port} of Service ${name}`)];
  };
  const ingresses = rendered.ofKind('Ingress').flatMap((object) => [
    ...object.manifest.spec.rules.flatMap(({ http }: Manifest) =>
      http.paths.flatMap(({ backend }: Manifest) => {
        const { name, port } = backend.service;
        if (port.name === DIVIDED && dividersOf(rendered, object).includes(name)) return [];
        if (port.name === undefined) return [{ object, message: `names a port of ${name} by number; use its name` }];
        return check(object, name, port.name);
      }),
    ),
    ...hostsWithoutCertificate(object),
  ]);
  const routes = rendered
    .ofKind('HTTPRoute')
    .flatMap((object) =>
      object.manifest.spec.rules.flatMap(({ backendRefs = [] }: Manifest) =>
        backendRefs.flatMap(({ name, port }: Manifest) => check(object, name, port)),
      ),
    );
  return [...ingresses, ...routes];
};

/** The Services whose requests a Rollout divides by annotations of that Ingress. */
function dividersOf(rendered: Rendered, ingress: RenderedObject): string[] {
  return rendered.ofKind('Rollout').flatMap(({ manifest }) => {
    const { stableService, trafficRouting } = manifest.spec.strategy?.canary ?? {};
    const { alb } = trafficRouting ?? {};
    return alb?.ingress === ingress.manifest.metadata.name ? [alb.rootService ?? stableService] : [];
  });
}

/** What a Rollout divides by is there: the Ingress leads to its Service by an annotation, and the port is one of both Services. */
const routersAreThere: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object): Finding[] => {
    const { canaryService, stableService, trafficRouting } = object.manifest.spec.strategy?.canary ?? {};
    const { alb } = trafficRouting ?? {};
    if (!alb) return [];
    const ingress = rendered.find('Ingress', alb.ingress);
    if (!ingress) return [missing(object, `Ingress ${alb.ingress}`)];
    const backends: Manifest[] = ingress.spec.rules.flatMap(({ http }: Manifest) =>
      http.paths.map(({ backend }: Manifest) => backend.service),
    );
    const root = alb.rootService ?? stableService;
    const wrong = backends.filter(({ name, port }) => name === root && port.name !== DIVIDED);
    const led = backends.some(({ name }) => name === root);
    return [
      ...(led ? [] : [missing(object, `rules of Ingress ${alb.ingress} for Service ${root}`, 'add a route')]),
      ...wrong.map(({ port }) => ({
        object,
        message: `divides the requests to ${root}, and Ingress ${alb.ingress} leads past that by port ${port.name}; use ${DIVIDED}`,
      })),
      ...[stableService, canaryService]
        .filter(
          (name) => !rendered.find('Service', name)?.spec.ports.some(({ port }: Manifest) => port === alb.servicePort),
        )
        .map((name) => missing(object, `port ${alb.servicePort} of Service ${name}`, 'correct the port')),
    ];
  });

function hostsWithoutCertificate(object: RenderedObject): Finding[] {
  const { rules, tls } = object.manifest.spec;
  if (!tls) return [];
  const covered = tls.flatMap(({ hosts }: Manifest) => hosts);
  return rules
    .filter(({ host }: Manifest) => !covered.includes(host))
    .map(({ host }: Manifest) => ({ object, message: `has no certificate for ${host}; add it to tls` }));
}

/** Network policies select pods that there are, and open ports that those have. */
const policiesCoverPods: Rule = (rendered) =>
  rendered.ofKind('NetworkPolicy').flatMap((object): Finding[] => {
    const { egress = [], ingress = [], podSelector } = object.manifest.spec;
    const selected = rendered.podsWith(podSelector.matchLabels ?? {});
    if (selected.length === 0) {
      return [missing(object, `pods with ${JSON.stringify(podSelector.matchLabels)}`, 'correct the selector')];
    }
    const open = (pods: typeof selected, ports: Manifest[]): Finding[] =>
      ports
        .filter(({ port }) => !pods.every((pod) => portsOf(pod).some(({ number }) => number === port)))
        .map(({ port }) => missing(object, `port ${port} of its pods`, 'open a port that they have'));
    const local = (peers: Manifest[]) => peers.filter((peer) => peer.podSelector && !peer.namespaceSelector);
    return [
      ...ingress.flatMap(({ ports }: Manifest) => open(selected, ports)),
      ...[...ingress, ...egress].flatMap(({ from, to, ports }: Manifest) =>
        local(from ?? to).flatMap(({ podSelector }: Manifest) => {
          const peers = rendered.podsWith(podSelector.matchLabels);
          if (peers.length === 0) return [missing(object, `pods with ${JSON.stringify(podSelector.matchLabels)}`)];
          return to ? open(peers, ports) : [];
        }),
      ),
    ];
  });

/** What one end of a connection opens, the other end opens, too. */
const flowsHaveBothEnds: Rule = (rendered) => {
  const flows = (direction: 'ingress' | 'egress') =>
    rendered.ofKind('NetworkPolicy').flatMap((object) =>
      (object.manifest.spec[direction] ?? []).flatMap((rule: Manifest) =>
        (rule.from ?? rule.to)
          .filter((peer: Manifest) => peer.podSelector && !peer.namespaceSelector)
          .flatMap((peer: Manifest) =>
            rule.ports.map(({ port, protocol }: Manifest) => {
              const ends = [object.manifest.spec.podSelector, peer.podSelector].map((end) =>
                JSON.stringify(end.matchLabels),
              );
              const key = direction === 'egress' ? ends : ends.reverse();
              return { object, flow: `${key.join(' to ')} on ${protocol} ${port}` };
            }),
          ),
      ),
    );
  const [ins, outs] = [flows('ingress'), flows('egress')];
  const oneSided = (these: typeof ins, those: typeof ins) =>
    these.filter(({ flow }) => !those.some((other) => other.flow === flow));
  return [
    ...oneSided(ins, outs).map(({ object, flow }) => ({
      object,
      message: `lets in ${flow}, which nothing lets out; add the flow to flowsOf()`,
    })),
    ...oneSided(outs, ins).map(({ object, flow }) => ({
      object,
      message: `lets out ${flow}, which nothing lets in; add the flow to flowsOf()`,
    })),
  ];
};

/** Everything a pod names is rendered or, of Secrets, promised. */
const podsFindTheirThings: Rule = (rendered, { secrets }) =>
  rendered.pods.flatMap((pod) => {
    const { owner, spec } = pod;
    const accounts = rendered.find('ServiceAccount', spec.serviceAccountName)
      ? []
      : [missing(owner, `ServiceAccount ${spec.serviceAccountName}`)];
    const key = (name: string, key: string): Finding[] =>
      secrets.get(name)?.includes(key)
        ? []
        : [missing(owner, `key ${key} of Secret ${name}`, 'name one of the overlay’s')];
    const config = (name: string, wanted?: string): Finding[] => {
      const found = rendered.find('ConfigMap', name);
      if (!found) return [missing(owner, `ConfigMap ${name}`)];
      return wanted === undefined || wanted in (found.data ?? {})
        ? []
        : [missing(owner, `key ${wanted} of ConfigMap ${name}`)];
    };
    const volumes: Manifest[] = spec.volumes ?? [];
    const claims = (owner.manifest.spec.volumeClaimTemplates ?? []).map(({ metadata }: Manifest) => metadata.name);
    const mountable = [...volumes.map(({ name }) => name), ...claims];
    return [
      ...accounts,
      ...volumes.flatMap(({ configMap, persistentVolumeClaim, secret }): Finding[] => [
        ...(secret ? (secret.items ?? []).flatMap((item: Manifest) => key(secret.secretName, item.key)) : []),
        ...(configMap ? config(configMap.name) : []),
        ...(persistentVolumeClaim && !rendered.find('PersistentVolumeClaim', persistentVolumeClaim.claimName)
          ? [missing(owner, `PersistentVolumeClaim ${persistentVolumeClaim.claimName}`)]
          : []),
      ]),
      ...containersOf(pod).flatMap(({ env = [], envFrom = [], volumeMounts = [] }) => [
        ...envFrom.flatMap(({ configMapRef }: Manifest) => (configMapRef ? config(configMapRef.name) : [])),
        ...env.flatMap(({ valueFrom }: Manifest): Finding[] => {
          const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
          if (secretKeyRef) return key(secretKeyRef.name, secretKeyRef.key);
          return configMapKeyRef ? config(configMapKeyRef.name, configMapKeyRef.key) : [];
        }),
        ...volumeMounts
          .filter(({ name }: Manifest) => !mountable.includes(name))
          .map(({ name }: Manifest) => missing(owner, `volume ${name}`)),
      ]),
    ];
  });

/** Autoscalers and budgets are about workloads that there are; an autoscaled one has no replicas of its own. */
const scalersFindWorkloads: Rule = (rendered) => [
  ...rendered.ofKind('HorizontalPodAutoscaler').flatMap((object): Finding[] => {
    const { apiVersion, kind, name } = object.manifest.spec.scaleTargetRef;
    const target = rendered.find(kind, name);
    if (!target || target.apiVersion !== apiVersion) return [missing(object, `${apiVersion} ${kind} ${name}`)];
    const message = `scales ${kind} ${name}, which renders replicas and so is set back at every apply; leave them out`;
    return target.spec.replicas === undefined ? [] : [{ object, message }];
  }),
  ...rendered.ofKind('PodDisruptionBudget').flatMap((object): Finding[] => {
    const labels = object.manifest.spec.selector.matchLabels;
    return rendered.podsWith(labels).some(({ kind }) => kind === 'service')
      ? []
      : [missing(object, `pods with ${JSON.stringify(labels)}`, 'correct the selector')];
  }),
];

/** Of several pods that serve, a drained node takes no more than one. */
const severalPodsHaveBudgets: Rule = (rendered) =>
  rendered.ofKind('Rollout', 'Deployment').flatMap((object): Finding[] => {
    const { metadata, spec } = object.manifest;
    const scaler = rendered
      .ofKind('HorizontalPodAutoscaler')
      .find(({ manifest }) => manifest.spec.scaleTargetRef.name === metadata.name);
    const pods = spec.replicas ?? scaler?.manifest.spec.minReplicas ?? 1;
    const has = rendered
      .ofKind('PodDisruptionBudget')
      .some(({ manifest }) =>
        rendered.podsWith(manifest.spec.selector.matchLabels).some(({ owner }) => owner === object),
      );
    return pods > 1 && !has ? [{ object, message: `has ${pods} pods and no DisruptionBudget; add one` }] : [];
  });

/** A StatefulSet's pods have names by its headless Service. */
const statefulSetsHaveServices: Rule = (rendered) =>
  rendered.ofKind('StatefulSet').flatMap((object): Finding[] => {
    const { serviceName } = object.manifest.spec;
    const service = rendered.find('Service', serviceName);
    if (!service) return [missing(object, `Service ${serviceName}`)];
    return service.spec.clusterIP === 'None'
      ? []
      : [{ object, message: `is named by Service ${serviceName}, which is not headless; set clusterIP: None` }];
  });

/** URLs of Services in metrics, in Jobs and in the environment lead to a Service, by a port that it has. */
const urlsReachServices: Rule = (rendered) =>
  rendered.objects.flatMap((object) => {
    const text = JSON.stringify(object.manifest);
    const urls = text.matchAll(/https?:\/\/([-a-z0-9.{}]+?)\.([-a-z0-9]+)\.svc\.cluster\.local(?::(\d+))?([-/\w]*)/g);
    return [...urls].flatMap(([url, name = '', namespace, port = '80', path = '/']): Finding[] => {
      if (namespace !== object.manifest.metadata.namespace) return [];
      const names = name === '{{args.service}}' ? argumentsFor(rendered, object) : [name];
      return names.flatMap((each): Finding[] => {
        if (!isProbed(rendered, each, path)) {
          return [missing(object, `${url} (no probe of the pods behind ${each} asks that path)`, 'correct the URL')];
        }
        const ports: Manifest[] = rendered.find('Service', each)?.spec.ports ?? [];
        return ports.some((known) => known.port === Number(port))
          ? []
          : [missing(object, `${url} (Service ${each})`, 'correct the URL')];
      });
    });
  });

/** Whether the pods behind a Service have the path: their own probes ask it, or one below it. */
function isProbed(rendered: Rendered, service: string, path: string): boolean {
  const { selector } = rendered.find('Service', service)?.spec ?? {};
  const pods = selector ? rendered.podsWith(selector) : podsOfRolloutsWith(rendered, service);
  const asked = pods
    .flatMap(containersOf)
    .flatMap(({ livenessProbe, readinessProbe, startupProbe }) => [livenessProbe, readinessProbe, startupProbe])
    .flatMap((probe) => probe?.httpGet?.path ?? []);
  return asked.some((known: string) => known === path || known.startsWith(`${path}/`));
}

/** What Rollouts give a template as its argument `service`. */
function argumentsFor(rendered: Rendered, template: RenderedObject): string[] {
  return rendered
    .ofKind('Rollout')
    .flatMap(({ manifest }) => analysesOf(manifest))
    .filter(({ templates }) => templates?.some((one: Manifest) => one.templateName === template.manifest.metadata.name))
    .flatMap(({ args = [] }) =>
      args.filter(({ name }: Manifest) => name === 'service').map(({ value }: Manifest) => value),
    );
}

/**
 * An analysis before the switch asks the Rollout's own preview, and one after it the Rollout's own active Service; of a canary,
 * whose active Service leads to both revisions, always the preview.
 */
const analysisAsksItsOwn: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object) => {
    const { blueGreen = {}, canary } = object.manifest.spec.strategy ?? {};
    const wanted = canary
      ? analysesOf(object.manifest).map((analysis) => [analysis, canary.canaryService])
      : [
          [blueGreen.prePromotionAnalysis, blueGreen.previewService],
          [blueGreen.postPromotionAnalysis, blueGreen.activeService],
        ];
    return wanted.flatMap(([analysis, service]) =>
      (analysis?.args ?? [])
        .filter(({ name, value }: Manifest) => name === 'service' && value !== service)
        .map(
          ({ value }: Manifest): Finding => ({
            object,
            message: `is judged by the answers of Service ${value}; ask ${service}`,
          }),
        ),
    );
  });

/** A monitor finds a Service with its port. */
const monitorsFindServices: Rule = (rendered) =>
  rendered.ofKind('ServiceMonitor').flatMap((object) => {
    const { endpoints } = object.manifest.spec;
    const found = servicesOf(rendered, object.manifest);
    return endpoints.flatMap(({ port }: Manifest): Finding[] => {
      const having = found.filter(({ manifest }) => manifest.spec.ports.some((each: Manifest) => each.name === port));
      if (having.length === 1) return [];
      return having.length === 0
        ? [missing(object, `a Service with port ${port}`, 'correct selector or port')]
        : [
            {
              object,
              message: `scrapes port ${port} of ${having.length} Services, and so twice; leave the port to one`,
            },
          ];
    });
  });

/** A binding gives a role that is there to an account that is there, both of this namespace. */
const bindingsFindTheirEnds: Rule = (rendered) =>
  rendered.ofKind('RoleBinding').flatMap((object): Finding[] => {
    const { metadata, roleRef, subjects } = object.manifest;
    const role = roleRef.kind === 'Role' && rendered.find('Role', roleRef.name);
    return [
      ...(role ? [] : [missing(object, `${roleRef.kind} ${roleRef.name}`)]),
      ...subjects
        .filter(
          ({ kind, name, namespace }: Manifest) =>
            kind !== 'ServiceAccount' || namespace !== metadata.namespace || !rendered.find('ServiceAccount', name),
        )
        .map(({ kind, name }: Manifest) => missing(object, `${kind} ${name} of this namespace`)),
    ];
  });

export const referenceRules: readonly Rule[] = [
  severalPodsHaveBudgets,
  monitorsFindServices,
  servicesLeadSomewhere,
  rolloutsHaveServices,
  routesReachServices,
  routersAreThere,
  policiesCoverPods,
  flowsHaveBothEnds,
  podsFindTheirThings,
  bindingsFindTheirEnds,
  scalersFindWorkloads,
  statefulSetsHaveServices,
  urlsReachServices,
  analysisAsksItsOwn,
];
