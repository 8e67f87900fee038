import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newReceiver } from '../../promotion/notify/sentry/receiver.ts';
import { newResponder } from '../../promotion/notify/sentry/respond.ts';
import { openSinks, type Sinks } from '../../promotion/notify/sinks.ts';
import { notificationsSchema } from '../../promotion/plan/notifications.ts';
import { type TestClock, testClock } from './clock.ts';
import { CLIENT_SECRET, deliver, eventAlert, issueChange, metricAlert } from './deliveries.ts';
import { closeServers, githubServer, pagerdutyServer } from './servers.ts';

const TOKEN = 'github_pat_11AAAAAAA0secretsecretsecret';
const KEY = 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00';
const REPOSITORY = 'moneywise/moneywise';
const HOUR = 3_600_000;

let clock: TestClock;
let github: Awaited<ReturnType<typeof githubServer>>;
let pagerduty: Awaited<ReturnType<typeof pagerdutyServer>>;
let sinks: Sinks;
let server: Server;
let url: string;
let refused: string[];
let lost: string[];

beforeEach(async () => {
  clock = testClock();
  github = await githubServer(REPOSITORY, TOKEN, clock.now);
  pagerduty = await pagerdutyServer(KEY);
  refused = [];
  lost = [];
  sinks = openSinks({
    wanted: notificationsSchema.parse({
      github: { repository: REPOSITORY, api: github.url },
      pagerduty: { api: pagerduty.url },
    }),
    credentials: { access: { github: { token: TOKEN }, pagerduty: { key: KEY } }, known: [TOKEN, KEY] },
    clock,
    patience: 600_000,
    onGivenUp: (sink, _, why) => lost.push(`${sink}: ${why}`),
  });
  server = newReceiver({
    secret: CLIENT_SECRET,
    isFull: () => sinks.size() >= 3,
    onRefused: (why) => refused.push(why),
    take: newResponder(sinks, clock),
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await sinks.close(0);
  await closeServers();
});

/** Delivers, and waits until what was taken over is passed on; the status of the answer. */
async function receive(...[resource, body, how]: [string, object | string, Parameters<typeof deliver>[3]?]) {
  const { status } = await deliver(url, resource, body, how);
  await vi.waitFor(() => expect(sinks.size()).toBe(0), { timeout: 10_000, interval: 5 });
  return status;
}

const open = () => github.issues.filter(({ state }) => state === 'open');

describe('an alert of Sentry', () => {
  it('opens one issue for each fingerprint, which shows where it came from and wakes nobody', async () => {
    expect(await receive('event_alert', eventAlert())).toBe(202);
    expect(await receive('event_alert', eventAlert({ issue_id: '2', title: 'another' }))).toBe(202);
    expect(github.issues.map(({ title }) => title)).toEqual([
      'Sentry: ReferenceError: heck is not defined',
      'Sentry: another',
    ]);
    expect(github.issues[0]?.body).toMatch(/\| rule \| `Very Important Alert Rule!` \|/);
    expect(github.issues[0]?.body).toContain('(https://sentry.io/organizations/test-org/issues/1117540176/events/');
    expect(pagerduty.alerts).toEqual([]);
  });

  it('is counted in a comment once an hour at most, however often it comes', async () => {
    await receive('event_alert', eventAlert());
    for (let i = 0; i < 5; i += 1) await receive('event_alert', eventAlert());
    expect(github.issues.map(({ comments }) => comments)).toEqual([[]]);
    clock.advance(HOUR);
    for (let i = 0; i < 5; i += 1) await receive('event_alert', eventAlert());
    clock.advance(HOUR);
    await receive('event_alert', eventAlert());
    const counts = github.issues.flatMap(({ comments }) => comments.map(({ body }) => /\d+ alerts/.exec(body)?.[0]));
    expect(counts).toEqual(['7 alerts', '12 alerts']);
  });

  it.each(['fatal', 'critical'])('of level %s pages, once, until it is over', async (level) => {
    for (let i = 0; i < 3; i += 1) await receive('event_alert', eventAlert({ level }));
    expect(pagerduty.alerts).toMatchObject([
      { key: 'moneywise-deploy/sentry/issue/1117540176', triggers: 3, isOpen: true },
    ]);
    await receive('issue', issueChange('resolved'));
    expect([pagerduty.alerts[0]?.isOpen, open()]).toEqual([false, []]);
  });

  it('is one with what Sentry tells of the same issue', async () => {
    await receive('event_alert', eventAlert());
    await receive('issue', issueChange('created'));
    expect(open()).toHaveLength(1);
    await receive('issue', issueChange('assigned'));
    expect(open()).toHaveLength(1);
    await receive('issue', issueChange('archived'));
    expect(open()).toEqual([]);
    await receive('issue', issueChange('unresolved'));
    expect([open().length, github.issues.length]).toEqual([1, 2]);
  });

  it('of a metric warns, pages when it is critical, and is closed when the metric is well again', async () => {
    await receive('metric_alert', metricAlert('warning'));
    expect([open().length, pagerduty.alerts.length]).toEqual([1, 0]);
    await receive('metric_alert', metricAlert('critical'));
    expect([open().length, pagerduty.alerts.length]).toEqual([1, 1]);
    await receive('metric_alert', metricAlert('resolved'));
    expect([open().length, pagerduty.alerts[0]?.isOpen]).toEqual([0, false]);
  });

  it('that has no issue is told apart by its own fingerprint', async () => {
    for (const fingerprint of [['a'], ['b'], ['a']])
      await receive('event_alert', eventAlert({ issue_id: undefined, fingerprint }));
    expect(github.issues).toHaveLength(2);
  });

  it('that comes again under the same id does nothing twice', async () => {
    await receive('event_alert', eventAlert({ level: 'fatal' }), { id: 'one' });
    await receive('issue', issueChange('resolved'), { id: 'two' });
    expect(await receive('event_alert', eventAlert({ level: 'fatal' }), { id: 'one' })).toBe(202);
    expect([open(), pagerduty.alerts.length]).toEqual([[], 1]);
  });

  it('can pretend neither another incident nor markup', async () => {
    await receive('event_alert', eventAlert());
    const mark = github.issues[0]?.body.split('\n')[0] ?? '';
    await receive(
      'event_alert',
      eventAlert({ issue_id: '2', title: `${mark}\n@everyone | \`x\` <b>`, culprit: '| a |' }),
    );
    await receive('issue', issueChange('resolved'));
    expect(open().map(({ number }) => number)).toEqual([2]);
    expect(github.issues[1]?.body).toContain(
      '``<!-- moneywise-deploy incident: sentry%2Fissue%2F1117540176 --> @everyone | `x` <b>``',
    );
    expect(github.issues[1]?.body).toContain('| culprit | `\\| a \\|` |');
  });

  it('is passed on when GitHub is well again', async () => {
    github.faults.push({ status: 500 }, 'reset', { status: 429, headers: { 'retry-after': '30' } });
    await receive('event_alert', eventAlert());
    expect([open().length, lost]).toEqual([1, []]);
  });
});

describe('a delivery that is no alert', () => {
  it.each([
    ['with another secret', { secret: 'guessed' }],
    ['without a signature', { headers: { 'sentry-hook-signature': '' } }],
    ['with half of one', { headers: { 'sentry-hook-signature': 'abcd' } }],
  ])('is refused: signed %s', async (_, how) => {
    expect(await receive('event_alert', eventAlert(), how)).toBe(401);
    expect([github.requests, refused]).toEqual([[], ['401: not signed by Sentry']]);
  });

  it('is refused when a byte of it was changed after it was signed', async () => {
    const { createHmac } = await import('node:crypto');
    const signed = createHmac('sha256', CLIENT_SECRET).update(JSON.stringify(eventAlert())).digest('hex');
    const how = { headers: { 'sentry-hook-signature': signed } };
    expect(await receive('event_alert', eventAlert({ level: 'fatal' }), how)).toBe(401);
    expect(pagerduty.requests).toEqual([]);
  });

  it.each([
    ['text', 'hello'],
    ['another object', { action: 'triggered', data: {} }],
    ['a number where a text belongs', eventAlert({ title: 7 })],
  ])('is refused when it is %s', async (_, body) => {
    expect(await receive('event_alert', body)).toBe(400);
    expect(github.requests).toEqual([]);
  });

  it.each(['installation', 'comment', 'error', '__proto__', ''])(
    'is taken and left alone when it is about "%s"',
    async (resource) => {
      expect(await receive(resource, { action: 'created', data: {} })).toBe(202);
      expect(github.requests).toEqual([]);
    },
  );

  it('is refused when it is too long, or not posted', async () => {
    expect(await receive('event_alert', 'x'.repeat(2 * 1024 * 1024)).catch(() => 413)).toBe(413);
    expect((await fetch(url)).status).toBe(405);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is refused while too much waits, and taken when it comes again', async () => {
    github.down = 'hang';
    for (const issue_id of ['1', '2', '3'])
      expect((await deliver(url, 'event_alert', eventAlert({ issue_id }))).status).toBe(202);
    const id = 'again';
    expect((await deliver(url, 'event_alert', eventAlert(), { id })).status).toBe(503);
    github.down = undefined;
    clock.advance(4000);
    await vi.waitFor(() => expect(sinks.size()).toBe(0), { timeout: 10_000 });
    expect(await receive('event_alert', eventAlert(), { id })).toBe(202);
    expect(github.issues).toHaveLength(4);
  });
});
