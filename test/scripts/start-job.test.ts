import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { manifests } from '../promotion/simulated.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy } from './command-line.ts';

// What the Jobs of a promoter in the cluster call, against a server that speaks as much of the API as they need.

/** Names of the Jobs that there are. */
const jobs = new Set<string>();
let isFull = false;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const answer = (status: number, content: object) => response.writeHead(status).end(JSON.stringify(content));
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (!path.startsWith('/apis/batch/v1/namespaces/shop/jobs')) return answer(404, { message: `no ${path}` });
    if (request.method === 'GET') return answer(jobs.has(path.split('/').at(-1) ?? '') ? 200 : 404, {});
    const { name } = JSON.parse(body).metadata;
    if (isFull) return answer(403, { message: 'jobs.batch is forbidden: exceeded quota' });
    if (jobs.has(name)) return answer(409, { message: `jobs.batch "${name}" already exists` });
    jobs.add(name);
    return answer(201, JSON.parse(body));
  });
});
let kubeconfig: string;

beforeAll(async () => {
  await Promise.all([buildCommandLine(), new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))]);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    clusters: [{ name: 'a', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: { token: 'x' } }],
  };
  kubeconfig = join(await folderWith({ config: JSON.stringify(config) }), 'config');
});
beforeEach(() => {
  jobs.clear();
  isFull = false;
});
afterAll(async () => {
  server.close();
  await cleanUp();
});

const job = JSON.stringify({ kind: 'Job', metadata: { name: 'promote-1', namespace: 'shop' } });
const start = (manifest: string, by: string) =>
  moneywiseDeploy(['start-job', '--for', by, manifest], { KUBECONFIG: kubeconfig });

describe('start-job', () => {
  it('makes one Job for whoever asks, however often, and another for another', async () => {
    expect(await start(job, 'aaaa1111-x')).toMatchObject({ code: 0, stdout: 'Job shop/promote-1-aaaa1111 made\n' });
    expect(await start(job, 'aaaa1111-x')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is there already'),
    });
    expect([...jobs]).toEqual(['promote-1-aaaa1111']);
    expect((await start(job, 'bbbb2222-x')).code).toBe(0);
    expect([...jobs]).toEqual(['promote-1-aaaa1111', 'promote-1-bbbb2222']);
  });

  it.each([
    ['what is no JSON', 'x', 'aaaa1111', /the manifest is not JSON/],
    ['what is no Job', '{"kind":"Pod"}', 'aaaa1111', /the manifest is no Job/],
    ['nobody', job, '', /must be the uid of an object/],
  ])('refuses %s', async (_, manifest, by, message) => {
    const { code, stderr } = await start(manifest, by);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(jobs.size).toBe(0);
  });

  it('fails when the Job is not made', async () => {
    isFull = true;
    const { code, stderr } = await start(job, 'aaaa1111');
    expect([code, stderr]).toEqual([2, expect.stringContaining('exceeded quota')]);
  });
});

it('--result leaves the last event in a file, for who reads it when the process is gone', async () => {
  const items = manifests('v1').map((object) => ({ ...object, metadata: { ...object.metadata, namespace: 'shop' } }));
  const folder = await folderWith({ 'release.json': JSON.stringify({ kind: 'List', items }) });
  const file = join(folder, 'result.txt');
  const args = ['promote', '--manifests', folder, '--evidence', folder, '-o', 'json', '--result', file];
  const { code, stdout } = await moneywiseDeploy(args, { KUBECONFIG: kubeconfig });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  expect(await readFile(file, 'utf8')).toBe(`${last}\n`);
  expect(JSON.parse(last)).toMatchObject({ code: 'RESULT', data: { exitCode: code } });
});
