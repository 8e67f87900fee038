import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { documented, filled } from '../documents/documented.ts';
import { answers, closeServers, nobody, serverThat } from '../performance/servers.ts';
import { buildCommandLine, cleanUp, moneywiseDeploy } from './command-line.ts';

// The command as a Job runs it, against servers on loopback.

beforeAll(buildCommandLine);
afterEach(closeServers);
afterAll(cleanUp);

/** Of a busy machine nothing is asked but the order of magnitude. */
const PATIENT = ['--rate', '60', '--timeout', '60', '--warm-up', '0.2', '--slowdown', '20', '--p95', '30'];
const usual = answers((count) => 10 + ((count * 7) % 50));
const failing = answers(
  () => 5,
  () => 503,
);

/** Types a line of a document with those two versions behind it. */
async function type(line: string, preview: string, stable: string, ...more: string[]) {
  const typed = filled(line, { 'http://PREVIEW': preview, 'http://STABLE': stable });
  const said = await moneywiseDeploy([...typed.split(' ').slice(2), ...more]);
  return { code: said.code, stderr: said.stderr, lines: said.stdout.trim().split('\n') };
}
const shown = documented('docs/performance-gate.md', 'The performance gate', 'load-gate');

describe('load-gate', { timeout: 180_000 }, () => {
  it('passes a version that is as good as the stable one, and says how sure that is', async () => {
    const { code, lines, stderr } = await type(shown, await serverThat(usual), await serverThat(usual), ...PATIENT);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines).toEqual([
      expect.stringMatching(/^errors pass: 0\.0 % of 178 requests failed \(5 % is too much\)$/),
      expect.stringMatching(/^duration pass: 95 of 100 requests took \d\.\d{3} s at most/),
      expect.stringMatching(/^ratio pass: that is \d\.\d\d times as long as with the stable version/),
      expect.stringMatching(/^pass after \d+ requests to each and \d+\.\d s, wrong with a probability of 1 % at most$/),
    ]);
  });

  it('fails a version that fails', async () => {
    const { code, lines } = await type(shown, await serverThat(failing), await serverThat(usual), ...PATIENT);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/^errors fail: 100\.0 % of 9 requests failed/);
    expect(lines[2]).toBe('! ratio unknown: nothing to judge');
  });

  it('does not know without a stable version, and says so to machines', async () => {
    const line = documented('docs/commands.md', 'load-gate', 'load-gate');
    const more = [...PATIENT, '--seconds', '4', '-o', 'json'];
    const { code, lines } = await type(line, await serverThat(usual), await nobody(), ...more);
    expect(code).toBe(3);
    const events = lines.map((each) => JSON.parse(each));
    expect(events.map(({ code }) => code)).toEqual(['PERFORMANCE', 'PERFORMANCE', 'PERFORMANCE', 'RESULT']);
    expect(events[2]).toMatchObject({ level: 'warning', data: { question: 'ratio', verdict: 'unknown', value: null } });
    expect(events[3].data).toMatchObject({
      outcome: 'unknown',
      exitCode: 3,
      why: expect.stringContaining('stable version answered 0'),
    });
  });

  it.each([
    [['--preview', 'http://u:p@x'], /http URL without path and login/],
    [['--path', '//x'], /begin with one slash/],
    [['--error-probability', '0.9'], /between 0 and 0.5/],
    [['--timeout', '0.5'], /whole seconds/],
    [['--rate', 'fast'], /number above 0/],
  ] as [string[], RegExp][])('refuses %j in a line', async (args, problem) => {
    const { code, stderr } = await moneywiseDeploy([
      'load-gate',
      '--preview',
      'http://a',
      '--stable',
      'http://b',
      '--path',
      '/',
      ...args,
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(/ {4}at /);
  });
});
