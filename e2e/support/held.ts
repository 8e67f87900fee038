import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type RequestOptions, request as send } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { RunEvent } from '../../promotion/report/events.ts';
import { newFolder } from './folder.ts';
import { carryOut, type Promotion, type Signal } from './promoter.ts';

/**
 * Hears of a write of the promoter before the API server does, and can do something else first; `'lose'` keeps it from
 * the API server. A write is named by its act and what it is for: `promote backend`, `abort web`, `end-hold web`, `retire backend`,
 * `point-service web`, `journal switching`.
 */
export type BeforeWrite = (write: string, signal: Signal) => Promise<'lose' | undefined>;

/** Does something once, before the first write of that name. */
export function justBefore(wanted: string, act: (signal: Signal) => Promise<unknown> | unknown): BeforeWrite {
  let met = false;
  return async (write, signal) => {
    if (met || write !== wanted) return undefined;
    met = true;
    return (await act(signal)) === 'lose' ? 'lose' : undefined;
  };
}

/** Kills the promoter when it is about to write that, which then never reaches the API server. */
export const killedBefore = (wanted: string): BeforeWrite =>
  justBefore(wanted, (signal) => {
    signal('SIGKILL');
    return 'lose';
  });

/**
 * Runs `promote` as `promoter.ts` does, with all its requests passing through here, so that what happens between its
 * judgement and its write is not left to chance. Throws what `beforeWrite` throws, at the end.
 */
export async function promoteHeld(
  folder: string,
  beforeWrite: BeforeWrite,
  args: readonly string[] = [],
  at: (event: RunEvent, signal: Signal) => void = () => {},
): Promise<Promotion> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const target: RequestOptions = {};
  await config.applyToHTTPSOptions(target);
  const { hostname, port } = new URL(config.getCurrentCluster()?.server ?? '');
  let signal: Signal = () => {};
  let problem: unknown;
  const meet = (write: string) =>
    beforeWrite(write, (s) => signal(s)).catch((error: unknown) => {
      problem ??= error;
      return undefined;
    });

  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    const fate = request.method === 'GET' ? undefined : await meet(nameOf(request, body));
    const { host: _, ...headers } = request.headers;
    const onward = {
      ...target,
      agent: false,
      hostname,
      port,
      method: request.method,
      path: request.url,
      headers,
    } as const;
    if (fate === 'lose' || response.destroyed) request.socket.destroy();
    else passOn(response, onward, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeconfig = join(await newFolder('kubeconfig'), 'config');
    await writeFile(kubeconfig, JSON.stringify(pointedAt(config, here)));
    const promotion = await carryOut('promote', folder, ['--kubeconfig', kubeconfig, ...args], at, (s) => {
      signal = s;
    });
    if (problem) throw problem;
    return promotion;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function passOn(response: ServerResponse, options: RequestOptions, body: string): void {
  const onward = send(options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch that nothing has happened in yet has answered all the same.
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.end(body);
}

function pointedAt(config: KubeConfig, server: string): object {
  const exported = JSON.parse(config.exportConfig()) as { clusters: { name: string }[] };
  const clusters = exported.clusters.map(({ name }) => ({
    name,
    cluster: { server, 'insecure-skip-tls-verify': true },
  }));
  return { ...exported, clusters };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

interface Operation {
  readonly path: string;
  readonly value?: unknown;
}

/** The name of a write, from its request. */
function nameOf({ method, url }: IncomingMessage, body: string): string {
  const [, kind = '', name = ''] = /\/namespaces\/[^/]+\/([^/?]+)(?:\/([^/?]+))?/.exec(url ?? '') ?? [];
  const json: unknown = body ? JSON.parse(body) : [];
  const operations = (Array.isArray(json) ? json : []) as Operation[];
  const at = (path: string) => operations.find((operation) => operation.path === path);
  const last = operations.at(-1);
  const data = at('/data');
  if (kind === 'configmaps' && data) {
    const { 'journal.json': journal } = data.value as { 'journal.json': string };
    return `journal ${(JSON.parse(journal) as { phase: string }).phase}`;
  }
  const member = kind === 'rollouts' || kind === 'services' ? name : (name.split('-')[0] ?? '');
  switch (last?.path) {
    case '/status/pauseConditions':
      return `promote ${member}`;
    case '/status/abort':
      return `${last.value ? 'abort' : 'retry'} ${member}`;
    case '/spec/terminate':
      return `end-hold ${member}`;
    case '/spec/selector':
      return `point-service ${member}`;
    case '/spec/template':
      return `restore-template ${member}`;
    case '/spec/replicas':
      return `retire ${member}`;
    default:
      return `${method} ${kind} ${name}`;
  }
}
