import { execFile } from 'node:child_process';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { HealthFinding } from '../../promotion/health/health.ts';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import { githubServer } from '../notify/servers.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy } from '../scripts/command-line.ts';
import { type Authority, authority, type KeyPair } from './certificates.ts';

// The real command against real servers on loopback, which answer for hosts that no DNS knows.

const HOST = 'api.shop.example';
const servers: Server[] = [];
let certificates: Authority;
/** What the servers below listen on. */
const ports: Record<string, number> = { nobody: 1 };

async function listen(name: string, server: Server): Promise<void> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports[name] = (server.address() as AddressInfo).port;
}

const api: RequestListener = ({ url }, response) => {
  if (url === '/page') return response.end('<html>ok</html>');
  if (url === '/never') return;
  if (url === '/half') return response.write('{"status":');
  if (url === '/moved') return response.writeHead(302, { location: '/api/health' }).end();
  if (url === '/ill') return response.writeHead(503).end('{"status":"error","version":"1.2.3"}');
  return response.end(JSON.stringify({ status: 'ok', version: '1.2.3' }));
};

beforeAll(async () => {
  certificates = authority();
  const secure = (pair: KeyPair) => createTlsServer(pair, api);
  await Promise.all([
    buildCommandLine(),
    listen('good', secure(certificates.issue(HOST, 60))),
    listen('soon', secure(certificates.issue(HOST, 5))),
    listen('expired', secure(certificates.issue(HOST, -3))),
    listen('other', secure(certificates.issue('other.example', 60))),
    listen('self', secure(certificates.selfSigned(HOST))),
    listen(
      'redirecting',
      createServer(({ url }, response) => {
        const location = url === '/elsewhere' ? 'https://evil.example/' : `https://${HOST}${url}`;
        response.writeHead(308, { location }).end();
      }),
    ),
    listen('plain', createServer(api)),
  ]);
});
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  certificates.remove();
  await cleanUp();
});

const healthy = { json: { status: 'ok' }, version: { value: '1.2.3' } };
type Path = NonNullable<PolicyInput['publicPaths']>[number];

/** What to ask of the server of that name, by the name of the path. */
const path = (name: string, server: string, at: string, more: Partial<Path> = {}): Path => ({
  name,
  url: `https://${HOST}:${ports[server]}${at}`,
  expect: healthy,
  ...more,
});
const from = (server: string, at: string) => ({ redirectFrom: `http://${HOST}:${ports[server]}${at}` });

function folderWithPolicy(policy: PolicyInput): Promise<string> {
  const metadata = { name: 'release-policy' };
  const data = { 'policy.yaml': dump(policy) };
  return folderWith({ 'policy.yaml': dump({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }) });
}

/** Runs the command over these paths, each of whose hosts is on loopback. */
async function run(policy: PolicyInput, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  const hosts = (policy.publicPaths ?? []).flatMap(({ url, redirectFrom = url }) => [url, redirectFrom]);
  const toLoopback = new Set(hosts.map((url) => `${HOST}:${new URL(url).port}:127.0.0.1`));
  const argv = [...toLoopback].flatMap((one) => ['--resolve', one]);
  const said = await moneywiseDeploy(
    ['health-check', '--manifests', await folderWithPolicy(policy), ...argv, ...args],
    { NODE_EXTRA_CA_CERTS: certificates.file, ...environment },
  );
  const events = () => said.stdout.split('\n').filter(Boolean);
  const findings = () => events().map((line) => JSON.parse(line).data as HealthFinding);
  const of = (name: string, aspect: HealthFinding['aspect']) =>
    findings().find((finding) => finding.path === name && finding.aspect === aspect);
  return { ...said, findings, of };
}

const check = (publicPaths: readonly Path[], ...args: string[]) =>
  run({ publicPaths: [...publicPaths] }, ['-o', 'json', ...args]);

