import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { KubeConfig, type Cluster as KubernetesCluster, Watch } from '@kubernetes/client-node';
import { Agent as UndiciAgent, request as undiciRequest } from 'undici';
import { UsageError } from '../plan/usage.ts';
import type { KubeObject } from './objects.ts';
import {
  type Causes,
  type Cluster,
  ClusterError,
  type ClusterErrorCode,
  FIELD_MANAGER,
  type HttpTarget,
  RESOURCES,
  type Resource,
  undefinedIfNotFound,
} from './port.ts';

export interface ConnectOptions {
  /** Path of a kubeconfig. @default $KUBECONFIG, then ~/.kube/config, then the pod's own ServiceAccount */
  readonly kubeconfig?: string;
  /** Name of a context in it. @default its current context */
  readonly context?: string;
}

/** How long one request may take, in milliseconds. */
const REQUEST_TIMEOUT = 15_000;
/** How long a watch lasts before the server ends it and everything is listed anew, in seconds. */
const WATCH_SECONDS = 300;
/** How long credentials are used before they are asked for again (a kubeconfig's exec plugin may rotate them), in milliseconds. */
const CREDENTIALS_TTL = 60_000;

/** Reads the kubeconfig. Throws `UsageError` when there is none, or not that context. */
export function loadKubeconfig({ kubeconfig, context }: ConnectOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
  } catch (error) {
    throw new UsageError(
      `kubeconfig ${kubeconfig ?? process.env.KUBECONFIG ?? ''} cannot be read: ${(error as Error).message.split('\n')[0]}`,
    );
  }
  if (context) {
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map((c) => c.name);
      throw new UsageError(`kubeconfig has no context "${context}": it has ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(context);
  }
  if (config.getCurrentContext() === NO_KUBECONFIG)
    throw new UsageError('no kubeconfig: pass --kubeconfig, set KUBECONFIG, or write ~/.kube/config');
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new UsageError('the kubeconfig names no cluster: pass --kubeconfig or --context');
  checkServer(cluster);
  return config;
}

/** What the client library calls the context that it makes up when it finds no kubeconfig anywhere. */
const NO_KUBECONFIG = 'loaded-context';

function checkServer({ name, server, skipTLSVerify }: KubernetesCluster): void {
  const at = `kubeconfig: cluster ${name}: server ${JSON.stringify(server)}`;
  const protocol = URL.canParse(server) ? new URL(server).protocol : '';
  if (protocol === 'https:' || (protocol === 'http:' && skipTLSVerify)) return;
  throw new UsageError(
    protocol === 'http:'
      ? `${at} is not encrypted: use https, or say insecure-skip-tls-verify: true if that is meant`
      : `${at} is no address: it must be a URL such as https://127.0.0.1:6443`,
  );
}

/** The media type of an object without its data, but with who set which field of it. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** The codes by which Node and OpenSSL refuse a server's certificate. */
const CERTIFICATE =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|(DEPTH_ZERO_)?SELF_SIGNED_CERT.*|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF).*|CERT_.*|INVALID_(CA|PURPOSE))$/;

/** A real cluster: the port, and what those ask who look beyond a release and its namespace. */
export interface RealCluster extends Cluster {
  /** One request for any path; media types to send and to answer in are JSON by default. Throws `ClusterError`. */
  readonly ask: <T>(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    more?: { body?: object; contentType?: string; accept?: string },
  ) => Promise<T>;
}

