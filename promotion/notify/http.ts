import { Agent, request } from 'undici';
import { redactText } from '../evidence/redact.ts';

/** A request to a sink. Its address and headers may be secrets: nothing that is told of a failure holds them. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
}

/** An answer of 2xx. */
export interface Answer {
  /** The body where it is JSON, else undefined. */
  readonly json: unknown;
}

export type Send = (call: Call, signal: AbortSignal) => Promise<Answer>;

/** Why a sink has not taken something. */
export class DeliveryError extends Error {
  /** Whether asking again in the same way is pointless. */
  readonly isFinal: boolean;
  /** How long the sink wants to be left alone, in milliseconds. */
  readonly retryAfter?: number;

  constructor(message: string, { isFinal = false, retryAfter }: { isFinal?: boolean; retryAfter?: number } = {}) {
    super(message);
    this.name = 'DeliveryError';
    this.isFinal = isFinal;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

/** The longest answer that is read, in bytes: a hundred issues of GitHub. */
const LONGEST_ANSWER = 8 * 1024 * 1024;
/** How much of a refusal is told, in characters. */
const TOLD = 200;
/** Refusals that pass: busy, too early, too many, and everything that is the server's own trouble. */
const PASSES = (status: number) => [408, 425, 429].includes(status) || status >= 500;

/** Sends over connections of its own. Follows no redirect, which could carry a secret elsewhere. `known` are secrets. */
export function newSender(known: readonly string[], now: () => number): { send: Send; close: () => Promise<void> } {
  const agent = new Agent({ maxResponseSize: LONGEST_ANSWER });

  const send: Send = async ({ method, url, headers, body }, signal) => {
    const answer = await ask();
    const { statusCode: status } = answer;
    if (status >= 200 && status < 300) return { json: parsed(answer.text) };
    const retryAfter = pauseAskedFor(status, answer.headers, now());
    const isFinal = retryAfter === undefined && !PASSES(status);
    throw new DeliveryError(`answers ${status}${told(answer.text, known)}`, {
      isFinal,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });

    async function ask() {
      try {
        const {
          statusCode,
          headers: got,
          body: stream,
        } = await request(url, {
          method,
          headers: { 'content-type': 'application/json', 'user-agent': 'moneywise-deploy', ...headers },
          ...(body === undefined ? {} : { body }),
          dispatcher: agent,
          signal,
        });
        return { statusCode, headers: got, text: await stream.text() };
      } catch (error) {
        if (signal.aborted) throw new DeliveryError('does not answer in time');
        // The code alone: the message may hold the address.
        const { code, name } = error as NodeJS.ErrnoException;
        throw new DeliveryError(`cannot be reached (${code ?? name})`, { isFinal: code === 'UND_ERR_INVALID_ARG' });
      }
    }
  };

  return { send, close: () => agent.destroy() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the sink said about it, on one line and without secrets. */
function told(text: string, known: readonly string[]): string {
  const said = (parsed(text) as { message?: unknown } | undefined)?.message;
  const line = redactText(typeof said === 'string' ? said : text, known)
    .replace(/\s+/g, ' ')
    .trim();
  return line === '' ? '' : `: ${line.slice(0, TOLD)}`;
}

/** `Retry-After`, in seconds or as a date; of GitHub also when its limit is renewed. Only of answers that mean it. */
function pauseAskedFor(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): number | undefined {
  const one = (name: string) => [headers[name]].flat()[0];
  const after = one('retry-after');
  if (after !== undefined && (PASSES(status) || status === 403)) {
    const pause = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
    return Number.isNaN(pause) ? undefined : Math.max(0, pause);
  }
  if ((status === 403 || status === 429) && one('x-ratelimit-remaining') === '0') {
    const reset = Number(one('x-ratelimit-reset')) * 1000;
    return Number.isNaN(reset) ? undefined : Math.max(0, reset - now);
  }
  return undefined;
}
