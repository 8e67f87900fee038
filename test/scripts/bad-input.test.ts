import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { readPlan } from '../../promotion/plan/folder.ts';
import { UsageError } from '../../promotion/plan/usage.ts';
import { manifests } from '../promotion/simulated.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy, type Said } from './command-line.ts';

// One clear error that names the value and the fix: on the real command line, and of every kind of bad folder.

const STACK = /^\s+at .+/m;

beforeAll(buildCommandLine);
afterAll(cleanUp);

/** A usage error: exit code 2, nothing on stdout, one message on stderr. */
function expectUsageError({ code, stdout, stderr }: Said, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(STACK);
  expect(stderr.match(/error: /g)).toHaveLength(1);
  expect([code, stdout]).toEqual([2, '']);
}

describe.concurrent('a call that makes no sense', () => {
  it.each([
    ['an unknown command', ['nope'], /unknown command 'nope'\n.*--help/],
    ['an unknown option', ['promote', 'staging', '--force'], /unknown option '--force'\n.*--help/],
    ['an unknown overlay', ['promote', 'nope'], /unknown overlay "nope": dist\/ has development, production, staging/],
    ['a path as overlay', ['promote', '../dist/staging'], /unknown overlay "..\/dist\/staging"/],
    ['neither overlay nor folder', ['promote'], /name an overlay \(dist\/ has .*\) or a folder with --manifests/],
    ['both', ['promote', 'staging', '--manifests', 'x'], /overlay "staging" and --manifests x are both given/],
    ['a second overlay', ['promote', 'staging', 'production'], /too many arguments for 'promote'/],
    ['an unknown format', ['promote', 'staging', '-o', 'xml'], /argument 'xml' is invalid.*tty, plain, json/],
    ...['0', 'soon'].map(
      (value) =>
        [
          `--timeout ${value}`,
          ['promote', 'staging', `--timeout=${value}`],
          /'--timeout <seconds>'.*is invalid.*number of seconds above 0/,
        ] as [string, string[], RegExp],
    ),
    [
      'pins that stand for no image',
      ['promote', 'production'],
      /50-backend.yaml: Rollout backend: .*placeholder .*pin/,
    ],
    ['an overlay without Rollouts', ['promote', 'development'], /no Rollout in manifests folder dist\/development/],
    ['a folder that is not there', ['promote', '--manifests', '/nope'], /manifests folder \/nope does not exist: /],
    ['a file in the place of a folder', ['promote', '--manifests', 'package.json'], /package.json cannot be read/],
  ] as [string, string[], RegExp][])('%s', async (_, args, message) => {
    expectUsageError(await moneywiseDeploy(args), message);
  });

  it('asks for a command when there is none', async () => {
    const { code, stderr } = await moneywiseDeploy([]);
    expect([code, stderr.split('\n')[0]]).toEqual([2, 'Usage: moneywise-deploy [options] [command]']);
  });
});

/** Reads the plan as every command does, without a process of its own: what a usage error becomes is seen above. */
async function expectRefused(files: Readonly<Record<string, string>>, message: RegExp): Promise<void> {
  const error = await readPlan(await folderWith(files)).then(
    () => undefined,
    (failure) => failure,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toMatch(message);
}

describe('a folder that is no release', () => {
  it.each([
    ['empty', {}, /holds no .yaml, .yml or .json file/],
    ['without manifests', { 'README.md': 'hello' }, /holds no .yaml, .yml or .json file/],
    ['not YAML', { 'a.yaml': 'a: [' }, /a.yaml is not YAML: /],
    ['not JSON', { 'a.json': '{"kind": ' }, /a.json is not YAML: /],
    ['a folder called like a file', { 'a.yaml/b.txt': '' }, /a.yaml cannot be read: EISDIR/],
    ['a text', { 'a.yaml': 'hello' }, /a.yaml: document 1 is no Kubernetes object: it needs apiVersion, kind/],
    ['a list', { 'a.yaml': '- 1\n- 2' }, /a.yaml: document 1 is no Kubernetes object/],
    [
      'an object without a name',
      { 'a.yaml': '---\nkind: Service\napiVersion: v1' },
      /document 1 is no Kubernetes object/,
    ],
    [
      'a nameless item of a List',
      { 'a.yaml': 'kind: List\nitems: [null]' },
      /document 1, item 1 is no Kubernetes object/,
    ],
    ['binary', { 'a.yaml': '\u0000\u0001\u0002' }, /a.yaml is not YAML/],
  ])('%s', async (_, files, message) => {
    await expectRefused(files, message);
  });
});

interface Editable {
  metadata: { name: string; namespace?: string; annotations: Record<string, unknown> };
  // biome-ignore lint/suspicious/noExplicitAny: what is broken here has no type
  spec: any;
}

/** The manifests of a good release as a folder's file, after `edit` has broken the Rollout of backend. */
function broken(edit: (rollout: Editable, all: KubeObject[]) => void): Record<string, string> {
  const objects = structuredClone(manifests('v1'));
  edit(objects.find((o) => o.kind === 'Rollout' && o.metadata.name === 'backend') as unknown as Editable, objects);
  return { 'release.json': JSON.stringify({ kind: 'List', items: objects }) };
}

const withPolicy = (data: Record<string, string>) =>
  broken((_, all) => {
    all.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'release-policy' }, data } as KubeObject);
  });

