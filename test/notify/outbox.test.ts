import { afterEach, describe, expect, it, vi } from 'vitest';
import { newSender } from '../../promotion/notify/http.ts';
import type { Message } from '../../promotion/notify/message.ts';
import { newOutbox, pauseAfter } from '../../promotion/notify/outbox.ts';
import { slackMessage } from '../../promotion/notify/slack.ts';
import { testClock } from './clock.ts';
import { closeServers, type Fault, SLACK_PATH, slackServer } from './servers.ts';

const message = (title: string): Message => ({
  id: title,
  moment: 'ended',
  time: '2026-01-01T00:00:00Z',
  isGood: true,
  title,
  text: 'text',
  next: [],
  release: 'shop',
  namespace: 'shop',
});

/** An outbox before a server of Slack on which these faults befall the first requests. */
async function outboxBefore(faults: Fault[], patience?: number) {
  const clock = testClock();
  const slack = await slackServer();
  slack.faults.push(...faults);
  const url = `${slack.url}${SLACK_PATH}`;
  const lost: string[] = [];
  const { send, close } = newSender([SLACK_PATH], clock.now);
  const box = newOutbox({
    send,
    clock,
    onGivenUp: (what, why) => lost.push(`${what}: ${why}`),
    ...(patience === undefined ? {} : { patience }),
  });
  const put = (title: string) => box.put(title, slackMessage({ url }, undefined, message(title)));
  const titles = () => slack.texts.map((text) => /\*(.*)\*/.exec(text)?.[1]);
  cleanUps.push(close);
  return { clock, slack, lost, box, put, titles };
}

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map((clean) => clean()));
  await closeServers();
});

const isEmpty = (box: { size: () => number }) =>
  vi.waitFor(() => expect(box.size()).toBe(0), { timeout: 10_000, interval: 5 });

describe('an outbox', () => {
  it('delivers in order, and tries again with pauses that double, whatever went wrong', async () => {
    const { put, box, titles, clock, lost } = await outboxBefore([
      { status: 500 },
      'reset',
      { status: 503 },
      { status: 429 },
    ]);
    put('first');
    put('second');
    await isEmpty(box);
    expect(titles()).toEqual(['first', 'second']);
    expect(clock.pauses).toEqual([500, 1000, 2000, 4000]);
    expect(lost).toEqual([]);
  });

  it('pauses half a minute at most, and never all at the same moment', () => {
    expect([1, 2, 5, 6, 7, 8, 50].map((tries) => pauseAfter(tries, 0))).toEqual([
      500, 1000, 8000, 16_000, 30_000, 30_000, 30_000,
    ]);
    expect(pauseAfter(3, 0.999)).toBe(1001);
  });

  it.each([
    ['a number of seconds', () => ({ 'retry-after': '7' }), 429],
    ['a date', (now: number) => ({ 'retry-after': new Date(now + 7000).toUTCString() }), 503],
    [
      'when a limit of GitHub is renewed',
      (now: number) => ({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.floor(now / 1000) + 7) }),
      403,
    ],
  ])('leaves a sink alone for as long as it asks: %s', async (_, headers, status) => {
    const { put, box, titles, clock, slack } = await outboxBefore([]);
    slack.faults.push({ status, headers: headers(clock.now()) });
    put('first');
    await isEmpty(box);
    expect(titles()).toEqual(['first']);
    expect(clock.pauses).toHaveLength(1);
    expect(clock.pauses[0]).toBeGreaterThan(5900);
    expect(clock.pauses[0]).toBeLessThanOrEqual(7000);
  });

  it('gives up at once what will not be taken, says why without the address, and goes on with the next', async () => {
    const { put, box, titles, lost, slack, clock } = await outboxBefore([
      { status: 400, body: `invalid_payload for ${SLACK_PATH}` },
    ]);
    put('first');
    put('second');
    await isEmpty(box);
    expect([titles(), slack.requests.length, clock.pauses]).toEqual([['second'], 2, []]);
    expect(lost).toEqual(['first: answers 400: invalid_payload for [redacted]']);
  });

  it('follows no redirect', async () => {
    const { put, box, lost, slack } = await outboxBefore([{ status: 307, headers: { location: SLACK_PATH } }]);
    put('first');
    await isEmpty(box);
    expect([slack.requests.length, lost]).toEqual([1, ['first: answers 307']]);
  });

  it.each(['hang', 'stall'] as const)(
    'does not wait for a call that is not answered to the end (%s), but tries it again',
    async (fault) => {
      const { put, box, titles, slack, clock } = await outboxBefore([fault]);
      put('first');
      await vi.waitFor(() => expect(slack.requests).toHaveLength(1));
      clock.advance(4000);
      await isEmpty(box);
      expect(titles()).toEqual(['first']);
    },
  );

  it('gives up what it has been trying for as long as it may', async () => {
    const { put, box, lost, slack } = await outboxBefore([], 60_000);
    slack.down = { status: 500 };
    put('first');
    await isEmpty(box);
    expect(lost).toEqual(['first: answers 500']);
  });
});

describe('an outbox that is closed', () => {
  it('has delivered everything when the sink comes back in time', async () => {
    const { put, box, titles, lost } = await outboxBefore([{ status: 500 }, 'reset', { status: 502 }]);
    put('first');
    put('second');
    await box.close(10_000);
    expect([titles(), lost]).toEqual([['first', 'second'], []]);
  });

  it.each([['reset'], [{ status: 503 }], ['hang']] as [Fault][])(
    'takes no longer than it may before a sink that is dead (%j), and says what is lost',
    async (fault) => {
      const { put, box, lost, slack, clock } = await outboxBefore([]);
      slack.down = fault;
      put('first');
      put('second');
      const began = clock.now();
      const closed = box.close(10_000);
      if (fault === 'hang') {
        await vi.waitFor(() => expect(slack.requests).toHaveLength(1));
        clock.advance(10_000);
      }
      await closed;
      expect(clock.now() - began).toBeLessThanOrEqual(10_000);
      expect(lost.map((line) => line.split(':')[0])).toEqual(['first', 'second']);
    },
  );

  it('does not wait for a sink that wants to be left alone for longer', async () => {
    const { put, box, lost, clock } = await outboxBefore([{ status: 429, headers: { 'retry-after': '3600' } }]);
    put('first');
    const began = clock.now();
    await box.close(10_000);
    expect([clock.now() - began, lost]).toEqual([0, ['first: answers 429']]);
  });

  it('stops at once when a person has had enough', async () => {
    const { put, box, lost, slack } = await outboxBefore([]);
    slack.down = 'hang';
    put('first');
    const enough = new AbortController();
    const closed = box.close(10_000, enough.signal);
    await vi.waitFor(() => expect(slack.requests).toHaveLength(1));
    enough.abort();
    await closed;
    expect(lost).toEqual(['first: does not answer in time']);
  });
});
