import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Pins, withPins } from '../../overlays/pins.ts';
import { breaksIn, entriesOf } from '../../promotion/git/chain.ts';
import { appendTo } from '../../promotion/git/record.ts';
import { documented, filled } from '../documents/documented.ts';
import { fileAt, git, hook, newStage, pushAs, type Stage, setForUser, subjects } from '../git/stage.ts';
import { digestOf } from '../overlays/samples.ts';
import { buildCommandLine, cleanUp, moneywiseDeploy, type Said } from './command-line.ts';

// The commands that change the repository, as people type them in a checkout of this project whose remote is a bare repository.

const REMOTE = 'https://github.com/moneywise/moneywise-deploy.git';
const BACKEND = `ghcr.io/moneywise/moneywise/backend@${digestOf('backend-v1.2.3')}`;
const WEB = `ghcr.io/moneywise/moneywise/web@${digestOf('web-v1.2.3')}`;
const PIN = ['pin', 'staging', '--version', 'v1.2.3', '--image', `backend=${BACKEND}`, '--image', `web=${WEB}`];

let stage: Stage;
/** The commit that each test begins on. */
let start: string;

beforeAll(async () => {
  await buildCommandLine();
  stage = newStage();
  rmSync(stage.work, { recursive: true });
  git(stage.folder, 'clone', '--quiet', stage.bare, stage.work);
  for (const path of [
    ...['charts', 'imports', 'overlays', 'promotion', 'dist', '.gitattributes', '.gitignore'],
    ...['package.json', 'package-lock.json', 'tsconfig.json', 'cdk8s.yaml'],
  ])
    cpSync(path, join(stage.work, path), { recursive: true });
  rmSync(join(stage.work, 'overlays/releases'), { recursive: true, force: true });
  writeFileSync(join(stage.work, 'overlays/quarantine.yaml'), '[]\n');
  git(stage.work, 'add', '--all');
  git(stage.work, 'commit', '--quiet', '-m', 'the project');
  git(stage.work, 'push', '--quiet');
  start = git(stage.work, 'rev-parse', 'HEAD');
  setForUser(stage, `url.${stage.bare}.insteadOf`, REMOTE);
});

afterEach(() => {
  rmSync(join(stage.bare, 'hooks'), { recursive: true, force: true });
  git(stage.bare, 'update-ref', 'refs/heads/main', start);
  git(stage.work, 'reset', '--quiet', '--hard', start);
  git(stage.work, 'clean', '--quiet', '-fd');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(stage.folder, { recursive: true, force: true });
  await cleanUp();
});

/** Types it in the checkout. */
const type = (...args: string[]): Promise<Said> =>
  moneywiseDeploy(args, { HOME: stage.folder, GITHUB_ACTOR: 'ada', GITHUB_SERVER_URL: '' }, stage.work);
/** Types a line of docs/commands.md. */
const typeDocumented = (line: string, placeholders: Readonly<Record<string, string>> = {}): Promise<Said> =>
  type(...wordsOf(filled(line, placeholders)));
