import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../promotion/cluster/kubernetes.ts';
import { healthCheckSchema } from '../../promotion/plan/policy.ts';
import { ask } from '../../promotion/run/check.ts';

/** What is served: a path → status, location, body. `/slow-start` answers with the old version twice. */
let asked = 0;
const server = createServer((request, response) => {
  asked += 1;
  const version = request.url === '/slow-start' && asked <= 2 ? '1' : '2';
  if (request.url === '/moved') response.writeHead(302, { location: '/there' });
  if (request.url === '/loop') response.writeHead(302, { location: '/loop' });
  response.end(JSON.stringify({ version: request.url === '/old' ? '1' : version }));
});
const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
let secure: ReturnType<typeof createTlsServer>;
const listening = (each: { listen: (port: number, host: string, done: () => void) => void }) =>
  new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve));
const portOf = (each: { address: () => unknown }) => (each.address() as AddressInfo).port;

beforeAll(async () => {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=other.example',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  secure = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end('ok'));
  await Promise.all([listening(server), listening(secure)]);
});
afterAll(() => {
  server.close();
  secure.close();
  rmSync(folder, { recursive: true });
});

async function verdictOf(url: string, more: object = {}) {
  asked = 0;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'none', server: 'https://127.0.0.1:1', skipTLSVerify: false },
    { name: 'nobody' },
  );
  const check = healthCheckSchema.parse({ name: 'x', target: { url }, intervalSeconds: 0.001, ...more });
  return ask(check, connect(config, 'x'), new AbortController().signal);
}
const at = (path: string) => `http://127.0.0.1:${portOf(server)}${path}`;

describe('a health check', () => {
  it('takes a redirect for an answer with its own status', async () => {
    expect(await verdictOf(at('/moved'))).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('302') });
    expect(await verdictOf(at('/moved'), { expect: { status: 302 } })).toMatchObject({ verdict: 'pass' });
  });

  it('follows as many redirects as the policy allows', async () => {
    expect(await verdictOf(at('/moved'), { redirects: 1 })).toMatchObject({ verdict: 'pass' });
    expect(await verdictOf(at('/loop'), { redirects: 3, tries: 1, samples: 1 })).toMatchObject({ verdict: 'fail' });
    expect(asked).toBe(4);
  });

  it('fails at a certificate that proves nothing, and says why', async () => {
    const verdict = await verdictOf(`https://127.0.0.1:${portOf(secure)}/`);
    expect(verdict).toMatchObject({ verdict: 'fail' });
    expect(verdict.reason).toContain('its certificate is refused');
  });

  it('is unknown when nobody answers', async () => {
    expect(await verdictOf('http://127.0.0.1:1/')).toMatchObject({ verdict: 'unknown' });
  });

  it('asks again while the old version answers, and never takes its answers for those of the new one', async () => {
    const version = { expect: { version: { value: '2' } } };
    expect(await verdictOf(at('/slow-start'), version)).toMatchObject({ verdict: 'pass' });
    expect(asked).toBe(5);
    expect(await verdictOf(at('/old'), version)).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringContaining('answered by version "1", not by 2 (5 tries)'),
    });
  });

  it('cannot follow what a Service redirects to', () => {
    const target = { service: 'web', port: 80, path: '/' };
    expect(() => healthCheckSchema.parse({ name: 'x', target, redirects: 1 })).toThrow('for a url only');
  });
});