describe('health-check', () => {
  it('ends with 0 where all is well, says which version answered, and warns of a certificate that soon runs out', async () => {
    const { code, findings, of } = await check([
      path('api', 'good', '/api/health', from('redirecting', '/api/health')),
      path('moved', 'good', '/moved', { redirects: 1 }),
      path('soon', 'soon', '/api/health'),
    ]);
    expect(findings().map(({ path, aspect, verdict }) => [path, aspect, verdict])).toEqual([
      ['api', 'answer', 'pass'],
      ['api', 'certificate', 'pass'],
      ['api', 'redirect', 'pass'],
      ['moved', 'answer', 'pass'],
      ['moved', 'certificate', 'pass'],
      ['soon', 'answer', 'pass'],
      ['soon', 'certificate', 'warning'],
    ]);
    expect(code).toBe(0);
    expect(of('api', 'answer')).toMatchObject({ version: '1.2.3', milliseconds: expect.any(Number) });
    expect(of('api', 'certificate')?.message).toMatch(/^api\.shop\.example:\d+: for (59|60) days; of Test Authority,/);
    expect(of('soon', 'certificate')?.message).toMatch(/runs out in [45] days: renew it/);
  });

  it('opens an incident with --notify while something is not well, and closes it when all is', async () => {
    const github = await githubServer('moneywise/moneywise', 'token', Date.now);
    onTestFinished(github.close);
    const told = (at: string, ...args: string[]) =>
      run(
        {
          release: 'production',
          publicPaths: [path('api', 'good', at)],
          notifications: { github: { repository: 'moneywise/moneywise', api: github.url } },
        },
        args,
        { MONEYWISE_GITHUB_TOKEN: 'token' },
      );
    expect((await told('/ill')).code).toBe(1);
    expect(github.issues).toEqual([]);
    expect((await told('/ill', '--notify')).code).toBe(1);
    expect(github.issues).toMatchObject([
      { state: 'open', title: 'production: api answer: status 503 instead of 200' },
    ]);
    expect(github.issues[0]?.body).toMatch(/1 not well\n[\s\S]*npx moneywise-deploy status production/);
    expect((await told('/api/health', '--notify')).code).toBe(0);
    expect(github.issues).toMatchObject([{ state: 'closed' }]);
  });

  describe('at what is not well', () => {
    let bad: Awaited<ReturnType<typeof check>>;
    beforeAll(async () => {
      bad = await check([
        path('page', 'good', '/page'),
        path('version', 'good', '/api/health', { expect: { version: { value: '2.0.0' } } }),
        path('ill', 'good', '/ill'),
        path('moved', 'good', '/moved'),
        path('expired', 'expired', '/api/health'),
        path('other', 'other', '/api/health'),
        path('self', 'self', '/api/health'),
        path('plain', 'good', '/api/health', from('plain', '/api/health')),
        path('elsewhere', 'good', '/api/health', from('redirecting', '/elsewhere')),
        path('nobody', 'nobody', '/api/health'),
      ]);
    });

    it('ends with 1', () => expect(bad.code).toBe(1));

    it.each([
      ['page', 'a page where JSON is expected', /the body is not JSON: "<html>ok/],
      ['version', 'another version', /answered by version "1.2.3", not by 2.0.0/],
      ['ill', 'a bad status', /status 503 instead of 200/],
      ['moved', 'a redirect that is not expected', /status 302 instead of 200/],
    ])('finds what is wrong with an answer: %s, %s', (name, _, message) => {
      expect(bad.of(name, 'answer')).toMatchObject({ verdict: 'fail', message: expect.stringMatching(message) });
      expect(bad.of(name, 'certificate')).toMatchObject({ verdict: 'pass' });
    });

    it.each([
      ['expired', 'one that is over', /it has expired \(CERT_HAS_EXPIRED\); of Test Authority, valid until/],
      ['other', 'that of another host', /Host: api\.shop\.example\. is not in .*other\.example/],
      ['self', 'one that signed itself', /signed by itself \(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
    ])('finds a bad certificate, and still tells what answers behind it: %s, %s', (name, _, message) => {
      expect(bad.of(name, 'certificate')).toMatchObject({ verdict: 'fail', message: expect.stringMatching(message) });
      expect(bad.of(name, 'answer')).toMatchObject({ verdict: 'pass', version: '1.2.3' });
    });

    it.each([
      ['plain', 'is not sent on', /answers 200, not to HTTPS/],
      ['elsewhere', 'is sent to another host', /leads to https:\/\/evil\.example\/, not to HTTPS on the same host/],
    ])('finds plain HTTP that %s', (name, _, message) => {
      expect(bad.of(name, 'redirect')).toMatchObject({ verdict: 'fail', message: expect.stringMatching(message) });
    });

    it('says why there is no answer', () => {
      expect(bad.findings().filter(({ path }) => path === 'nobody')).toMatchObject([
        { aspect: 'answer', verdict: 'fail', message: expect.stringMatching(/^no answer: .*ECONNREFUSED/) },
      ]);
    });
  });

  it('ends with 1 when no answer comes whole in time', async () => {
    const { code, findings } = await check(
      [path('never', 'good', '/never'), path('half', 'good', '/half')],
      '--timeout',
      '0.3',
    );
    const message = 'no answer: nothing whole within 0.3 s';
    expect(findings()).toMatchObject([
      { path: 'never', verdict: 'fail', message },
      { path: 'half', verdict: 'fail', message },
    ]);
    expect(code).toBe(1);
  });

  it('asks the health checks that go by URL of a folder that names no public paths', async () => {
    const url = `http://127.0.0.1:${ports.plain}/api/health`;
    const healthChecks = [
      { name: 'own', target: { url }, expect: healthy },
      { name: 'inside', target: { service: 'web', port: 80, path: '/' } },
    ];
    const { code, findings } = await run({ healthChecks }, ['-o', 'json']);
    expect(findings()).toMatchObject([{ path: 'own', verdict: 'pass' }]);
    expect(code).toBe(0);
  });

  it('shows people a table', async () => {
    const { stdout } = await run({ publicPaths: [path('api', 'good', '/page')] });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^✖ api {2}answer {7}the body is not JSON: "<html>ok<\/html>", \d+ ms$/),
      expect.stringMatching(/^✔ api {2}certificate {2}api\.shop\.example:\d+: for \d+ days; of Test Authority/),
      '',
      '1 well, 0 to look at, 1 not well',
      '',
    ]);
  });

  it.each([
    ['an address without its port', ['--resolve', 'a.example:127.0.0.1'], /must be HOST:PORT:ADDRESS/],
    [
      'an address for a host that nobody asks',
      ['--resolve', 'a.example:443:::1'],
      /a\.example:443 is of no path: they/,
    ],
    ['no days', ['--warn-days', ''], /must be a number of days/],
  ])('refuses %s', async (_, args, message) => {
    const { code, stderr } = await check([path('api', 'good', '/')], ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('refuses a folder that names nothing to ask', async () => {
    const { code, stderr } = await run({});
    expect([code, stderr]).toEqual([2, expect.stringContaining('names no public path to ask: add publicPaths')]);
  });
});

it('scripts/health-check.sh is the same command, from any folder', async () => {
  const script = join(process.cwd(), 'scripts', 'health-check.sh');
  const failure = await promisify(execFile)(script, ['nope'], { cwd: tmpdir() }).catch((error) => error);
  expect(failure).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown overlay "nope": dist/ has development, production, staging'),
  });
});