describe('a release that nobody can promote', () => {
  it.each([
    [
      'an active Service that is missing',
      broken(({ spec }) => {
        spec.strategy.blueGreen.activeService = 'api';
      }),
      /release.json: Rollout backend: .*activeService is "api", a Service that these manifests do not hold: add/,
    ],
    [
      'no active Service',
      broken(({ spec }) => {
        delete spec.strategy.blueGreen.activeService;
      }),
      /Rollout backend: .*activeService is missing, .*add that Service/,
    ],
    [
      'a preview Service that is missing',
      broken(({ spec }) => {
        spec.strategy.blueGreen.previewService = 'api-preview';
      }),
      /previewService is "api-preview"/,
    ],
    [
      'promotion by the controller',
      broken(({ spec }) => {
        delete spec.strategy.blueGreen.autoPromotionEnabled;
      }),
      /Rollout backend: .*autoPromotionEnabled must be false/,
    ],
    [
      'a rollback window',
      broken(({ spec }) => {
        spec.rollbackWindow = { revisions: 2 };
      }),
      /Rollout backend: .*rollbackWindow must not be set/,
    ],
    [
      'no strategy',
      broken(({ spec }) => {
        spec.strategy = {};
      }),
      /Rollout backend: spec.strategy has neither blueGreen nor canary/,
    ],
    [
      'a canary without steps',
      broken(({ spec }) => {
        spec.strategy = { canary: {} };
      }),
      /Rollout backend: spec.strategy.canary.steps have 0 pauses without a duration/,
    ],
    [
      'a workloadRef',
      broken(({ spec }) => {
        spec.workloadRef = { kind: 'Deployment', name: 'backend' };
      }),
      /Rollout backend: .*workloadRef skips its own gates/,
    ],
    [
      'no template',
      broken(({ spec }) => {
        delete spec.template;
      }),
      /Rollout backend: spec.template is missing/,
    ],
    [
      'containers that are no list',
      broken(({ spec }) => {
        spec.template.spec.containers = { main: {} };
      }),
      /Rollout backend: spec.template.spec.containers: Invalid input: expected array/,
    ],
    ['no spec', broken((rollout) => Object.assign(rollout, { spec: null })), /Rollout backend: spec: Invalid input/],
    [
      'the same Rollout twice',
      broken((rollout, all) => all.push(rollout as unknown as KubeObject)),
      /backend stands twice/,
    ],
    [
      'two namespaces',
      broken(({ metadata }) => {
        metadata.namespace = 'elsewhere';
      }),
      /several namespaces \(elsewhere, shop\)/,
    ],
    [
      'an order that is no number',
      broken(({ metadata }) => {
        metadata.annotations['moneywise.app/promotion-order'] = 'first';
      }),
      /annotation moneywise.app\/promotion-order is "first": it must be a whole number/,
    ],
    [
      'an order that is no text',
      broken(({ metadata }) => {
        metadata.annotations['moneywise.app/promotion-order'] = 10;
      }),
      /metadata.annotations.moneywise.app\/promotion-order: Invalid input: expected string/,
    ],
    ['a policy without its key', withPolicy({}), /ConfigMap release-policy: key policy.yaml is missing/],
    ['a policy that is not YAML', withPolicy({ 'policy.yaml': 'a: [' }), /policy.yaml is not YAML/],
    ['an unknown field of the policy', withPolicy({ 'policy.yaml': 'holdTime: 3' }), /Unrecognized key: "holdTime"/],
    [
      'a time of the policy that is none',
      withPolicy({ 'policy.yaml': 'timeouts: {prepareSeconds: -1}' }),
      /expected number to be >0\n.*timeouts.prepareSeconds/,
    ],
  ] as [string, Record<string, string>, RegExp][])('%s', async (_, files, message) => {
    await expectRefused(files, message);
  });
});

