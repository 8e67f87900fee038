import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type RequestOptions, request as send } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { newFolder } from './folder.ts';

/** A way to the API server of the kubeconfig in use that every request can be met on. */
export interface Proxy {
  /** A kubeconfig that goes through it. */
  readonly kubeconfig: string;
  readonly close: () => void;
}

/** Opens one; `meet` hears of each request before the API server does, and keeps it from it by `'lose'`. */
export async function openProxy(
  meet: (request: IncomingMessage, body: string) => Promise<'lose' | undefined>,
): Promise<Proxy> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const target: RequestOptions = {};
  await config.applyToHTTPSOptions(target);
  const { hostname, port } = new URL(config.getCurrentCluster()?.server ?? '');
  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    const fate = await meet(request, body);
    const { host: _, ...asked } = request.headers;
    // Clients in Go send no credentials on a line that is not encrypted.
    const headers = { ...target.headers, ...asked };
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
  const kubeconfig = join(await newFolder('kubeconfig'), 'config');
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(kubeconfig, JSON.stringify(pointedAt(config, here)));
  return {
    kubeconfig,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
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
