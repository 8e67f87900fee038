import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPullRequest } from '../../promotion/git/pull-request.ts';

// A server that answers as https://docs.github.com/en/rest/pulls/pulls has it.

interface Pull {
  readonly html_url: string;
  readonly head: string;
  readonly base: string;
  readonly title: string;
}

const TOKEN = 'token-of-git';
const asked = { repository: '', from: 'release/staging-v2', into: 'main', title: 'Pin staging to v2', body: 'by ada' };
const https = 'https://github.com/moneywise/moneywise-deploy.git';
let pulls: Pull[];
let refusal: { status: number; message: string } | undefined;
let requests: number;
let server: Server;
let environment: Record<string, string>;

beforeEach(async () => {
  [pulls, refusal, requests] = [[], undefined, 0];
  server = createServer(async (request, response) => {
    requests += 1;
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    const url = new URL(request.url ?? '/', 'http://github');
    let text = '';
    for await (const part of request) text += part;
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401, { message: 'Bad credentials' });
    if (refusal) return answer(refusal.status, refusal);
    if (url.pathname !== '/repos/moneywise/moneywise-deploy/pulls') return answer(404, { message: 'Not Found' });
    const { head, base } = Object.fromEntries(url.searchParams);
    if (request.method === 'GET')
      return answer(
        200,
        pulls.filter((pull) => `moneywise:${pull.head}` === head && pull.base === base),
      );
    const data = JSON.parse(text);
    if (pulls.some((pull) => pull.head === data.head)) return answer(422, { message: 'Validation Failed' });
    pulls.push({ ...data, html_url: `https://github.com/moneywise/moneywise-deploy/pull/${pulls.length + 1}` });
    return answer(201, pulls.at(-1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  environment = { GIT_TOKEN: TOKEN, GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
});
afterEach(() => server.close());

const open = (repository: string, more: Record<string, string> = {}) =>
  openPullRequest({ ...asked, repository }, { ...environment, ...more });

describe('a pull request', () => {
  it('is opened once, however often it is asked for', async () => {
    const address = 'https://github.com/moneywise/moneywise-deploy/pull/1';
    expect([await open(https), await open(https)]).toEqual([address, address]);
    expect(pulls).toMatchObject([{ head: asked.from, base: 'main', title: asked.title, body: asked.body }]);
  });

  it.each([
    'git@github.com:moneywise/moneywise-deploy.git',
    'ssh://git@github.com/moneywise/moneywise-deploy',
    'https://github.com/moneywise/moneywise-deploy',
  ])('is opened for a repository that git reaches by %s', async (repository) => {
    expect(await open(repository)).toMatch(/\/pull\/1$/);
  });

  it.each([
    ['a repository elsewhere', 'https://gitlab.com/moneywise/moneywise-deploy.git', {}],
    ['a path', '/srv/git/moneywise/moneywise-deploy.git', {}],
    ['a host that only ends alike', 'https://notgithub.com/moneywise/moneywise-deploy.git', {}],
    ['no token', https, { GIT_TOKEN: '' }],
  ])('is left to people for %s, and nobody is asked', async (_, repository, more) => {
    expect(await open(repository, more)).toBeUndefined();
    expect(requests).toBe(0);
  });

  it('is opened at a GitHub of one’s own', async () => {
    const repository = 'https://git.example.com/moneywise/moneywise-deploy.git';
    expect(await open(repository, { GITHUB_SERVER_URL: 'https://git.example.com' })).toMatch(/\/pull\/1$/);
  });

  it('that is refused says why, without the token', async () => {
    refusal = { status: 403, message: `Resource not accessible by ${TOKEN}` };
    await expect(open(https)).rejects.toThrow(/^answers 403: Resource not accessible by \[redacted\]$/);
  });
});
