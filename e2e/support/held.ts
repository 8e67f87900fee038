import type { IncomingMessage } from 'node:http';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut, type Promotion, type Signal } from './promoter.ts';
import { openProxy } from './proxy.ts';

/**
 * Hears of a write of the promoter before the API server does, and can do something else first; `'lose'` keeps it from
 * the API server. A write is named by its act and what it is for: `promote backend`, `abort web`, `end-hold web`, `retire backend`,
 * `point-service web`, `journal switching`.
 */
export type BeforeWrite = (write: string, signal: Signal) => Promise<'lose' | undefined>;

/**
 * Does something once, before the first write of that name. The promoter gives up a request that is held for too long, and tries
 * again: the next ones wait as well, until it is done.
 */
export function justBefore(wanted: string, act: (signal: Signal) => Promise<unknown> | unknown): BeforeWrite {
  let done: Promise<unknown> | undefined;
  return async (write, signal) => {
    if (write !== wanted) return undefined;
    if (done) {
      await done.catch(() => {}); // told by the write that it was done for
      return undefined;
    }
    done = Promise.resolve(act(signal));
    return (await done) === 'lose' ? 'lose' : undefined;
  };
}

/** Kills the promoter when it is about to write that, which then never reaches the API server. */
export const killedBefore = (wanted: string): BeforeWrite =>
  justBefore(wanted, (signal) => {
    signal('SIGKILL');
    return 'lose';
  });

/**
 * Runs `promote` as `promoter.ts` does, with all its requests passing through here, so that what happens between its
 * judgement and its write is not left to chance. Throws what `beforeWrite` throws, at the end.
 */
export async function promoteHeld(
  folder: string,
  beforeWrite: BeforeWrite,
  args: readonly string[] = [],
  at: (event: RunEvent, signal: Signal) => void = () => {},
): Promise<Promotion> {
  let signal: Signal = () => {};
  let problem: unknown;
  const meet = (write: string) =>
    beforeWrite(write, (s) => signal(s)).catch((error: unknown) => {
      problem ??= error;
      return undefined;
    });
  const proxy = await openProxy(async (request, body) =>
    request.method === 'GET' ? undefined : meet(nameOf(request, body)),
  );
  try {
    const promotion = await carryOut('promote', folder, ['--kubeconfig', proxy.kubeconfig, ...args], at, (s) => {
      signal = s;
    });
    if (problem) throw problem;
    return promotion;
  } finally {
    proxy.close();
  }
}

interface Operation {
  readonly path: string;
  readonly value?: unknown;
}

/** The name of a write, from its request. */
function nameOf({ method, url }: IncomingMessage, body: string): string {
  const [, kind = '', name = ''] = /\/namespaces\/[^/]+\/([^/?]+)(?:\/([^/?]+))?/.exec(url ?? '') ?? [];
  const json: unknown = body ? JSON.parse(body) : [];
  const operations = (Array.isArray(json) ? json : []) as Operation[];
  const at = (path: string) => operations.find((operation) => operation.path === path);
  const last = operations.at(-1);
  const data = at('/data');
  if (kind === 'configmaps' && data) {
    const { 'journal.json': journal } = data.value as { 'journal.json': string };
    return `journal ${(JSON.parse(journal) as { phase: string }).phase}`;
  }
  const member = kind === 'rollouts' || kind === 'services' ? name : (name.split('-')[0] ?? '');
  switch (last?.path) {
    case '/status/pauseConditions':
      return `promote ${member}`;
    case '/status/abort':
      return `${last.value ? 'abort' : 'retry'} ${member}`;
    case '/spec/terminate':
      return `end-hold ${member}`;
    case '/spec/selector':
      return `point-service ${member}`;
    case '/spec/template':
      return `restore-template ${member}`;
    case '/spec/replicas':
      return `retire ${member}`;
    default:
      return `${method} ${kind} ${name}`;
  }
}
