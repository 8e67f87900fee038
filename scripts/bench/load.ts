import { lookup } from 'node:dns/promises';
import { Agent, get } from 'node:http';
import type { Socket } from 'node:net';

/** One request and what came of it. Times are milliseconds since 1970. */
export interface Request {
  readonly member: string;
  readonly mode: Mode;
  /** When its connection was opened: a kept one's may have been long before. */
  readonly opened: number;
  readonly start: number;
  readonly end: number;
  /** The version that answered; undefined where nothing good came. */
  readonly version: string | undefined;
  /** Why it failed: no answer, or another one than 200. */
  readonly failed?: string;
}

/** A connection of its own for each request, or connections that are kept for the next ones. */
export const MODES = ['fresh', 'kept alive'] as const;
export type Mode = (typeof MODES)[number];

/** Where a member answers, and where the version is in what it says. */
export interface Target {
  readonly member: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly version: RegExp;
}

/** Connections that are kept to each member. */
const KEPT = 8;
/** How long an answer may take, in milliseconds. */
const PATIENCE = 5000;
/** How often it is looked which requests are due, in milliseconds. */
const TICK = 5;

/** Sends that many requests a second to each target in each mode, whether earlier ones were answered or not, until `stop`. */
export async function startLoad(targets: readonly Target[], perSecond: number) {
  const requests: Request[] = [];
  const pending = new Set<Promise<void>>();
  const streams = (
    await Promise.all(
      targets.map(async (target) => {
        // Asked once: how long a name takes is not what is measured.
        const { address } = await lookup(target.host);
        const agents = Array.from({ length: KEPT }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
        return MODES.map((mode) => ({ target, mode, address, agents, sent: 0 }));
      }),
    )
  ).flat();
  const since = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - since) / 1000) * perSecond);
    for (const stream of streams) {
      for (; stream.sent < due; stream.sent += 1) {
        const agent = stream.mode === 'fresh' ? false : (stream.agents[stream.sent % KEPT] as Agent);
        const sent = ask(stream.target, stream.mode, stream.address, agent).then((request) => {
          requests.push(request);
        });
        pending.add(sent);
        sent.finally(() => pending.delete(sent));
      }
    }
  }, TICK);
  return {
    /** Those that have ended. */
    requests: requests as readonly Request[],
    async stop(): Promise<void> {
      clearInterval(timer);
      await Promise.all(pending);
      for (const agent of streams.flatMap(({ agents }) => agents)) agent.destroy();
    },
  };
}

/** When each kept connection was opened. */
const openedAt = new WeakMap<Socket, number>();

function ask(target: Target, mode: Mode, address: string, agent: Agent | false): Promise<Request> {
  const { member, host, port, path, version } = target;
  const start = Date.now();
  let opened = start;
  return new Promise((resolve) => {
    const ended = (answered: string | undefined, failed?: string) =>
      resolve({
        member,
        mode,
        opened,
        start,
        end: Date.now(),
        version: answered,
        ...(failed === undefined ? {} : { failed }),
      });
    const headers = { host: `${host}:${port}` };
    const request = get({ host: address, port, path, agent, headers, timeout: PATIENCE }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', (error) => ended(undefined, error.message));
      response.on('end', () => {
        const { statusCode } = response;
        if (statusCode === 200) ended(version.exec(body)?.[1]);
        else ended(undefined, `status ${statusCode}`);
      });
    });
    request.on('socket', (socket) => {
      opened = openedAt.get(socket) ?? start;
      openedAt.set(socket, opened);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    request.on('error', ({ message }) =>
      ended(undefined, opened < start ? `${message} on a kept connection` : message),
    );
  });
}
