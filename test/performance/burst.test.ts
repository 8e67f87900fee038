import { afterEach, describe, expect, it } from 'vitest';
import { burst } from '../../promotion/performance/burst.ts';
import { closeServers, nobody, serverThat } from './servers.ts';

afterEach(closeServers);

describe('a burst', () => {
  it('sends each request on a connection of its own, and tells how each ended', async () => {
    const sockets = new Set<unknown>();
    const url = await serverThat((request, response) => {
      sockets.add(request.socket);
      response.writeHead(request.url === '/a' ? 200 : 404).end('x');
    });
    const shots = await burst({ url: `${url}/a`, size: 7, timeoutSeconds: 2 });
    expect(shots.map(({ status }) => status)).toEqual(Array(7).fill(200));
    expect(shots.every(({ milliseconds }) => milliseconds !== undefined && milliseconds > 0)).toBe(true);
    expect(sockets.size).toBe(7);
  });

  it('leaves no request out: an answer of any status, one that is cut, closed or late, each is one', async () => {
    let count = 0;
    const url = await serverThat((request, response) => {
      const way = count++ % 5;
      if (way === 0) response.writeHead(503).end();
      else if (way === 1) request.socket.destroy();
      else if (way === 2) request.socket.end();
      else if (way === 3) response.writeHead(200, { 'content-length': '9' }).write('<');
      else response.end('good');
    });
    const shots = await burst({ url, size: 10, timeoutSeconds: 1 });
    const statuses = shots.map(({ status }) => status ?? 'none').sort();
    expect(statuses).toEqual([200, 200, 503, 503, ...Array(6).fill('none')]);
  });

  it('of nobody who listens has no answers', async () => {
    expect(await burst({ url: await nobody(), size: 3, timeoutSeconds: 1 })).toEqual([{}, {}, {}]);
    expect(await burst({ url: 'http://nobody.invalid', size: 2, timeoutSeconds: 1 })).toEqual([{}, {}]);
  });

  it('ends early when it is told to', async () => {
    const url = await serverThat(() => {});
    const stop = new AbortController();
    const shots = burst({ url, size: 2, timeoutSeconds: 60, signal: stop.signal });
    stop.abort();
    expect(await shots).toEqual([{}, {}]);
  });
});
