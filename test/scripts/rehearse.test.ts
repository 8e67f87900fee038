import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifests } from '../promotion/simulated.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy } from './command-line.ts';

beforeAll(buildCommandLine, 60_000);
afterAll(cleanUp);

/** A folder whose holds end before the analysis beside them does. */
const tooShort = () =>
  folderWith({
    'all.yaml': manifests('v2', { hold: 1 })
      .map((o) => dump(o))
      .join('---\n'),
  });

describe('moneywise-deploy rehearse', { timeout: 60_000 }, () => {
  it('ends with 1 and the command that plays the failing seed again, which ends with 1 too', async () => {
    const folder = await tooShort();
    const all = await moneywiseDeploy(['rehearse', '--manifests', folder, '--runs', '1']);
    expect(all).toMatchObject({ code: 1, stderr: '' });
    expect(all.stdout).toContain(`→ npx moneywise-deploy rehearse --manifests ${folder} --seed 1\n`);
    const one = await moneywiseDeploy(['rehearse', '--manifests', folder, '--seed', '1']);
    expect(one.code).toBe(1);
    expect(one.stdout).toMatch(/every member is prepared: switching/);
  });

  it('writes one event a line with --output json, the last one its result', async () => {
    const { stdout } = await moneywiseDeploy([
      ...['rehearse', '--manifests', await tooShort(), '--runs', '1', '-o', 'json'],
    ]);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(new Set(events.map(({ code }) => code))).toEqual(new Set(['FINDING', 'REHEARSAL', 'NEXT', 'RESULT']));
    expect(events.at(-1)).toMatchObject({ code: 'RESULT', data: { outcome: 'broken', exitCode: 1 } });
  });

  it.each([
    { args: ['development'], says: /no Rollout/ },
    { args: ['production', '--seed', 'x'], says: /whole number/ },
    { args: ['production', '--runs', '0'], says: /whole number/ },
  ])('refuses $args as usage', async ({ args, says }) => {
    expect(await moneywiseDeploy(['rehearse', ...args])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(says),
    });
  });
});