const wordsOf = (line: string) =>
  [...line.replace('npx moneywise-deploy ', '').matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
const changed = () =>
  git(stage.work, 'status', '--porcelain', '--untracked-files=all')
    .split('\n')
    .map((line) => line.trim());
const record = (overlay: string) => entriesOf(fileAt(stage.bare, `overlays/releases/${overlay}.jsonl`));

/** A refusal: one line on stderr, code 2, and nothing anywhere is another. */
async function expectRefused(message: RegExp, ...args: string[]): Promise<void> {
  const before = [...snapshotOf(), git(stage.bare, 'rev-parse', 'main')];
  const { code, stdout, stderr } = await type(...args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect([code, stdout]).toEqual([2, '']);
  expect([...snapshotOf(), git(stage.bare, 'rev-parse', 'main')]).toEqual(before);
}

describe('pin, in the working tree', { timeout: 120_000 }, () => {
  it('changes the pins, what is rendered of them, and the record, and commits nothing', async () => {
    const { code, stdout, stderr } = await type(...PIN);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/staging is pinned to v1\.2\.3\n$/);
    expect(changed()).toEqual(
      [
        ...['10-config', '30-migration', '50-backend', '51-web', '70-release-policy'].map(
          (file) => `M dist/staging/${file}.yaml`,
        ),
        'M overlays/pins/staging.yaml',
        '?? overlays/releases/staging.jsonl',
      ].map((line) => line.replace(/^M {2}/, 'M ')),
    );
    expect(readFileSync(join(stage.work, 'overlays/pins/staging.yaml'), 'utf8')).toMatch(
      /^# The images of staging;.*version: v1\.2\.3\n/s,
    );
    expect(readFileSync(join(stage.work, 'dist/staging/50-backend.yaml'), 'utf8')).toContain(BACKEND);
    expect(git(stage.work, 'rev-parse', 'HEAD')).toBe(start);

    const again = await type(...PIN, '-o', 'json');
    const events = again.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ code, data }) => [code, data.outcome])).toEqual([
      ['CHANGED', 'unchanged'],
      ['RESULT', 'unchanged'],
    ]);
  });

  it('changes nothing when it is refused', async () => {
    await expectRefused(/is a tag that can move/, ...PIN.map((word) => word.replace(/^v1.2.3$/, 'latest')));
    await expectRefused(/no overlay is called "prod"/, ...PIN.map((word) => word.replace(/^staging$/, 'prod')));
  });
});

describe('pin, by push', { timeout: 120_000 }, () => {
  it('is one commit on the branch, with pins, manifests and record; the working tree stays as it is', async () => {
    writeFileSync(join(stage.work, 'overlays/pins/staging.yaml'), 'half an edit');
    const before = snapshotOf();
    const overlay = readFileSync(join(stage.work, 'overlays/staging.ts'), 'utf8').replace('replicas: 2', 'replicas: 3');
    pushAs('bob', stage.bare, { 'overlays/staging.ts': overlay });
    const line = documented('docs/commands.md', 'pin', 'pin staging');
    const { code, stdout, stderr } = await type(
      ...wordsOf(filled(line, { DIGEST: digestOf('backend-v1.2.3') })),
      '--image',
      `web=${WEB}`,
    );
    expect([code, stderr]).toEqual([0, '']);
    const commit = git(stage.bare, 'rev-parse', 'main');
    expect(stdout).toContain(`commit ${commit} is on branch main of ${REMOTE}`);
    expect(snapshotOf()).toEqual(before);
    expect(subjects(stage.bare).slice(0, 2)).toEqual(['Pin staging to v1.2.3', 'work of bob']);
    expect(git(stage.bare, 'diff', '--name-only', 'main~1', 'main').split('\n')).toEqual([
      ...['10-config', '30-migration', '50-backend', '51-web', '70-release-policy'].map(
        (file) => `dist/staging/${file}.yaml`,
      ),
      'overlays/pins/staging.yaml',
      'overlays/releases/staging.jsonl',
    ]);
    // By the overlay that the branch has, which is newer than that of the checkout.
    expect(fileAt(stage.bare, 'dist/staging/50-backend.yaml')).toContain('minReplicas: 3');
    expect(record('staging')).toMatchObject([{ action: 'pin', version: 'v1.2.3', outcome: 'pinned', by: 'ada' }]);
    expect(await type(...PIN, '--push')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('pinned to v1.2.3 already'),
    });
    expect(git(stage.bare, 'rev-parse', 'main')).toBe(commit);
  });

  it('takes to production what staging has settled, and nothing newer', async () => {
    const from = wordsOf(documented('docs/commands.md', 'pin', '--from staging'));
    await expectRefused(/nothing can be taken from staging: no promotion of it is recorded/, ...from);
    const [backend, web] = [BACKEND, WEB].map((image) => ({ version: 'v1.2.3', digest: image.split('@')[1] ?? '' }));
    const pins = join(stage.work, 'overlays/pins/staging.yaml');
    writeFileSync(pins, withPins(readFileSync(pins, 'utf8'), { backend, web } as Pins));
    const images = Object.fromEntries([BACKEND, WEB].map((image) => image.split('@')));
    const about = { time: new Date().toISOString(), overlay: 'staging', images, by: 'ada', from: 'ci' };
    await appendTo(stage.work, 'staging', { ...about, action: 'promote', version: 'v1.2.3', outcome: 'promoted' });
    git(stage.work, 'add', '--all');
    git(stage.work, 'commit', '--quiet', '-m', 'promoted');
    git(stage.work, 'push', '--quiet');
    const { code, stderr } = await type(...from);
    expect([code, stderr]).toEqual([0, '']);
    expect(fileAt(stage.bare, 'dist/production/51-web.yaml')).toContain(WEB);
    expect(record('production')).toMatchObject([{ action: 'pin', reason: 'settled in staging', images }]);
  });

  it('says what a remote says that refuses it', async () => {
    hook(join(stage.bare, 'hooks'), 'pre-receive', 'echo "two reviews needed" >&2; exit 1');
    const add = ['quarantine', 'add', BACKEND, '--reason', 'r', '--push'];
    await expectRefused(/^error: nothing was pushed to .*two reviews needed/s, ...add);
  });

  it('ends with 8 when the remote does not answer', async () => {
    const nowhere = {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'url.http://127.0.0.1:9/.insteadOf',
      GIT_CONFIG_VALUE_0: 'https://github.com/',
    };
    const args = ['quarantine', 'lift', digestOf('x'), '--reason', 'r', '--push', '-o', 'json'];
    const without = { ...nowhere, GIT_CONFIG_GLOBAL: '/dev/null', HOME: stage.folder };
    const { code, stdout, stderr } = await moneywiseDeploy(args, without, stage.work);
    expect(stderr).toMatch(/^error: .*does not answer.*run the same command again/);
    expect([code, JSON.parse(stdout).data.outcome]).toEqual([8, 'unreachable']);
  });
});

