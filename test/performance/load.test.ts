import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Limits, Shot } from '../../promotion/performance/gate.ts';
import { judgedUnderLoad, type Load, type Send } from '../../promotion/performance/load.ts';
import { chanceOf } from './chance.ts';

// Two versions that answer in virtual time. That real servers are asked and heard rightly is in burst.test.ts and
// test/scripts/load-gate.test.ts.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const load: Load = {
  preview: ['http://preview/a', 'http://preview/b'],
  stable: ['http://stable/a', 'http://stable/b'],
  requestsPerSecond: 50,
  seconds: 60,
  warmUpSeconds: 1,
  timeoutSeconds: 5,
};
const limits: Limits = { errorPercent: 5, p95Seconds: 1, slowdown: 1.5, errorProbability: 0.01 };

/** How a request ends that is the `count`th to its version, `at` milliseconds after the beginning. */
type Version = (count: number, at: number) => Shot;
const chance = chanceOf(11);
const usual: Version = () => ({ status: 200, milliseconds: -50 * Math.log(1 - chance()) });
const silent: Version = () => ({});
const failing: Version = () => ({ status: 503, milliseconds: 5 });

/** Judges those two; `sent` is what was sent when, `most` how many bursts were on their way at once. */
async function judged(preview: Version, stable: Version, change: Partial<Load> = {}) {
  const given = { ...load, ...change };
  const began = performance.now();
  const sent: { at: number; url: string }[] = [];
  const counts = { preview: 0, stable: 0 };
  let [open, most] = [0, 0];
  const send: Send = async ({ signal, size, timeoutSeconds, url }) => {
    const name = url.startsWith('http://preview') ? 'preview' : 'stable';
    const at = performance.now() - began;
    sent.push({ at, url });
    most = Math.max(most, ++open);
    const shots = Array.from({ length: size }, () => (name === 'preview' ? preview : stable)(counts[name]++, at));
    const took = Math.max(...shots.map(({ milliseconds = timeoutSeconds * 1000 }) => milliseconds));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, took);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    open -= 1;
    return shots;
  };
  const judging = judgedUnderLoad(given, limits, send);
  await vi.runAllTimersAsync();
  return { ...(await judging), sent, most };
}

describe('a load on two versions', () => {
  it('passes one that is as good as the other, before its time is up', async () => {
    const judgement = await judged(usual, usual);
    expect(judgement).toMatchObject({ verdict: 'pass', findings: [{ value: 0 }, {}, {}] });
    expect(judgement.seconds).toBeLessThan(30);
  });

  it('sends both the same at the same moment, at a fixed rate, and lets them take turns in being first', async () => {
    const { sent } = await judged(usual, usual);
    const [first, second, third, fourth] = sent.map(({ at, url }) => `${at} ${url}`);
    expect([first, second]).toEqual(['0 http://preview/a', '0 http://stable/a']);
    expect([third, fourth]).toEqual(['100 http://stable/b', '100 http://preview/b']);
  });

  it('goes on at that rate when nothing is answered in time', async () => {
    const slow: Version = () => ({ status: 200, milliseconds: 4000 });
    const { most, seconds, verdict } = await judged(slow, slow);
    expect(verdict).toBe('fail');
    expect(most).toBeGreaterThanOrEqual(2 * 40);
    expect(seconds).toBeLessThan(10);
  });

  it('fails one that is slower than it may, compared with the other', async () => {
    const slower: Version = () => ({ status: 200, milliseconds: 400 });
    expect(await judged(slower, usual)).toMatchObject({
      verdict: 'fail',
      findings: [{ question: 'errors' }, { question: 'duration' }, { question: 'ratio', verdict: 'fail' }],
    });
  });

  it('fails one that fails, within two bursts after its warm-up', async () => {
    const judgement = await judged(failing, usual);
    expect(judgement).toMatchObject({ verdict: 'fail', findings: [{ verdict: 'fail', value: 100 }, {}, {}] });
    expect(judgement.requests).toBe(10);
    expect(judgement.seconds).toBeLessThan(2);
  });

  it('does not miss the slow ones that are still on their way', async () => {
    // One of eight takes three seconds: those that are back by then are all fast.
    const now: Version = (count) => ({ status: 200, milliseconds: count % 8 === 0 ? 3000 : 5 });
    const judgement = await judged(now, usual);
    expect(judgement).toMatchObject({ verdict: 'fail', findings: [{}, { verdict: 'fail' }, {}] });
  });

  it('does not know with too few requests', async () => {
    const judgement = await judged(usual, usual, { seconds: 3 });
    expect(judgement).toMatchObject({ verdict: 'unknown', why: '100 requests were not enough to be sure' });
  });

  it('does not know without the stable version, nor without a new one that answers', async () => {
    const why = expect.stringMatching(/^the stable version answered 0 of \d+ requests, too few to compare with$/);
    expect(await judged(usual, silent)).toMatchObject({ verdict: 'unknown', why });
    const never = await judged(silent, usual, { seconds: 3 });
    expect(never).toMatchObject({ verdict: 'unknown', why: 'the new version answered no request', requests: 0 });
  });

  it('does not know when the stable version goes away in the middle', async () => {
    const going: Version = (count, at) => (at < 2000 ? usual(count, at) : {});
    expect(await judged(usual, going)).toMatchObject({ verdict: 'unknown' });
  });

  it('does not judge the first answers of a version that has just come up', async () => {
    const cold: Version = (count, at) => (at < 900 ? {} : at < 1800 ? failing(count, at) : usual(count, at));
    expect(await judged(cold, usual)).toMatchObject({ verdict: 'pass' });
  });
});
