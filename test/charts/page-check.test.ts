import { spawn } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { pageCheckScript } from '../../charts/constructs/page-check.ts';

/** Runs the script as the Job does, against a server of its own. */
async function check(answer: RequestListener, settings: Record<string, string> = {}) {
  const sockets = new Set<unknown>();
  const server = createServer(answer).on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const env = {
    ...process.env,
    CHECK_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    CHECKS: '3',
    INTERVAL_SECONDS: '0.01',
    TIMEOUT_SECONDS: '2',
    FAILURE_LIMIT: '0',
    ERROR_LIMIT: '0',
    ERROR_PAUSE_SECONDS: '0.01',
    ...settings,
  };
  const child = spawn(process.execPath, ['-e', pageCheckScript], { env });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  server.closeAllConnections();
  server.close();
  return { exitCode, lines: output.trim().split('\n'), connections: sockets.size };
}

const page: RequestListener = (_, response) =>
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>');
const json: RequestListener = (_, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
const broken: RequestListener = (_, response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>');

describe('the page check', () => {
  it('passes a page, asked for on a fresh connection each time', async () => {
    expect(await check(page)).toMatchObject({ exitCode: 0, connections: 3 });
  });

  it.each<[string, RequestListener, string]>([
    ['an error page', broken, '500 text/html'],
    ['something that is no page', json, '200 application/json'],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/login' }).end(), '302 no content type'],
    ['a connection that is cut', (request) => request.socket.destroy(), 'no answer, ECONNRESET'],
    [
      'an answer cut in the middle',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'text/html', 'content-length': '9' }).write('<');
        setTimeout(() => request.socket.destroy(), 20);
      },
      'no answer, ECONNRESET',
    ],
  ])('fails %s at once', async (_, answer, problem) => {
    const { exitCode, lines } = await check(answer);
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringContaining(`1/3: ${problem}`)]);
  });

  it('fails an answer that does not come in time', async () => {
    const { exitCode, lines } = await check(() => {}, { TIMEOUT_SECONDS: '0.1' });
    expect({ exitCode, lines: lines.length }).toEqual({ exitCode: 1, lines: 1 });
  });

  it('forgives as many answers that do not come in a row as it is told to, and asks again for each', async () => {
    let asked = 0;
    const late: RequestListener = (request, response) =>
      [1, 2, 4].includes(++asked) ? request.socket.destroy() : page(request, response);
    expect(await check(late, { ERROR_LIMIT: '2' })).toMatchObject({ exitCode: 0, connections: 6 });
    asked = 0;
    expect(await check(late, { ERROR_LIMIT: '1' })).toMatchObject({ exitCode: 1, connections: 2 });
  });

  it('forgives no wrong answer for the sake of those that did not come', async () => {
    expect(await check(broken, { ERROR_LIMIT: '9' })).toMatchObject({ exitCode: 1, connections: 1 });
  });

  it('gives up on a server that stays away', async () => {
    const { exitCode, lines } = await check(page, { CHECK_URL: 'http://127.0.0.1:1/', ERROR_LIMIT: '2' });
    expect({ exitCode, asked: lines.length }).toEqual({ exitCode: 1, asked: 3 });
    expect(lines[0]).toContain('1/3: no answer, ECONNREFUSED');
  });

  it('forgives as many bad answers as it is told to', async () => {
    let asked = 0;
    const once: RequestListener = (request, response) => (asked++ === 0 ? broken : page)(request, response);
    expect(await check(once, { FAILURE_LIMIT: '1' })).toMatchObject({ exitCode: 0 });
  });

  it('contains nothing that the controller would take for an argument', () => {
    expect(pageCheckScript).not.toContain('{{');
  });
});