describe('quarantine', { timeout: 120_000 }, () => {
  it('holds an image out until it is lifted, by word and reason', async () => {
    const add = documented('docs/commands.md', 'quarantine', 'quarantine add');
    const digest = digestOf('backend-v1.2.3');
    expect(await typeDocumented(add, { DIGEST: digest })).toMatchObject({ code: 0, stderr: '' });
    await expectRefused(
      /is in quarantine since .* in staging, until .*: answers 500\..*quarantine lift sha256:/,
      ...PIN,
      '--push',
    );
    git(stage.work, 'pull', '--quiet');
    const listed = await typeDocumented(documented('docs/commands.md', 'quarantine', 'quarantine list'));
    expect(listed.stdout).toMatch(
      /backend@sha256:.*\n {2}answers 500 \(staging\)\n {2}since .*, until .*, by ada\n1 image is in quarantine\n$/,
    );
    const lift = documented('docs/commands.md', 'quarantine', 'quarantine lift');
    expect(await typeDocumented(lift, { DIGEST: digest })).toMatchObject({ code: 0, stderr: '' });
    expect(record('staging').map(({ action, reason }) => [action, reason])).toEqual([
      ['quarantine-add', 'answers 500'],
      ['quarantine-lift', 'the proxy was it'],
    ]);
  });

  it('is changed in the working tree without --push, and not at all by nonsense', async () => {
    expect(await type('quarantine', 'add', WEB, '--reason', 'r', '--days', '1')).toMatchObject({ code: 0 });
    expect(changed()).toEqual(['M overlays/quarantine.yaml', '?? overlays/releases/quarantine.jsonl']);
    git(stage.work, 'add', '--all');
    await expectRefused(/"web" is no image by digest/, 'quarantine', 'add', 'web', '--reason', 'r');
  });
});

