import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { releasePolicy } from '../../charts/release-policy.ts';
import { loadOverlay } from '../../overlays/load.ts';
import { policySchema } from '../../promotion/plan/policy.ts';
import { jobOf, minutesOf, type Step, shownIn, workflowCommandLines, workflows } from './workflow.ts';

// That each command line is one that this project takes and that a test runs is held together with those of the documents,
// in test/documents/commands.test.ts.

const stepsOf = (file: string, job: string): readonly Step[] => jobOf(file, job).steps ?? [];
const sum = (steps: readonly Step[]) => steps.reduce((minutes, step) => minutes + minutesOf(step), 0);
const runs = (word: string) => (step: Step) => step.run?.includes(`moneywise-deploy ${word}`) ?? false;

describe('a workflow', () => {
  it('takes actions of others by commit, with the version for people and Renovate behind it', () => {
    const uses = ['setup/action.yml']
      .map((file) => `.github/actions/${file}`)
      .concat(workflows().map(({ file }) => file));
    const lines = uses.flatMap((file) => readFileSync(file, 'utf8').match(/uses: .*/g) ?? []);
    const others = lines.filter((line) => !line.startsWith('uses: ./'));
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter((line) => !/^uses: [\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  it.each(workflows())('$file grants nothing to all of its jobs', ({ jobs, permissions }) => {
    expect(permissions).toEqual({});
    for (const job of Object.values(jobs)) expect(job).toHaveProperty('permissions');
  });

  it.each(workflows())('$file ends by itself', ({ jobs }) => {
    for (const { uses, ...job } of Object.values(jobs)) if (!uses) expect(minutesOf(job)).toBeGreaterThan(0);
  });

  it('puts nothing that somebody else wrote into a shell', () => {
    const shell = workflows().flatMap(({ jobs }) => Object.values(jobs).flatMap(({ steps = [] }) => steps));
    expect(shell.filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  });
});

describe.each(['staging', 'production'])('a release to %s', (overlay) => {
  const steps = stepsOf('release.yml', overlay);

  it('gives every step a time, and the job the time of all', () => {
    expect(minutesOf(jobOf('release.yml', overlay))).toBe(sum(steps));
  });

  it('is over ten minutes after its promotion began', () => {
    expect(sum([...steps.filter(runs('promote')), ...steps.filter(runs('health-check'))])).toBeLessThanOrEqual(10);
  });

  it('has time for all that the release policy allows a promotion, the way back included', () => {
    const [step] = steps.filter(runs('promote'));
    const prepare = Number(/--timeout (\d+)/.exec(step?.run ?? '')?.[1]);
    const { timeouts } = policySchema.parse(releasePolicy(loadOverlay(overlay)));
    const { returnSeconds, settleSeconds, switchSeconds, verifySeconds } = timeouts;
    const seconds = prepare + switchSeconds + verifySeconds + settleSeconds + returnSeconds;
    expect(seconds).toBeLessThanOrEqual(60 * minutesOf(step ?? {}));
  });

  it('pins, then promotes, then looks from outside, and keeps the evidence whatever happens', () => {
    const order = steps.map(({ run, uses }) => /moneywise-deploy (\S+)|^git (\S+)/.exec(run ?? '')?.[0] ?? uses ?? '');
    expect(order.map((text) => text.replace(/^moneywise-deploy |@.*/g, ''))).toEqual([
      'actions/checkout',
      './.github/actions/setup',
      'preflight',
      'pin',
      'git pull',
      'promote',
      'health-check',
      'actions/upload-artifact',
    ]);
    expect(steps.at(-1)).toMatchObject({ if: 'always()' });
  });

  it('has the token only in steps that push', () => {
    expect(steps.filter(({ env }) => env?.GIT_TOKEN).map(({ run }) => run?.split(' ').slice(0, 3).join(' '))).toEqual([
      'npx moneywise-deploy pin',
      'git pull --ff-only',
      'npx moneywise-deploy promote',
    ]);
  });
});

it('a rollback is over within five minutes, while the old pods are up', () => {
  const steps = stepsOf('rollback.yml', 'rollback');
  expect(minutesOf(jobOf('rollback.yml', 'rollback'))).toBe(5);
  // The upload comes after the way back; the job's own time ends it, too.
  expect(sum(steps.filter(({ uses }) => !uses?.startsWith('actions/upload-artifact')))).toBeLessThanOrEqual(5);
});

it('docs/workflows.md shows the command lines of the release and the rollback as they are', () => {
  const lines = workflowCommandLines().filter(({ file }) => /release|rollback/.test(file));
  const shown = shownIn('docs/workflows.md');
  const missing = lines
    .map(({ text }) => text.replace(/production/g, 'staging'))
    .filter((text) => text.startsWith('npx'));
  const known = new Set(shown.map((text) => text.replace(/production/g, 'staging')));
  expect(missing.filter((text) => !known.has(text))).toEqual([]);
});