// A first look that gets no answer is repeated for some seconds.
describe.concurrent('a cluster that cannot be asked', { timeout: 60_000 }, () => {
  let page: Server;
  beforeAll(async () => {
    page = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Hello'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    page.close();
  });

  const promoteWith = async (kubeconfig: string | undefined, ...args: string[]) => {
    const folder = await folderWith(broken(() => {}));
    const file =
      kubeconfig === undefined ? [] : ['--kubeconfig', join(await folderWith({ config: kubeconfig }), 'config')];
    return moneywiseDeploy(['promote', '--manifests', folder, ...file, ...args]);
  };
  const kubeconfig = (cluster: object, user: object = { token: 'test' }) =>
    JSON.stringify({
      kind: 'Config',
      clusters: [{ name: 'there', cluster }],
      users: [{ name: 'me', user }],
      contexts: [{ name: 'work', context: { cluster: 'there', user: 'me' } }],
      'current-context': 'work',
    });
  const closed = kubeconfig({ server: 'https://127.0.0.1:9' });

  it('no kubeconfig at all', async () => {
    expectUsageError(await promoteWith(undefined), /no kubeconfig: pass --kubeconfig, set KUBECONFIG/);
  });

  it.each([
    ['that is not there', ['--kubeconfig', '/nope'], /kubeconfig \/nope cannot be read: ENOENT/],
    ['that is a folder', ['--kubeconfig', '/'], /kubeconfig \/ cannot be read: EISDIR/],
  ])('a kubeconfig %s', async (_, args, message) => {
    expectUsageError(await promoteWith(undefined, ...args), message);
  });

  it.each([
    ['is not YAML', 'a: [', [], /kubeconfig .* cannot be read: /],
    ['names no cluster', '{}', [], /names no cluster: pass --kubeconfig or --context/],
    ['has no such context', closed, ['--context', 'play'], /no context "play": it has work/],
    ['has a server that is no address', kubeconfig({ server: 'there' }), [], /server "there" is no address/],
    [
      'has a server without encryption',
      kubeconfig({ server: 'http://127.0.0.1:9' }),
      [],
      /is not encrypted: use https/,
    ],
  ] as [string, string, string[], RegExp][])('a kubeconfig that %s', async (_, text, args, message) => {
    expectUsageError(await promoteWith(text, ...args), message);
  });

  it('a login plugin that is missing', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/nope-login', interactiveMode: 'Never' };
    const said = await promoteWith(kubeconfig({ server: 'https://127.0.0.1:9' }, { exec }));
    expect(said.code).toBe(2);
    expect(said.stdout).toMatch(/credentials of kubeconfig context work cannot be read: .*\/nope-login.*log in again/);
    expect(said.stdout + said.stderr).not.toMatch(STACK);
  });

  it('a server that does not answer', async () => {
    const { code, stdout, stderr } = await promoteWith(closed, '--output', 'plain');
    expect([code, stderr]).toEqual([8, '']);
    expect(stdout).toMatch(/✗ https:\/\/127.0.0.1:9 does not answer: .*ECONNREFUSED.*; nothing was touched: /);
    expect(stdout).not.toMatch(STACK);
  });

  it('a server that does not answer `status`', async () => {
    const config = join(await folderWith({ config: closed }), 'config');
    const folder = await folderWith(broken(() => {}));
    const { code, stdout, stderr } = await moneywiseDeploy(['status', '--manifests', folder, '--kubeconfig', config]);
    expect([code, stdout]).toEqual([8, '']);
    expect(stderr).toMatch(/^error: https:\/\/127.0.0.1:9 does not answer: .*ECONNREFUSED.*\n$/);
  });

  it('a server that answers with a page', async () => {
    const { port } = page.address() as AddressInfo;
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    const { code, stdout, stderr } = await promoteWith(kubeconfig(cluster), '--output', 'plain');
    expect([code, stderr]).toEqual([8, '']);
    // All kinds are asked for at once, and any of them may be the first to answer.
    expect(stdout).toMatch(
      /✗ http:\/\/127\.0\.0\.1:\d+ answers \/\S+ with something that is not JSON \(200\): is this the API server\?/,
    );
    expect(stdout).not.toMatch(STACK);
  });

  it('says all of it in JSON, the result last, when that is asked for', async () => {
    const { code, stdout, stderr } = await promoteWith(closed, '--output', 'json');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, stderr]).toEqual([8, '']);
    expect(events.map((event) => event.code)).toEqual(['STARTED', 'RESULT']);
    expect(events.at(-1).data).toMatchObject({ outcome: 'unreachable', exitCode: 8 });
  });
});

describe('a call that cannot begin, asked for JSON', () => {
  it.each([
    [['promote', 'nowhere', '-o', 'json'], 'promote'],
    [['promote', 'production', '--timeout', 'soon', '--output=json'], 'an option'],
    [['status', 'nowhere', '--output', 'json'], 'status'],
    [['rehearse', 'development', '-o', 'json'], 'rehearse'],
  ] as [string[], string][])('writes its result as one line, beside what it says on stderr: %s', async (args) => {
    const { code, stdout, stderr } = await moneywiseDeploy(args);
    expect(code).toBe(2);
    expect(stderr).not.toBe('');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      code: 'RESULT',
      level: 'error',
      message: expect.stringMatching(/\w/),
      data: { outcome: 'usage', exitCode: 2 },
    });
  });
});
