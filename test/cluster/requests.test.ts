import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connect } from '../../promotion/cluster/kubernetes.ts';
import { type Cluster, CONFIG_MAPS } from '../../promotion/cluster/port.ts';

// What only the API server can do for a promotion, it has to be asked for in the right words.

interface Heard {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly accept: string | undefined;
  readonly body: unknown;
}

let heard: Heard[] = [];
let answer = { status: 200, body: {} };
let cluster: Cluster;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString('utf8');
    const { method, url, headers } = request;
    heard.push({ method, url, accept: headers.accept, body: text === '' ? undefined : JSON.parse(text) });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
});
beforeAll(async () => {
  await new Promise<void>((listens) => void server.listen(0, '127.0.0.1', listens));
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  const at = { name: 'local', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  config.loadFromClusterAndUser(at, { name: 'nobody' });
  cluster = connect(config, 'shop');
});
beforeEach(() => {
  heard = [];
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => void server.close(closed));
});

it('a list of metadata asks for nothing else, and its objects know what they are', async () => {
  answer = { status: 200, body: { metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'a' } }] } };
  expect(await cluster.listMetadata(CONFIG_MAPS)).toEqual([
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } },
  ]);
  expect(heard).toMatchObject([
    {
      method: 'GET',
      url: '/api/v1/namespaces/shop/configmaps',
      accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    },
  ]);
});

it.each([[{ uid: 'u' }], [{ uid: 'u', resourceVersion: '7' }]])(
  'a delete names what it was decided on: %j',
  async (preconditions) => {
    answer = { status: 200, body: {} };
    await cluster.remove(CONFIG_MAPS, 'a', preconditions);
    expect(heard).toMatchObject([{ method: 'DELETE', url: '/api/v1/namespaces/shop/configmaps/a' }]);
    expect(heard[0]?.body).toEqual({ preconditions, propagationPolicy: 'Background' });
  },
);

it.each([
  [404, 'is done'],
  [409, 'precondition'],
])('a delete that is answered with %d %s', async (status, expected) => {
  answer = { status, body: { message: 'no' } };
  const said = cluster.remove(CONFIG_MAPS, 'a', { uid: 'u', resourceVersion: '7' }).then(
    () => 'is done',
    ({ code }) => code,
  );
  expect(await said).toBe(expected);
});
