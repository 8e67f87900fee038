import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, vi } from 'vitest';

// Real repositories on disk: a bare one, which is the remote, and a person's checkout of it, in the middle of work.

export interface Stage {
  readonly folder: string;
  /** The remote. */
  readonly bare: string;
  /** The person's checkout: something staged, something not, something untracked, and a stash. */
  readonly work: string;
  /** Where throwaway clones are made. */
  readonly temporary: string;
}

/** What git prints in a folder. */
export function git(folder: string, ...args: string[]): string {
  return printed(folder, args).trimEnd();
}

/** The same, to the byte. */
function printed(folder: string, args: readonly string[]): string {
  // Variables of a test are for what is tested.
  const { GIT_DIR: _, GIT_WORK_TREE: __, GIT_INDEX_FILE: ___, ...env } = process.env;
  return execFileSync('git', ['-C', folder, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function put(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Commits files to a branch of a bare repository as somebody else does, from a checkout of their own. */
export function pushAs(who: string, bare: string, files: Readonly<Record<string, string>>, branch = 'main'): string {
  const folder = mkdtempSync(join(dirname(bare), 'other-'));
  // Their hooks are not ours.
  const plain = ['-c', 'core.hooksPath=/dev/null', '-c', `user.name=${who}`, '-c', `user.email=${who}@example.org`];
  git(folder, 'clone', '--quiet', '--branch', branch, bare, '.');
  put(folder, files);
  git(folder, 'add', '--all');
  git(folder, ...plain, 'commit', '--quiet', '-m', `work of ${who}`);
  git(folder, ...plain, 'push', '--quiet');
  const commit = git(folder, 'rev-parse', 'HEAD');
  rmSync(folder, { recursive: true });
  return commit;
}

export function hook(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Appends to the settings of the user for whom git runs. */
export function setForUser(stage: Stage, name: string, value: string): void {
  git(stage.folder, 'config', '--file', join(stage.folder, 'gitconfig'), name, value);
}

let template: string | undefined;

/** Everything that was made for the file of tests that imports this; none of it outlives them. */
const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A stage of its own, whose user's settings git has from now on, in this process and in all that it starts. */
export function newStage(): Stage {
  template ??= makeTemplate();
  const folder = mkdtempSync(join(tmpdir(), 'moneywise-stage-'));
  made.push(folder);
  vi.stubEnv('HOME', folder);
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(folder, 'gitconfig'));
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
  vi.stubEnv('TMPDIR', join(folder, 'tmp'));
  const stage = { folder, bare: join(folder, 'bare.git'), work: join(folder, 'work'), temporary: join(folder, 'tmp') };
  cpSync(template, folder, { recursive: true });
  // The copy's checkout has the remote of the copy.
  git(stage.work, 'remote', 'set-url', 'origin', stage.bare);
  git(stage.work, 'status');
  return stage;
}

function makeTemplate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moneywise-template-'));
  made.push(folder);
  mkdirSync(join(folder, 'tmp'));
  put(folder, {
    gitconfig: '[user]\n\tname = Release\n\temail = release@example.org\n[init]\n\tdefaultBranch = main\n',
  });
  const work = join(folder, 'work');
  const bare = join(folder, 'bare.git');
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(folder, 'gitconfig'));
  git(folder, 'init', '--quiet', '--bare', bare);
  git(folder, 'init', '--quiet', work);
  put(work, { 'pins.yaml': 'version: v1\n', 'log.txt': 'one\n', 'own.txt': 'committed\n' });
  git(work, 'add', '--all');
  git(work, 'commit', '--quiet', '-m', 'first');
  git(work, 'remote', 'add', 'origin', bare);
  git(work, 'push', '--quiet', '-u', 'origin', 'main');
  put(work, { 'own.txt': 'stashed\n' });
  git(work, 'stash', '--quiet');
  put(work, { 'own.txt': 'staged\n' });
  git(work, 'add', 'own.txt');
  put(work, { 'own.txt': 'edited\n', 'pins.yaml': 'version: mine\n', 'new.yaml': 'untracked, and in the way\n' });
  return folder;
}

/** Everything of a checkout that a person would miss: head, branch, index, stash, states and contents of files. */
export function snapshot(work: string): Record<string, unknown> {
  const without = (error: unknown) => `none: ${String((error as { status?: number }).status)}`;
  const say = (...args: string[]) => {
    try {
      return git(work, '--no-optional-locks', ...args);
    } catch (error) {
      return without(error);
    }
  };
  return {
    head: readFileSync(join(work, '.git', 'HEAD'), 'utf8'),
    refs: say('for-each-ref'),
    index: say('ls-files', '--stage'),
    status: say('status', '--porcelain'),
    stash: say('stash', 'list', '--format=%H'),
    worktrees: say('worktree', 'list'),
    files: Object.fromEntries(
      readdirSync(work)
        .filter((name) => name !== '.git')
        .map((name) => [name, readFileSync(join(work, name), 'utf8')]),
    ),
  };
}

/** The commits of a branch of the remote, newest first, by their subjects; empty without that branch. */
export function subjects(bare: string, branch = 'main'): string[] {
  const refs = git(bare, 'for-each-ref', '--format=%(refname:short)', `refs/heads/${branch}`);
  return refs === '' ? [] : git(bare, 'log', '--format=%s', branch).split('\n');
}

export function fileAt(bare: string, path: string, branch = 'main'): string {
  return printed(bare, ['show', `${branch}:${path}`]);
}

/** Serves repositories below a folder by git's own daemon, on a port of its own; ended by `stop`. */
export async function daemon(folder: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    'git',
    [
      'daemon',
      '--listen=127.0.0.1',
      `--port=${port}`,
      '--export-all',
      '--enable=receive-pack',
      `--base-path=${folder}`,
      '--reuseaddr',
      '--verbose',
      folder,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('git daemon ended')));
    child.stderr?.on('data', (chunk) => String(chunk).includes('Ready') && resolve());
  });
  return {
    url: `git://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.removeAllListeners('exit').once('exit', () => resolve());
        // The whole group: `git` runs its daemon as a child.
        process.kill(-(child.pid as number), 'SIGKILL');
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server on a free port of 127.0.0.1. */
export function listen(server: Server | import('node:net').Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Serves repositories below a folder over HTTP to those who log in with this user and password. */
export function smartHttp(folder: string, login: string): Server {
  const backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  return createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.authorization !== `Basic ${Buffer.from(login).toString('base64')}`) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const { pathname, search } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const child = spawn(backend, {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: 'release',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        ...(request.headers['content-encoding'] ? { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] } : {}),
        ...(request.headers['git-protocol'] ? { GIT_PROTOCOL: String(request.headers['git-protocol']) } : {}),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(child.stdin);
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.on('close', () => {
      const answer = Buffer.concat(parts);
      const end = answer.indexOf('\r\n\r\n');
      const headers = answer
        .subarray(0, end)
        .toString()
        .split('\r\n')
        .map((line) => line.split(': ') as [string, string]);
      const status = headers.find(([name]) => name === 'Status')?.[1];
      response.writeHead(
        Number(status?.split(' ')[0] ?? 200),
        Object.fromEntries(headers.filter(([name]) => name !== 'Status')),
      );
      response.end(answer.subarray(end + 4));
    });
  });
}
