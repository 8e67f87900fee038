import { afterEach, describe, expect, it, vi } from 'vitest';
import { breaksIn, entriesOf } from '../../promotion/git/chain.ts';
import { quarantinedIn } from '../../promotion/git/quarantine.ts';
import type { ArgoCd, Wanted } from '../../promotion/gitops/argo-cd.ts';
import { bringGitBack, type GitOptions, type Gone } from '../../promotion/gitops/git-side.ts';
import { recordsOf } from '../../promotion/gitops/records.ts';
import { git, newStage, pushAs, type Stage } from '../git/stage.ts';

// The Git side of a release that went back, against a real repository; Argo CD is only asked to follow.

const digest = (version: string) => `sha256:${version.repeat(64)}`;
const image = (version: string) => `registry.example/backend@${digest(version)}`;
const template = (version: string) => ({ spec: { containers: [{ name: 'main', image: image(version) }] } });
const rollout = (version: string, replicas = 2) => `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: backend
spec:
  replicas: ${replicas}
  template:
    spec:
      containers:
        - name: main
          image: ${image(version)}
`;
const files = (version: string, replicas?: number) => ({
  'dist/shop/50-backend.yaml': rollout(version, replicas),
  'overlays/pins/shop.yaml': `backend: { version: v${version}, digest: ${digest(version)} }\n`,
});

const GONE: Gone = {
  ask: 'promote',
  cause: { code: 'gate-failed', member: 'backend', message: 'backend: metric errors Failed' },
  members: [{ name: 'backend', activeService: 'backend', from: 'hash1', rejected: template('2'), kept: template('1') }],
};

async function bringBack(stage: Stage, gone: Gone = GONE, mode: GitOptions['mode'] = 'push') {
  const said: string[] = [];
  const followed: Wanted[] = [];
  let letGo = 0;
  const argoCd: ArgoCd = {
    hold: async () => {},
    async letGo() {
      letGo += 1;
    },
    refresh: async () => {},
    isHeld: async () => false,
    follow: async (wanted) => followed.push(wanted) > 0,
    close: () => {},
  };
  const records = recordsOf({
    release: 'shop',
    version: 'v2',
    by: 'a test',
    from: 'here',
    now: () => new Date('2030-01-02T03:04:05Z'),
  });
  const options = {
    release: 'shop',
    target: { repository: stage.bare, branch: 'main' },
    mode,
    path: 'dist/shop',
    records,
  };
  const state = await bringGitBack(gone, options, argoCd, (code, message) => said.push(`${code} ${message}`));
  return { state, said, followed, letGo };
}

const onMain = (stage: Stage, file: string) => git(stage.bare, 'show', `main:${file}`);