/** The port's adapter to a real cluster, for the objects of one namespace. */
export function connect(config: KubeConfig, namespace: string): RealCluster {
  const server = config.getCurrentCluster()?.server ?? '';
  let requests = 0;
  /** How far the cluster's clock is ahead of this machine's, in milliseconds, as far as answers tell (to a second). */
  let ahead = 0;
  let session: { readonly options: RequestOptions; readonly until: number } | undefined;

  /** Credentials, and one agent for all requests: a connection of its own for each would cost a TLS handshake. */
  async function sessionOptions(): Promise<RequestOptions> {
    if (session && session.until > Date.now()) return session.options;
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      // A file that is gone, or a login plugin that fails.
      throw new ClusterError(
        'unauthenticated',
        `the credentials of kubeconfig context ${config.getCurrentContext()} cannot be read: ${(error as Error).message}`,
      );
    }
    if (!config.getCurrentCluster()?.proxyUrl) {
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const tls = Object.fromEntries(
        Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }).filter(
          ([, v]) => v !== undefined,
        ),
      );
      options.agent =
        session?.options.agent ??
        (server.startsWith('https:') ? new HttpsAgent({ keepAlive: true, ...tls }) : new Agent({ keepAlive: true }));
    }
    session = { options, until: Date.now() + CREDENTIALS_TTL };
    return options;
  }

  async function call(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
    timeout = REQUEST_TIMEOUT,
    accept = 'application/json',
  ) {
    requests += 1;
    const options = await sessionOptions();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(server.replace(/\/$/, '') + path);
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new ClusterError(
            'unreachable',
            `${server} does not answer: ${error.message || (error as NodeJS.ErrnoException).code}`,
            { isRefused: ['ECONNREFUSED', 'ENOTFOUND'].includes((error as NodeJS.ErrnoException).code ?? '') },
          ),
        );
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(
        url,
        {
          ...options,
          method,
          timeout,
          headers: {
            ...(options.headers as Record<string, string>),
            accept,
            ...(payload === undefined
              ? {}
              : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        (response: IncomingMessage) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', fail);
          const clock = Date.parse(response.headers.date ?? '');
          const difference = clock + 500 - Date.now();
          ahead = Number.isNaN(clock) || Math.abs(difference) < 2000 ? 0 : difference;
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      request.on('error', fail);
      request.end(payload);
    });
  }

  async function api<T>(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
    accept?: string,
  ): Promise<T> {
    const { status, text } = await call(method, path, body, contentType, REQUEST_TIMEOUT, accept);
    // An API server's refusals are JSON or one plain line; a page is from a proxy or a portal before it.
    if (status >= 400 && !text.trimStart().startsWith('<'))
      throw new ClusterError(codeOf(status), `${method} ${path.split('?')[0]}: ${messageIn(text)} (${status})`, {
        causes: causesIn(text),
      });
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new ClusterError(
        'unreachable',
        `${server} answers ${path.split('?')[0]} with something that is not JSON (${status}): is this the API server?`,
      );
    }
  }

  const collection = ({ group, version, plural }: Resource) =>
    `${group === '' ? `/api/${version}` : `/apis/${group}/${version}`}/namespaces/${encodeURIComponent(namespace)}/${plural}`;

  async function listAs(resource: Resource, accept?: string) {
    const list = await api<{ items: KubeObject[]; metadata: { resourceVersion: string } }>(
      'GET',
      `${collection(resource)}${resource.only === undefined ? '' : `?${new URLSearchParams(named(resource.only))}`}`,
      undefined,
      undefined,
      accept,
    );
    // Items of a list come without their kind.
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
    return {
      items: list.items.map((item) => ({ ...item, apiVersion, kind: resource.kind })),
      resourceVersion: list.metadata.resourceVersion,
    };
  }

  return {
    namespace,
    ask: (method, path, { body, contentType, accept } = {}) => api(method, path, body, contentType, accept),
    requests: () => requests,
    now: () => new Date(Date.now() + ahead),
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const over = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', over);
          resolve();
        };
        const timer = setTimeout(over, milliseconds);
        signal?.addEventListener('abort', over);
        if (signal?.aborted) over();
      }),
    list: (resource) => listAs(resource),
    listMetadata: async (resource) => (await listAs(resource, METADATA_LIST)).items,
    get: (resource, name) => api('GET', `${collection(resource)}/${encodeURIComponent(name)}`),
    exists: (resource, name) =>
      api('GET', `${collection(resource)}/${encodeURIComponent(name)}`, undefined, undefined, METADATA_ONLY).then(
        () => true,
        (error) => {
          undefinedIfNotFound(error);
          return false;
        },
      ),
    patch: (resource, name, patch, subresource) =>
      api(
        'PATCH',
        `${collection(resource)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}?fieldManager=${FIELD_MANAGER}`,
        patch,
        'application/json-patch+json',
      ),
    create: (resource, object) => api('POST', `${collection(resource)}?fieldManager=${FIELD_MANAGER}`, object),
    async remove(resource, name, preconditions) {
      const options = { preconditions, propagationPolicy: 'Background' };
      await api('DELETE', `${collection(resource)}/${encodeURIComponent(name)}`, options).catch((error) => {
        if (!(error instanceof ClusterError && error.code === 'not-found')) throw error;
      });
    },
    watch(resource, resourceVersion, on, signal) {
      requests += 1;
      let error: ClusterError | undefined;
      let stop: () => void = () => {};
      new Watch(config)
        .watch(
          collection(resource),
          {
            resourceVersion,
            timeoutSeconds: WATCH_SECONDS,
            allowWatchBookmarks: false,
            ...(resource.only === undefined ? {} : named(resource.only)),
          },
          (type: string, object: KubeObject & { code?: number; message?: string }) => {
            if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') on({ type, object });
            else if (type === 'ERROR')
              error = new ClusterError(codeOf(object.code ?? 500), object.message ?? 'watch error');
          },
          (failure: (Error & { statusCode?: number }) | null) => {
            signal.removeEventListener('abort', stop);
            const reason =
              failure && failure.name !== 'AbortError'
                ? new ClusterError(codeOf(failure.statusCode ?? 503), failure.message)
                : error;
            on({ type: 'END', ...(reason ? { error: reason } : {}) });
          },
        )
        .then((controller) => {
          stop = () => controller.abort();
          if (signal.aborted) stop();
          // A watch that ended before it was known here aborts its own signal.
          else if (!controller.signal.aborted) signal.addEventListener('abort', stop);
        });
    },
    async logs(pod, container, { lines, previous = false }) {
      const query = new URLSearchParams({ container, tailLines: String(lines), timestamps: 'true' });
      if (previous) query.set('previous', 'true');
      const path = `${collection(RESOURCES.pods)}/${encodeURIComponent(pod)}/log`;
      const { status, text } = await call('GET', `${path}?${query}`, undefined, undefined, REQUEST_TIMEOUT, '*/*');
      if (status < 400) return text;
      throw new ClusterError(codeOf(status), `GET ${path}: ${messageIn(text)} (${status})`);
    },
    async http(target: HttpTarget, timeout) {
      if ('service' in target) {
        const { scheme, service, port, path } = target;
        const place = encodeURIComponent(target.namespace ?? namespace);
        const answer = await call(
          'GET',
          `/api/v1/namespaces/${place}/services/${scheme === 'https' ? 'https:' : ''}${service}:${port}/proxy${path}`,
          undefined,
          undefined,
          timeout,
        );
        return { status: answer.status, body: answer.text };
      }
      const dispatcher = new UndiciAgent({ connect: { timeout } });
      try {
        const { statusCode, body, headers } = await undiciRequest(target.url, {
          reset: true,
          // What a cache on the way has kept is not what runs now.
          headers: { 'cache-control': 'no-cache' },
          dispatcher,
          signal: AbortSignal.timeout(timeout),
        });
        const location = [headers.location].flat()[0];
        return { status: statusCode, body: await body.text(), ...(location === undefined ? {} : { location }) };
      } catch (error) {
        const { message, code } = error as Error & { code?: string };
        if (CERTIFICATE.test(code ?? ''))
          throw new ClusterError('untrusted', `its certificate is refused: ${message} (${code})`);
        throw new ClusterError('unreachable', `no answer: ${message || code}`);
      } finally {
        await dispatcher.close();
      }
    },
  };
}

/** What asks for the object of that name alone. */
function named(name: string) {
  return { fieldSelector: `metadata.name=${name}` };
}

function codeOf(status: number): ClusterErrorCode {
  if (status === 404) return 'not-found';
  if (status === 409 || status === 422) return 'precondition';
  if (status === 410) return 'gone';
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status === 429 || status >= 500 ? 'unreachable' : 'rejected';
}

/** The message of a `Status` answer, or the beginning of whatever came instead. */
function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200).trim();
  }
}

/** What a `Status` answer names as the causes of a refusal. */
function causesIn(text: string): Causes {
  try {
    return (JSON.parse(text) as { details?: { causes?: Causes } }).details?.causes ?? [];
  } catch {
    return [];
  }
}