describe('audit', { timeout: 120_000 }, () => {
  const file = () => join(stage.work, 'overlays/releases/staging.jsonl');

  it('shows a table to people and lines to machines, and names what is broken', async () => {
    const act = { overlay: 'staging', version: 'v1', images: {}, outcome: 'added', by: 'ada', from: 'laptop' };
    for (const reason of ['one', 'two'])
      await appendTo(stage.work, 'staging', {
        ...act,
        time: new Date().toISOString(),
        action: 'quarantine-add',
        reason,
      });
    git(stage.work, 'add', '--all');
    git(stage.work, 'commit', '--quiet', '-m', 'recorded');
    const shown = await typeDocumented(documented('docs/commands.md', 'audit', 'audit show'));
    expect(shown.stdout).toMatch(/^staging\n {2}\d{4}-.* quarantine-add .* added .* ada .* one\n.* two\n2 lines\n$/);
    const lines = (await type('audit', 'show', '-o', 'json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ code }) => code)).toEqual(['AUDIT', 'AUDIT', 'RESULT']);
    expect(lines[1].data).toMatchObject({ seq: 2, reason: 'two', previous: lines[0].data.hash });
    expect(await typeDocumented(documented('docs/commands.md', 'audit', 'audit verify'))).toMatchObject({
      code: 0,
      stdout: 'every line is as it was written\n',
    });

    const text = readFileSync(file(), 'utf8');
    writeFileSync(file(), text.replace('"one"', '"fun"'));
    const edited = await type('audit', 'verify', 'staging');
    expect(edited.code).toBe(1);
    expect(edited.stdout).toContain('staging.jsonl, line 1: changed: its content is not what was written');
    expect(edited.stdout).toContain('the working tree lacks 1 of the lines that are committed');

    // Its end cut off, and committed: no chain tells that.
    writeFileSync(file(), `${text.split('\n')[0]}\n`);
    expect(breaksIn(readFileSync(file(), 'utf8'), 'staging')).toEqual([]);
    git(stage.work, 'commit', '--quiet', '--all', '-m', 'oops');
    const cut = await type('audit', 'verify', '-o', 'json');
    expect(cut.code).toBe(1);
    expect(cut.stdout).toMatch(/commit \w+ changed or took out 1 of its lines/);
  });

  it('computes how well an overlay delivers, and says what it does not know', async () => {
    const act = { overlay: 'production', version: 'v1', images: { backend: 'v1' }, by: 'ada', from: 'laptop' };
    const at = (day: number) => new Date(Date.now() - (40 - day) * 86_400_000).toISOString();
    for (const [day, action, outcome] of [
      ...[1, 5, 9].flatMap((day) => [[day, 'pin', 'pinned'] as const, [day + 1, 'promote', 'promoted'] as const]),
      [11, 'rollback', 'restored'] as const,
    ])
      await appendTo(stage.work, 'production', { ...act, time: at(day), action, outcome });
    const all = await typeDocumented(documented('docs/commands.md', 'audit', 'audit metrics'));
    expect(all.code).toBe(0);
    expect(all.stdout).toMatch(/deployment frequency +0\.08 a day, n = 3\n +lead time +24\.0 h \(median\), n = 3\n/);
    expect(all.stdout).toMatch(
      /change-failure rate +33\.3 %, n = 3\n +time to restore +unknown: needs 3 failures .*, has 1\n/,
    );

    const lately = await type('audit', 'metrics', 'production', '--since', at(4).slice(0, 10), '-o', 'json');
    const [figures, result] = lately.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(figures).toMatchObject({
      code: 'AUDIT',
      data: { overlay: 'production', deploymentFrequency: { samples: 2 } },
    });
    expect(figures.data.leadTime).toEqual({ unknown: expect.any(String), samples: 2 });
    expect(result).toMatchObject({ code: 'RESULT', data: { outcome: 'measured', exitCode: 0, release: 'production' } });

    const file = join(stage.work, 'overlays/releases/production.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replace('rollback', 'promote'));
    expect((await type('audit', 'metrics')).stdout).toContain('production.jsonl is not as it was written');
    git(stage.work, 'add', '--all');
    await expectRefused(/It must be a day or a time/, 'audit', 'metrics', '--since', 'soon');
    await expectRefused(/--since 2999-.* is in the future/, 'audit', 'metrics', '--since', '2999-01-01');
    await expectRefused(/cannot be used with option/, 'audit', 'metrics', '--since', '2026-01-01', '--days', '3');
  });

  it('of what is not recorded is refused', async () => {
    await expectRefused(/nothing is recorded of "nope": overlays\/releases\/ has nothing yet/, 'audit', 'show', 'nope');
  });
});

/** What of the checkout would be missed. */
function snapshotOf(): string[] {
  return [git(stage.work, 'status', '--porcelain'), git(stage.work, 'rev-parse', 'HEAD'), git(stage.work, 'diff')];
}
