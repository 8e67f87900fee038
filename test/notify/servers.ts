import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';

// Servers on 127.0.0.1 that speak the APIs of the sinks: they check what the real ones check, and keep what they are told.

/** What goes wrong with a request: an answer, none, half of one, a broken connection, or all is done and the answer is lost. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | 'stall'
  | 'reset'
  | 'lost';

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Each request, in order, also the faulty ones. */
  readonly requests: Asked[];
  /** What befalls the next requests. */
  readonly faults: Fault[];
  /** What befalls every request from now on. */
  down?: Fault | undefined;
  readonly close: () => Promise<void>;
}

const running: TestServer[] = [];

/** Ends every server. */
export async function closeServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.close()));
}

async function serve(answer: (asked: Asked) => Answered): Promise<TestServer> {
  const requests: Asked[] = [];
  const faults: Fault[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const asked = {
      method: request.method ?? '',
      url,
      headers: request.headers,
      text: Buffer.concat(chunks).toString(),
    };
    requests.push(asked);
    // What is only read leaves nothing behind when its answer is lost.
    const isSpared = faults[0] === 'lost' && asked.method === 'GET';
    const fault = (isSpared ? undefined : faults.shift()) ?? self.down;
    if (fault === 'hang') return;
    if (fault === 'stall') return void response.writeHead(200).write('o');
    if (fault === 'reset') return void request.socket.destroy();
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    const { status, body } = answer(asked);
    if (fault === 'lost') return void request.socket.destroy();
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response
      .writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' })
      .end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  running.push(self);
  return self;
}

export const SLACK_PATH = '/services/T0000/B0000/slacksecretslacksecret';

/** An incoming webhook: anything that is not its secret path is unknown to it. */
export async function slackServer(): Promise<TestServer & { readonly texts: string[] }> {
  const texts: string[] = [];
  const server = await serve(({ method, url, text }) => {
    if (method !== 'POST' || url.pathname !== SLACK_PATH) return { status: 404, body: 'no_service' };
    const message = z.object({ text: z.string().min(1).max(40_000) }).safeParse(JSON.parse(text));
    if (!message.success) return { status: 400, body: 'invalid_payload' };
    texts.push(message.data.text);
    return { status: 200, body: 'ok' };
  });
  return Object.assign(server, { texts });
}

/** Takes what is signed now, as the library of receivers signs it, each id once. */
export async function webhookServer(secret: string, now: () => number = Date.now) {
  const taken = new Map<string, Record<string, unknown>>();
  const server = await serve(({ headers, text }) => {
    const [id, time, signature] = ['id', 'timestamp', 'signature'].map((name) => String(headers[`webhook-${name}`]));
    const at = Number(time) * 1000;
    const isFresh = Math.abs(now() - at) < 300_000;
    if (!isFresh || signature !== new Webhook(secret).sign(id ?? '', new Date(at), text))
      return { status: 401, body: '' };
    taken.set(id ?? '', JSON.parse(text));
    return { status: 204, body: '' };
  });
  return Object.assign(server, { taken });
}

export interface StoredIssue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly labels: { readonly name: string }[];
  readonly created_at: string;
  readonly comments: { readonly body: string; readonly created_at: string }[];
  state: 'open' | 'closed';
  state_reason?: string;
}

const BODY = z.string().max(65_536, 'body is too long (maximum is 65536 characters)');
const newIssue = z.strictObject({ title: z.string().min(1).max(256), body: BODY, labels: z.array(z.string()) });
const newComment = z.strictObject({ body: BODY.min(1) });
const change = z.strictObject({
  state: z.enum(['open', 'closed']),
  state_reason: z.enum(['completed', 'not_planned']),
});

