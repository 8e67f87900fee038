import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { authority } from '../../test/health/certificates.ts';
import { kubectl } from './kubectl.ts';

/** Where this process can be reached from everywhere in the testbed. */
const HERE = '10.89.0.1';

/** The public front of some environments, in the place of an Ingress controller: HTTPS, names, and a way to the active Services. */
export interface Front {
  /** The hosts of an environment, known to the testbed's DNS. */
  readonly hostsOf: (environment: string) => Hosts;
  /** The file with the authority of its certificates. */
  readonly authority: string;
  readonly close: () => Promise<void>;
}

export interface Hosts {
  readonly web: string;
  readonly api: string;
  readonly preview: string;
}

const NAMESPACE = 'front';
const hostsOf = (environment: string): Hosts => {
  const host = (name: string) => `${name}-${environment}.${NAMESPACE}.svc.cluster.local`;
  return { web: host('web'), api: host('api'), preview: host('preview') };
};

/** Opens the front of these environments: name → namespace. Every request has a connection of its own to its Service. */
export async function openFront(environments: Readonly<Record<string, string>>): Promise<Front> {
  const certificates = authority();
  const hosts = new Map<string, { namespace: string; isApi: boolean }>();
  for (const [name, namespace] of Object.entries(environments)) {
    const { web, api } = hostsOf(name);
    hosts.set(web, { namespace, isApi: false }).set(api, { namespace, isApi: true });
  }
  await announce([...hosts.keys()]);
  const contexts = new Map([...hosts.keys()].map((host) => [host, createSecureContext(certificates.issue(host, 60))]));
  const servers: Server[] = [
    createSecureServer({ SNICallback: (name, done) => done(null, contexts.get(name)) }, (asked, answer) => {
      const to = hosts.get(hostOf(asked));
      const isBackend = to?.isApi || asked.url?.startsWith('/api');
      const [service, port] = isBackend ? ['backend', 3001] : ['web', 3000];
      if (to) passOn(asked, answer, `http://${service}.${to.namespace}.svc.cluster.local:${port}`);
      else answer.writeHead(404).end();
    }),
    createServer((asked, answer) => {
      answer.writeHead(308, { location: `https://${hostOf(asked)}${asked.url}` }).end();
    }),
  ];
  await Promise.all(servers.map((server, at) => listening(server, at === 0 ? 443 : 80)));
  return {
    hostsOf,
    authority: certificates.file,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      certificates.remove();
      await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
    },
  };
}

const hostOf = ({ headers }: IncomingMessage): string => headers.host?.replace(/:\d+$/, '') ?? '';

const listening = (server: Server, port: number) =>
  new Promise<void>((done, failed) => server.once('error', failed).listen(port, HERE, done));

function passOn(asked: IncomingMessage, answer: ServerResponse, to: string): void {
  const onward = request(new URL(asked.url ?? '/', to), { agent: false, timeout: 5000 }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  onward.on('timeout', () => onward.destroy(new Error('no answer')));
  onward.on('error', () => answer.headersSent || answer.writeHead(502).end());
  onward.end();
}

/** Gives the hosts to the cluster's DNS: a Service without a selector, whose only endpoint is this process. */
async function announce(hosts: readonly string[]): Promise<void> {
  const items = hosts.flatMap((host) => {
    const metadata = { name: host.split('.')[0], namespace: NAMESPACE };
    const ports = [{ name: 'https', port: 443 }];
    return [
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None', ports } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [HERE], conditions: { ready: true } }],
        ports: [{ name: 'https', port: 443 }],
      },
    ];
  });
  await kubectl(['create', 'namespace', NAMESPACE]);
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}
