import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Keeps every promoter that asks it waiting until it is opened: it answers nothing before, and 200 after. */
export interface Barrier {
  /** What a check of the release asks. */
  readonly url: string;
  /** Resolves once somebody waits; rejects when it is shut before, as that is for the next release. */
  readonly reached: () => Promise<void>;
  readonly open: () => void;
  readonly shut: () => void;
  readonly close: () => void;
}

export async function newBarrier(): Promise<Barrier> {
  const waiting = new Set<ServerResponse>();
  const arrivals = new EventEmitter();
  let turn = new AbortController();
  let isOpen = false;
  const server = createServer((_, response) => {
    if (isOpen) response.end('open');
    else waiting.add(response.on('close', () => waiting.delete(response)));
    arrivals.emit('arrival');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async reached() {
      if (waiting.size === 0) await once(arrivals, 'arrival', { signal: turn.signal });
    },
    open() {
      isOpen = true;
      for (const response of waiting) response.end('open');
    },
    shut() {
      isOpen = false;
      turn.abort();
      turn = new AbortController();
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
