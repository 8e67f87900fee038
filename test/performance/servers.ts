import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const servers: Server[] = [];

/** The URL of a server on loopback that answers so, until `closeServers`. */
export async function serverThat(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The URL of a port on which nobody listens. */
export async function nobody(): Promise<string> {
  const url = await serverThat(() => {});
  await closed(servers.pop());
  return url;
}

export async function closeServers(): Promise<void> {
  await Promise.all(servers.splice(0).map(closed));
}

async function closed(server: Server | undefined): Promise<void> {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
}

/** Answers after so many milliseconds, as `status`. */
export const answers = (
  milliseconds: (count: number) => number,
  status: (count: number) => number = () => 200,
): RequestListener => {
  let count = 0;
  return (_, response) => {
    const at = count++;
    setTimeout(() => response.writeHead(status(at)).end('{}'), milliseconds(at));
  };
};
