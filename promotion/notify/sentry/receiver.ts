import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Alert, alertIn } from './alert.ts';
import { isSigned } from './signature.ts';

export interface ReceiverOptions {
  /** The client secret of Sentry's integration. */
  readonly secret: string;
  /** Takes an alert over, to be worked on after the answer. */
  readonly take: (alert: Alert, id: string) => void;
  /** Whether no more can be taken over for now. */
  readonly isFull: () => boolean;
  /** Hears what was refused, and why; nothing in it is a secret. */
  readonly onRefused: (why: string) => void;
}

/** The longest delivery that is read, in bytes: an event with its stack and its breadcrumbs. */
const LONGEST_BODY = 1024 * 1024;
/** How long a delivery may take to come in, in milliseconds; Sentry itself gives up after a second. */
const REQUEST_LIMIT = 10_000;
/** Deliveries that are remembered, so that none is worked on twice. */
const MOST_REMEMBERED = 10_000;

/**
 * Receives webhooks of Sentry. What is signed is answered at once, because Sentry takes an answer after a second for none, and
 * worked on after that.
 */
export function newReceiver(options: ReceiverOptions): Server {
  const seen = new Set<string>();
  const server = createServer((request, response) => {
    receive(request, response, options, seen).catch(() => response.destroy());
  });
  server.requestTimeout = REQUEST_LIMIT;
  server.headersTimeout = REQUEST_LIMIT;
  return server;
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { secret, take, isFull, onRefused }: ReceiverOptions,
  seen: Set<string>,
): Promise<void> {
  const answer = (status: number, text: string) => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
  };
  const refuse = (status: number, why: string) => {
    onRefused(`${status}: ${why}`);
    answer(status, why);
  };

  if (request.method === 'GET' && request.url === '/healthz') return answer(200, 'ok');
  if (request.method !== 'POST') return refuse(405, 'only POST');
  const body = await bodyOf(request);
  if (body === 'too long') {
    response.setHeader('connection', 'close');
    return refuse(413, `more than ${LONGEST_BODY} bytes`);
  }
  const { headers } = request;
  if (!isSigned(body, headers['sentry-hook-signature'], secret)) return refuse(401, 'not signed by Sentry');
  // Deliveries that name no id are told apart by what they say.
  const id = String(headers['request-id'] ?? headers['sentry-hook-signature']);
  if (seen.has(id)) return answer(202, 'taken already');
  if (isFull()) return refuse(503, 'too much to do');
  let alert: Alert | undefined;
  try {
    alert = alertIn(String(headers['sentry-hook-resource']), body);
  } catch {
    return refuse(400, 'not in the format of Sentry');
  }
  seen.add(id);
  const [oldest] = seen;
  if (seen.size > MOST_REMEMBERED && oldest !== undefined) seen.delete(oldest);
  answer(202, alert ? 'taken' : 'nothing to do');
  if (alert) take(alert, id);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | 'too long'> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > LONGEST_BODY) return 'too long';
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