/** The issues of one repository, as https://docs.github.com/en/rest/issues has them. `now` is its time. */
export async function githubServer(repository: string, token: string, now: () => number = Date.now) {
  const issues: StoredIssue[] = [];
  const at = () => new Date(now()).toISOString();
  const options = { mayLabel: true };
  const view = ({ comments: _, ...issue }: StoredIssue) => issue;

  const server = await serve(({ method, url, headers, text }) => {
    if (headers.authorization !== `Bearer ${token}`) return { status: 401, body: { message: 'Bad credentials' } };
    if (headers.accept !== 'application/vnd.github+json' || !headers['user-agent'])
      return { status: 403, body: { message: 'Request forbidden by administrative rules' } };
    const prefix = `/repos/${repository}/issues`;
    if (!url.pathname.startsWith(prefix)) return { status: 404, body: { message: 'Not Found' } };
    const [, number, comments] = url.pathname.slice(prefix.length).split('/');
    const data = text === '' ? {} : JSON.parse(text);
    const page = <T>(all: readonly T[]) => {
      const size = Number(url.searchParams.get('per_page') ?? 30);
      const from = (Number(url.searchParams.get('page') ?? 1) - 1) * size;
      return { status: 200, body: all.slice(from, from + size) };
    };
    if (number === undefined && method === 'GET') {
      const { state, labels } = Object.fromEntries(url.searchParams);
      const found = issues.filter(
        (issue) => issue.state === (state ?? 'open') && (!labels || issue.labels.some(({ name }) => name === labels)),
      );
      return page((url.searchParams.get('direction') === 'asc' ? found : found.toReversed()).map(view));
    }
    if (number === undefined && method === 'POST') {
      const wanted = newIssue.safeParse(data);
      if (!wanted.success)
        return { status: 422, body: { message: `Validation Failed: ${z.prettifyError(wanted.error)}` } };
      const { labels, ...rest } = wanted.data;
      const named = options.mayLabel ? labels.map((name) => ({ name })) : [];
      const issue: StoredIssue = {
        number: issues.length + 1,
        ...rest,
        labels: named,
        created_at: at(),
        comments: [],
        state: 'open',
      };
      issues.push(issue);
      return { status: 201, body: view(issue) };
    }
    const issue = issues.find((one) => one.number === Number(number));
    if (!issue) return { status: 404, body: { message: 'Not Found' } };
    if (comments === undefined && method === 'PATCH') {
      const wanted = change.safeParse(data);
      if (!wanted.success) return { status: 422, body: { message: 'Validation Failed' } };
      Object.assign(issue, wanted.data);
      return { status: 200, body: view(issue) };
    }
    if (comments === 'comments' && method === 'GET') {
      const since = url.searchParams.get('since') ?? '';
      return page(issue.comments.filter(({ created_at }) => created_at >= since));
    }
    if (comments === 'comments' && method === 'POST') {
      const wanted = newComment.safeParse(data);
      if (!wanted.success)
        return { status: 422, body: { message: `Validation Failed: ${z.prettifyError(wanted.error)}` } };
      issue.comments.push({ ...wanted.data, created_at: at() });
      return { status: 201, body: {} };
    }
    return { status: 405, body: { message: 'Method Not Allowed' } };
  });
  return Object.assign(server, { issues, options });
}

const pagerdutyEvent = z.union([
  z.strictObject({
    routing_key: z.string(),
    event_action: z.literal('trigger'),
    dedup_key: z.string().max(255),
    payload: z.strictObject({
      summary: z.string().min(1).max(1024),
      source: z.string().min(1),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      timestamp: z.iso.datetime(),
      custom_details: z.record(z.string(), z.unknown()),
    }),
    links: z.array(z.strictObject({ href: z.url(), text: z.string() })).optional(),
  }),
  z.strictObject({ routing_key: z.string(), event_action: z.literal('resolve'), dedup_key: z.string().max(255) }),
]);

/** The Events API v2: alerts by their key, each with how often it was triggered. */
export async function pagerdutyServer(key: string) {
  const alerts: { readonly key: string; readonly summary: string; triggers: number; isOpen: boolean }[] = [];
  const server = await serve(({ method, url, text }) => {
    if (method !== 'POST' || url.pathname !== '/v2/enqueue') return { status: 404, body: '' };
    if (text.length > 512_000) return { status: 413, body: '' };
    const event = pagerdutyEvent.safeParse(JSON.parse(text));
    if (!event.success || event.data.routing_key !== key)
      return { status: 400, body: { status: 'invalid event', message: 'Event object is invalid' } };
    const { data } = event;
    const open = alerts.find((alert) => alert.key === data.dedup_key && alert.isOpen);
    if (data.event_action === 'resolve') Object.assign(open ?? {}, { isOpen: false });
    else if (open) open.triggers += 1;
    else alerts.push({ key: data.dedup_key, summary: data.payload.summary, triggers: 1, isOpen: true });
    return { status: 202, body: { status: 'success', message: 'Event processed', dedup_key: data.dedup_key } };
  });
  return Object.assign(server, { alerts });
}
