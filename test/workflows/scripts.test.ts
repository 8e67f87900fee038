import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// What workflows call of this project beside moneywise-deploy, run as they run it.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moneywise-workflows-'));
});
afterEach(() => rm(folder, { recursive: true }));

const tsx = resolve('node_modules/tsx/dist/loader.mjs');

async function script(
  name: string,
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
) {
  const argv = ['--import', tsx, resolve(`scripts/${name}.ts`), ...args];
  const { cwd = process.cwd(), env = process.env, input = '' } = options;
  const child = spawn(process.execPath, argv, { cwd, env });
  child.stdin.end(input);
  const code = new Promise<number | null>((done) => child.on('close', done));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

describe('image-size', { timeout: 120_000 }, () => {
  const manifest = (...sizes: number[]) =>
    JSON.stringify({ schemaVersion: 2, config: { size: 1_000_000 }, layers: sizes.map((size) => ({ size })) });

  it.each([
    [manifest(100_000_000, 99_000_000), '200.0 MB in 2 layers, of 200 MB\n', 0],
    [manifest(100_000_000, 99_100_000), '200.1 MB in 2 layers, of 200 MB: too large\n', 1],
  ])('adds up what a node pulls', async (input, stdout, code) => {
    expect(await script('image-size', ['--max', '200'], { input })).toMatchObject({ stdout, code });
  });

  it.each(['', '{"manifests":[]}'])('refuses what is no image’s manifest: %j', async (input) => {
    const said = await script('image-size', ['--max', '200'], { input });
    expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining('no manifest of one image') });
  });
});

describe('rendered-diff', { timeout: 120_000 }, () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { cwd: folder });
  const object = (kind: string, name: string, more = '') => `kind: ${kind}\nmetadata:\n  name: ${name}\n${more}---\n`;

  async function repository(before: string, now: string) {
    git('init', '-q', '-b', 'main');
    await writeFile(join(folder, 'README.md'), 'x');
    execFileSync('mkdir', ['-p', join(folder, 'dist/staging'), join(folder, 'dist/production')]);
    await writeFile(join(folder, 'dist/production/10.yaml'), object('Service', 'untouched'));
    await writeFile(join(folder, 'dist/staging/10.yaml'), before);
    git('add', '-A');
    git('commit', '-qm', 'before');
    await writeFile(join(folder, 'dist/staging/10.yaml'), now);
    git('add', '-A');
    git('commit', '-qm', 'now');
  }

  it('names what is new, changed and gone, and shows the lines', async () => {
    await repository(
      object('Rollout', 'web', 'spec: {replicas: 2}\n') + object('ConfigMap', 'old'),
      object('Rollout', 'web', 'spec: {replicas: 3}\n') + object('ConfigMap', 'new', 'data: {a: "```"}\n'),
    );
    const { code, stdout } = await script('rendered-diff', ['HEAD~1'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toContain(
      '### staging\n\n- new: `ConfigMap new`\n- changed: `Rollout web`\n- gone: `ConfigMap old`\n',
    );
    expect(stdout).toContain('-spec: {replicas: 2}\n+spec: {replicas: 3}\n');
    expect(stdout).not.toContain('production');
    // What stands in a manifest does not end the block.
    expect(stdout.match(/^````/gm)).toHaveLength(2);
  });

  it('says so when nothing is different', async () => {
    await repository(object('Service', 'a'), object('Service', 'a', '# a comment\n'));
    git('checkout', '-q', 'HEAD~1');
    expect(await script('rendered-diff', ['HEAD'], { cwd: folder })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing.'),
    });
  });

  it('fits into a comment', async () => {
    const many = Array.from({ length: 3000 }, (_, index) => object('ConfigMap', `c${index}`)).join('');
    await repository(object('Service', 'a'), object('Service', 'a') + many);
    const { stdout } = await script('rendered-diff', ['HEAD~1'], { cwd: folder });
    expect(stdout).toContain('Too long to show here.');
    expect(stdout.length).toBeLessThan(65_536);
  });

  it('refuses a commit that is not there', async () => {
    await repository(object('Service', 'a'), object('Service', 'b'));
    const said = await script('rendered-diff', ['0123456789'], { cwd: folder });
    expect(said).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('0123456789 is no commit of this clone'),
    });
  });
});

describe('github-credential', { timeout: 120_000 }, () => {
  const tokenUntil = (end: number) =>
    ['{}', JSON.stringify({ exp: end }), ''].map((part) => Buffer.from(part).toString('base64url')).join('.');

  /** GitHub's own service for tokens, as the documentation of its OpenID Connect describes it. */
  async function withService(statuses: number[], use: (env: NodeJS.ProcessEnv, asked: string[]) => Promise<void>) {
    const asked: string[] = [];
    const server = createServer(({ headers, url }, answer) => {
      asked.push(`${headers.authorization} ${url}`);
      answer.statusCode = statuses[asked.length - 1] ?? 200;
      answer.end(answer.statusCode === 200 ? JSON.stringify({ value: tokenUntil(2_000_000_000) }) : 'not now');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`;
    try {
      await use(
        { ...process.env, ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'run-key' },
        asked,
      );
    } finally {
      await new Promise((done) => server.close(done));
    }
  }

  it.each(['staging', 'production'])('is how the kubeconfig of %s logs in, without a secret in it', async (overlay) => {
    await withService([], async (env, asked) => {
      const config = new KubeConfig();
      config.loadFromFile(`.github/kubeconfig/${overlay}.yaml`);
      const { args, command }: { args: string[]; command: string } = config.getCurrentUser()?.exec ?? {};
      expect([command, ...args.slice(0, 2)]).toEqual(['node', '--import', 'tsx']);
      const said = await script('github-credential', args.slice(3), { env });
      const status = { token: tokenUntil(2_000_000_000), expirationTimestamp: '2033-05-18T03:33:20.000Z' };
      expect(JSON.parse(said.stdout)).toEqual({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status,
      });
      expect(asked).toEqual([`Bearer run-key /token?api-version=2.0&audience=moneywise-${overlay}`]);
    });
  });

  it('asks again while the service is unwell', async () => {
    await withService([503], async (env, asked) => {
      expect(await script('github-credential', ['--audience', 'a'], { env })).toMatchObject({ code: 0 });
      expect(asked).toHaveLength(2);
    });
  });

  it('does not ask again when it is refused, and never says the key', async () => {
    await withService([403], async (env, asked) => {
      const said = await script('github-credential', ['--audience', 'a'], { env });
      expect(said).toMatchObject({
        code: 1,
        stdout: '',
        stderr: 'github-credential: GitHub refuses a token: HTTP status 403\n',
      });
      expect(asked).toHaveLength(1);
    });
  });

  it('says what the job lacks', async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: _, ...env } = process.env;
    const said = await script('github-credential', ['--audience', 'a'], { env });
    expect(said).toMatchObject({ code: 1, stderr: expect.stringContaining('id-token: write') });
  });
});

describe('askpass', () => {
  it('tells Git the token of the step, and nothing writes it down', () => {
    const answer = execFileSync('git', ['-c', 'credential.helper=', 'credential', 'fill'], {
      input: 'protocol=https\nhost=example.invalid\n\n',
      env: { ...process.env, GIT_ASKPASS: resolve('scripts/askpass.sh'), GIT_TOKEN: 'of-the-step' },
      encoding: 'utf8',
    });
    expect(answer).toContain('username=x-access-token\npassword=of-the-step\n');
  });
});
