import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../promotion/cluster/kubernetes.ts';

// Every deadline and every age is told by the cluster's clock: the machine that promotes may be minutes off.

let ahead = 0;
const server = createServer((_, response) => {
  response.setHeader('date', new Date(Date.now() + ahead).toUTCString());
  response.setHeader('content-type', 'application/json');
  response.end('{}');
});
beforeEach(() => new Promise<void>((listens) => void server.listen(0, '127.0.0.1', listens)));
afterEach(() => new Promise((closed) => void server.close(closed)));

it.each([-600_000, 0, 600_000])('the time is that of the API server, %d ms ahead of this machine', async (off) => {
  ahead = off;
  const config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser(
    { name: 'local', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  );
  const cluster = connect(config, 'shop');
  await cluster.ask('GET', '/version');
  // The header is told to a second.
  expect(Math.abs(cluster.now().getTime() - Date.now() - off)).toBeLessThanOrEqual(2000);
  server.closeAllConnections();
});