// Dozens of calls of git: seconds on a busy machine.
describe('Git, after a release went back', { timeout: 60_000 }, () => {
  afterEach(() => vi.unstubAllEnvs());

  it('has exactly the commit reverted that brought the release, and its images in quarantine by the same push', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    const bad = pushAs('two', stage.bare, files('2'));
    const after = pushAs('three', stage.bare, { 'docs/other.md': 'kept' });
    const { state, followed } = await bringBack(stage);
    expect(state).toBe('same');
    const head = git(stage.bare, 'rev-parse', 'main');
    expect(git(stage.bare, 'log', '--format=%P %(trailers:key=Reverts,valueonly)', '-1', 'main').trim()).toBe(
      `${after} ${bad}`,
    );
    expect(onMain(stage, 'dist/shop/50-backend.yaml')).toBe(rollout('1').trimEnd());
    expect(onMain(stage, 'overlays/pins/shop.yaml')).toContain(digest('1'));
    expect(onMain(stage, 'docs/other.md')).toBe('kept');
    expect(quarantinedIn(onMain(stage, 'overlays/quarantine.yaml'))).toEqual([
      {
        image: 'registry.example/backend',
        digest: digest('2'),
        reason: 'backend: metric errors Failed',
        since: '2030-01-02T03:04:05.000Z',
        until: '2030-01-16T03:04:05.000Z',
        by: 'a test',
        overlay: 'shop',
        release: 'v2',
      },
    ]);
    const record = `${onMain(stage, 'overlays/releases/shop.jsonl')}\n`;
    expect(breaksIn(record, 'shop')).toEqual([]);
    expect(entriesOf(record).map(({ action, commit }) => [action, commit])).toEqual([
      ['revert', bad],
      ['quarantine-add', undefined],
    ]);
    expect(followed).toEqual([
      {
        commit: head,
        rejecting: [after, bad],
        templates: new Map([['backend', template('1')]]),
        live: new Map([['backend', { service: 'backend', hash: 'hash1' }]]),
      },
    ]);
  });

  it('has the commit reverted that brought the release, not the one that put it back after a later one had failed', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    const second = pushAs('two', stage.bare, files('2'));
    pushAs('three', stage.bare, files('3'));
    const [from] = GONE.members;
    if (!from) throw new Error('nobody has gone back');
    await bringBack(stage, { ...GONE, members: [{ ...from, rejected: template('3'), kept: template('2') }] });
    expect(onMain(stage, 'dist/shop/50-backend.yaml')).toBe(rollout('2').trimEnd());
    const { state, said } = await bringBack(stage, {
      ...GONE,
      ask: 'rollback',
      cause: { code: 'asked', message: 'asked for' },
    });
    expect([state, said[0]]).toEqual(['same', expect.stringContaining(`reverted ${second.slice(0, 10)} on main`)]);
    expect(onMain(stage, 'dist/shop/50-backend.yaml')).toBe(rollout('1').trimEnd());
    expect(onMain(stage, 'overlays/pins/shop.yaml')).toContain(digest('1'));
  });

  it('is found reverted by a run after one that was killed, which then goes on to Argo CD', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    pushAs('two', stage.bare, files('2'));
    await bringBack(stage);
    const head = git(stage.bare, 'rev-parse', 'main');
    const { state, followed } = await bringBack(stage);
    expect([state, followed.map(({ commit }) => commit)]).toEqual(['same', [head]]);
    expect(git(stage.bare, 'rev-parse', 'main')).toBe(head);
  });

  it('is left alone where it has moved on to another release', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    pushAs('two', stage.bare, files('2'));
    const next = pushAs('three', stage.bare, files('3'));
    const { state, said, letGo } = await bringBack(stage);
    expect([state, letGo]).toEqual(['moved-on', 1]);
    expect(said[0]).toContain(`does not ask for this release since ${next.slice(0, 10)}: nothing to revert`);
    expect(git(stage.bare, 'rev-parse', 'main')).toBe(next);
  });

  it('is left as it is with the command to type, where what the commit changed was changed again', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    const bad = pushAs('two', stage.bare, files('2', 3));
    const head = pushAs('three', stage.bare, files('2', 4));
    const { state, said } = await bringBack(stage);
    expect(state).toBe('asks-for-rejected');
    expect(said[0]).toMatch(/^GIT_FAILED Git was not brought back \(conflict\): .*dist\/shop\/50-backend\.yaml/);
    expect(said[1]).toContain(`git revert ${bad}`);
    expect(git(stage.bare, 'rev-parse', 'main')).toBe(head);
  });

  it('gets a branch for a pull request where its own is protected, once however often it is asked', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    const bad = pushAs('two', stage.bare, files('2'));
    for (const _ of [1, 2]) {
      const { state, said, followed } = await bringBack(stage, GONE, 'pull-request');
      expect([state, followed]).toEqual(['asks-for-rejected', []]);
      expect(said.join('\n')).toMatch(/NEXT open and merge a pull request from revert-shop-\w+ into main/);
    }
    expect(git(stage.bare, 'rev-parse', 'main')).toBe(bad);
    expect(
      git(stage.bare, 'for-each-ref', '--format=%(refname:short)', 'refs/heads/revert-*').split('\n'),
    ).toHaveLength(1);
  });

  it('quarantines nothing that a person stopped or aborted', async () => {
    const stage = newStage();
    pushAs('one', stage.bare, files('1'));
    pushAs('two', stage.bare, files('2'));
    const { state } = await bringBack(stage, {
      ...GONE,
      ask: 'abort',
      cause: { code: 'asked', message: 'a person asked for it' },
    });
    expect(state).toBe('same');
    expect(git(stage.bare, 'ls-tree', '--name-only', 'main', 'overlays/')).not.toContain('quarantine');
  });

  it('is not brought back while it cannot be reached, and says so', async () => {
    const stage = newStage();
    const gone = { ...stage, bare: `${stage.bare}-gone` };
    const { state, said } = await bringBack(gone);
    expect([state, said[0]]).toEqual(['asks-for-rejected', expect.stringMatching(/^GIT_FAILED .*\(no-repository\)/)]);
  });
});
