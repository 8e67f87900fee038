import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Change,
  type CommitEnd,
  type CommitOptions,
  commitOnto,
  type Target,
} from '../../promotion/git/remote.ts';
import { revertOf } from '../../promotion/git/revert.ts';
import { UsageError } from '../../promotion/plan/usage.ts';
import {
  daemon,
  fileAt,
  git,
  hook,
  listen,
  newStage,
  pushAs,
  put,
  type Stage,
  setForUser,
  smartHttp,
  snapshot,
  subjects,
} from './stage.ts';

// Real git against real repositories. Each fault ends in a stated state, read from the remote; and whatever happens, the
// checkout of the person who runs it stays as it was, and no throwaway clone stays behind.

const PIN = 'version: v2\n';
const QUICK = { firstWait: 1 };

let stage: Stage;
let before: ReturnType<typeof snapshot>;
let untouched: readonly string[];

beforeEach(() => {
  stage = newStage();
  untouched = subjects(stage.bare);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(stage.folder, { recursive: true, force: true });
});

const pin: Change = async ({ folder }) => {
  put(folder, { 'pins.yaml': PIN });
  return { message: 'Pin v2' };
};

/** Commits onto main of the remote as a person does who stands in the checkout. */
async function commit(
  change: Change = pin,
  options: Partial<CommitOptions> = {},
  target: Partial<Target> = {},
): Promise<CommitEnd> {
  before = snapshot(stage.work);
  const end = await commitOnto({ repository: stage.bare, branch: 'main', ...target }, change, {
    act: 'pin-v2',
    checkout: stage.work,
    ...options,
    patience: { ...QUICK, ...options.patience },
  });
  expect(snapshot(stage.work), 'the checkout').toEqual(before);
  expect(existsSync(stage.temporary) ? readdirSync(stage.temporary) : [], 'throwaway clones').toEqual([]);
  return end;
}

/** What a killed run leaves is removed when it is old; here at once. */
function emptied(folder: string): void {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
}

/** Text that nothing compresses. */
const randomText = (bytes: number) => randomBytes(bytes).toString('base64');

function expectPinned(end: CommitEnd, ...onTopOf: string[]): void {
  expect(end, JSON.stringify(end)).toMatchObject({
    outcome: 'pushed',
    branch: 'main',
    commit: git(stage.bare, 'rev-parse', 'main'),
  });
  expect(subjects(stage.bare)).toEqual(['Pin v2', ...onTopOf, ...untouched]);
  expect(fileAt(stage.bare, 'pins.yaml')).toBe(PIN);
}

function expectNothingPushed(end: CommitEnd, outcome: CommitEnd['outcome'], words: RegExp): void {
  expect(end, JSON.stringify(end)).toMatchObject({ outcome });
  expect('words' in end && end.words).toMatch(words);
  expect(subjects(stage.bare)).toEqual(untouched);
}

describe('a commit on a remote branch', () => {
  it('lands, with the trailer of its act, from a person who is in the middle of something', async () => {
    expectPinned(await commit());
    expect(git(stage.bare, 'log', '-1', '--format=%(trailers)', 'main')).toBe('Release-Act: pin-v2');
    expect(git(stage.bare, 'log', '-1', '--format=%an <%ae>', 'main')).toBe('Release <release@example.org>');
  });

  it('is not made where there is nothing to change', async () => {
    const end = await commit(async ({ folder }) => {
      put(folder, { 'pins.yaml': 'version: v1\n' });
      return { message: 'Pin v1' };
    });
    expectNothingPushed(end, 'nothing-to-do', /has it already/);
  });

  it('is not made again by the same act', async () => {
    const first = await commit();
    pushAs('bob', stage.bare, { 'log.txt': 'two\n' });
    expect(await commit()).toEqual({ ...first, wasThere: true });
    expect(subjects(stage.bare)).toEqual(['work of bob', 'Pin v2', ...untouched]);
  });

  it('is told from that of an act whose name only begins the same', async () => {
    await commit(pin, { act: 'pin-v2.1' });
    expect(
      await commit(
        async ({ folder }) => {
          put(folder, { 'pins.yaml': 'version: v3\n' });
          return { message: 'Pin v3' };
        },
        { act: 'pin-v2' },
      ),
    ).toMatchObject({ outcome: 'pushed', wasThere: false });
  });

  it('leaves what its change threw to its caller, and nothing else', async () => {
    await expect(
      commit(async ({ folder }) => {
        put(folder, { 'pins.yaml': PIN });
        throw new UsageError('this digest is in quarantine');
      }),
    ).rejects.toThrow('this digest is in quarantine');
    expect(subjects(stage.bare)).toEqual(untouched);
    expect(readdirSync(stage.temporary)).toEqual([]);
  });
});

describe('the checkout of whoever runs it', () => {
  it.each([
    ['is dirty, with an untracked file in the way', () => {}],
    ['is on a detached head', () => git(stage.work, 'checkout', '--quiet', '--detach')],
    ['is on another branch', () => git(stage.work, 'checkout', '--quiet', '-b', 'feature')],
    ['has a locked index', () => writeFileSync(join(stage.work, '.git', 'index.lock'), '')],
    [
      'is in the middle of a merge with a conflict',
      () => {
        git(stage.work, 'reset', '--quiet', '--hard');
        git(stage.work, 'checkout', '--quiet', '-b', 'side', 'HEAD');
        put(stage.work, { 'log.txt': 'side\n' });
        git(stage.work, 'commit', '--quiet', '-am', 'side');
        git(stage.work, 'checkout', '--quiet', 'main');
        put(stage.work, { 'log.txt': 'main\n' });
        git(stage.work, 'commit', '--quiet', '-am', 'main');
        expect(() => git(stage.work, 'merge', 'side')).toThrow();
      },
    ],
    [
      'is a shallow clone',
      () => {
        pushAs('bob', stage.bare, { 'log.txt': 'two\n' });
        untouched = subjects(stage.bare);
        rmSync(stage.work, { recursive: true });
        git(stage.folder, 'clone', '--quiet', '--depth=1', `file://${stage.bare}`, stage.work);
      },
    ],
    [
      'has no commit yet',
      () => {
        rmSync(stage.work, { recursive: true });
        git(stage.folder, 'init', '--quiet', stage.work);
      },
    ],
    [
      'is told to git by its variables, as in a hook',
      () => {
        vi.stubEnv('GIT_DIR', join(stage.work, '.git'));
        vi.stubEnv('GIT_WORK_TREE', stage.work);
        vi.stubEnv('GIT_INDEX_FILE', join(stage.work, '.git', 'index'));
      },
    ],
    [
      'has hooks of its own that fail',
      () => {
        for (const name of ['pre-commit', 'pre-push', 'post-checkout'])
          hook(join(stage.work, '.git', 'hooks'), name, 'exit 1');
      },
    ],
  ])('%s: the commit lands, and it stays as it is', async (_, arrange) => {
    arrange();
    expectPinned(await commit());
  });

  it('is none: the commit lands all the same', async () => {
    expectPinned(await commit(pin, { checkout: stage.folder }));
  });
});

describe('a branch that moves', () => {
  it('once: the change is made anew on top of what came', async () => {
    const heads: string[] = [];
    const end = await commit(async (place) => {
      heads.push(place.head);
      if (heads.length === 1) pushAs('bob', stage.bare, { 'log.txt': 'two\n' });
      return pin(place);
    });
    expectPinned(end, 'work of bob');
    expect(new Set(heads).size).toBe(2);
  });

  it('at the very moment of the push: the same', async () => {
    hook(
      join(stage.folder, 'hooks'),
      'pre-push',
      `test -e moved && exit 0; touch ${stage.folder}/moved; cd ${stage.folder} && git clone -q ${stage.bare} racer && cd racer && echo two >log.txt && git -c core.hooksPath=/dev/null commit -q -a -m racer && git -c core.hooksPath=/dev/null push -q`.replace(
        'test -e moved',
        `test -e ${stage.folder}/moved`,
      ),
    );
    setForUser(stage, 'core.hooksPath', join(stage.folder, 'hooks'));
    expectPinned(await commit(), 'racer');
  });

  it('for ever: it is given up, and only the others’ commits are there', async () => {
    let pushes = 0;
    const end = await commit(
      async (place) => {
        pushes += 1;
        pushAs('bob', stage.bare, { 'log.txt': `${pushes}\n` });
        return pin(place);
      },
      { patience: { moved: 2 } },
    );
    expect(end).toEqual({ outcome: 'moved', words: 'the branch moved meanwhile (fetch first)' });
    expect(subjects(stage.bare)).toEqual([...Array(3).fill('work of bob'), ...untouched]);
    expect(fileAt(stage.bare, 'pins.yaml')).toBe('version: v1\n');
  });

  it('by runs of our own: each lands, one on top of the other', async () => {
    const runs = ['a', 'b', 'c', 'd'];
    const ends = await Promise.all(
      runs.map((run) =>
        commitOnto(
          { repository: stage.bare, branch: 'main' },
          async ({ folder }) => {
            appendFileSync(join(folder, 'log.txt'), `${run}\n`);
            return { message: run };
          },
          { act: run, checkout: stage.work, patience: { firstWait: 20, moved: 20 } },
        ),
      ),
    );
    expect(ends.map(({ outcome }) => outcome)).toEqual(runs.map(() => 'pushed'));
    const landed = subjects(stage.bare).slice(0, runs.length).reverse();
    expect([...landed].sort()).toEqual(runs);
    expect(fileAt(stage.bare, 'log.txt')).toBe(`one\n${landed.join('\n')}\n`);
  });

  it('while its ref is locked: it is given up', async () => {
    writeFileSync(join(stage.bare, 'refs', 'heads', 'main.lock'), '');
    expectNothingPushed(await commit(pin, { patience: { moved: 1 } }), 'moved', /failed to update ref|cannot lock ref/);
  });
});

describe('a remote that says no', () => {
  it('by a hook: its words are told', async () => {
    hook(join(stage.bare, 'hooks'), 'pre-receive', 'echo "Releases need two reviews." >&2; exit 1');
    expectNothingPushed(
      await commit(),
      'refused',
      /^the remote refused: pre-receive hook declined\nReleases need two reviews\.$/,
    );
  });

  const protect = () =>
    hook(
      join(stage.bare, 'hooks'),
      'update',
      'test "$1" = refs/heads/main || exit 0; echo "GH006: Protected branch update failed." >&2; exit 1',
    );

  it('to that branch: its words are told', async () => {
    protect();
    expectNothingPushed(await commit(), 'refused', /hook declined\nGH006: Protected branch update failed\./);
  });

  it('to that branch, and takes a pull request’s', async () => {
    protect();
    const end = await commit(pin, { pullRequest: 'release/v2' });
    expect(end).toMatchObject({
      outcome: 'pushed',
      branch: 'release/v2',
      open: 'a pull request from release/v2 into main',
    });
    expect(subjects(stage.bare)).toEqual(untouched);
    expect(subjects(stage.bare, 'release/v2')).toEqual(['Pin v2', ...untouched]);
  });

  it('because it does not know the person', async () => {
    const http = createHttpServer((_, response) => response.writeHead(403).end());
    const port = await listen(http);
    const end = await commit(pin, {}, { repository: `http://127.0.0.1:${port}/x.git` });
    http.close();
    expectNothingPushed(end, 'denied', /403/);
  });

  it('because the disk that it is on is full', async () => {
    // What receives objects may write no file above a few blocks.
    hook(join(stage.folder, 'bin'), 'git-receive-pack-small', 'ulimit -f 4; exec git-receive-pack "$@"');
    git(
      stage.work,
      'config',
      '--file',
      join(stage.folder, 'gitconfig'),
      'remote.origin.receivepack',
      join(stage.folder, 'bin', 'git-receive-pack-small'),
    );
    const end = await commit(async (place) => {
      put(place.folder, { 'large.bin': randomText(65_536) });
      return pin(place);
    });
    expectNothingPushed(end, 'refused', /^the remote refused: unpacker error/);
  });
});

describe('a branch for a pull request', () => {
  const open = () => commit(pin, { pullRequest: 'release/v2' });

  it('is there already by the same act: it is found', async () => {
    const first = await open();
    expect(await open()).toMatchObject({
      outcome: 'pushed',
      wasThere: true,
      commit: (first as { commit: string }).commit,
    });
  });

  it('is there already with something else: it stays so', async () => {
    git(stage.bare, 'branch', 'release/v2', 'main');
    const theirs = pushAs('bob', stage.bare, { 'pins.yaml': 'version: v9\n' }, 'release/v2');
    expectNothingPushed(await open(), 'refused', /release\/v2 is there already, with something else/);
    expect(git(stage.bare, 'rev-parse', 'release/v2')).toBe(theirs);
  });

  it('was merged: its commit is found on the target', async () => {
    await open();
    git(stage.bare, 'update-ref', 'refs/heads/main', 'release/v2');
    git(stage.bare, 'branch', '-D', 'release/v2');
    expect(await open()).toMatchObject({ outcome: 'pushed', branch: 'main', wasThere: true });
  });
});

describe('a remote that is not reached', () => {
  it.each([
    ['because nobody listens', 'http://127.0.0.1:9/x.git', 'unreachable', /Failed to connect|refused/i],
    ['because its name is unknown', 'http://nowhere.invalid/x.git', 'unreachable', /Could not resolve host/],
    ['because there is no such path', '/nowhere/x.git', 'no-repository', /does not appear to be a git repository/],
  ] as const)('%s', async (_, repository, outcome, words) => {
    expectNothingPushed(await commit(pin, { patience: { unreachable: 1 } }, { repository }), outcome, words);
  });

  it.each([
    ['not found', 404, '', 'no-repository', /not found/],
    ['a page', 200, '<html>Hello', 'no-branch', /couldn't find remote ref/],
    ['an error of the server', 503, '', 'unreachable', /503/],
  ] as const)('because its address answers %s', async (_, status, body, outcome, words) => {
    const http = createHttpServer((_, response) => response.writeHead(status).end(body));
    const port = await listen(http);
    const end = await commit(pin, { patience: { unreachable: 1 } }, { repository: `http://127.0.0.1:${port}/x.git` });
    http.close();
    expectNothingPushed(end, outcome, words);
  });

  it('because it takes connections and says nothing', async () => {
    const sockets: import('node:net').Socket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
    });
    const port = await listen(silent);
    const end = await commit(
      pin,
      { patience: { unreachable: 0, silence: 300 } },
      { repository: `git://127.0.0.1:${port}/x.git` },
    );
    for (const socket of sockets) socket.destroy();
    silent.close();
    expectNothingPushed(end, 'unreachable', /timeout/);
  });

  it('because it went away between the fetch and the push, and came back', async () => {
    let server = await daemon(stage.folder);
    const { url } = server;
    let calls = 0;
    const end = await commit(
      async (place) => {
        calls += 1;
        if (calls === 1) await server.stop();
        return pin(place);
      },
      { patience: { unreachable: 1 } },
      { repository: `${url}/bare.git` },
    ).finally(() => server.stop());
    expectNothingPushed(end, 'unreachable', /refused|connect/i);
    server = await daemon(stage.folder);
    expectPinned(await commit(pin, {}, { repository: `${server.url}/bare.git` }).finally(() => server.stop()));
  });

  it('because its repository was moved away between the fetch and the push', async () => {
    const end = await commit(async (place) => {
      renameSync(stage.bare, `${stage.bare}-away`);
      return pin(place);
    });
    renameSync(`${stage.bare}-away`, stage.bare);
    expectNothingPushed(end, 'no-repository', /does not appear to be a git repository/);
  });
});

describe('a branch that is not there', () => {
  it('by its name', async () => {
    expectNothingPushed(
      await commit(pin, {}, { branch: 'trunk' }),
      'no-branch',
      /couldn't find remote ref refs\/heads\/trunk/,
    );
    expect(subjects(stage.bare, 'trunk')).toEqual([]);
  });

  it('because nothing was ever pushed', async () => {
    const empty = join(stage.folder, 'empty.git');
    git(stage.folder, 'init', '--quiet', '--bare', empty);
    expectNothingPushed(await commit(pin, {}, { repository: empty }), 'no-branch', /couldn't find remote ref/);
  });
});

describe('this machine', () => {
  it('does not know who commits', async () => {
    git(stage.folder, 'config', '--file', 'gitconfig', '--remove-section', 'user');
    expectNothingPushed(await commit(), 'no-identity', /user\.name.*GIT_AUTHOR_NAME/);
  });

  it('is told who commits by variables', async () => {
    git(stage.folder, 'config', '--file', 'gitconfig', '--remove-section', 'user');
    for (const role of ['AUTHOR', 'COMMITTER']) {
      vi.stubEnv(`GIT_${role}_NAME`, 'CI');
      vi.stubEnv(`GIT_${role}_EMAIL`, 'ci@example.org');
    }
    expectPinned(await commit());
  });

  it.each(['pre-commit', 'commit-msg', 'pre-push'])('has a hook %s for all repositories that fails', async (name) => {
    hook(join(stage.folder, 'hooks'), name, 'echo "secret found" >&2; exit 1');
    setForUser(stage, 'core.hooksPath', join(stage.folder, 'hooks'));
    expectNothingPushed(await commit(), 'refused', /^a hook of this machine refused: secret found/);
  });

  it('cannot sign as it is told to', async () => {
    setForUser(stage, 'commit.gpgSign', 'true');
    setForUser(stage, 'gpg.program', '/bin/false');
    expectNothingPushed(await commit(), 'failed', /gpg failed to sign/);
  });

  it('has no room for the clone', async () => {
    pushAs('bob', stage.bare, {
      'large.bin': randomText(262_144),
    });
    untouched = subjects(stage.bare);
    hook(
      join(stage.folder, 'bin'),
      'git',
      `ulimit -f 64; exec ${execFileSync('which', ['git'], { encoding: 'utf8' }).trim()} "$@"`,
    );
    vi.stubEnv('PATH', `${join(stage.folder, 'bin')}:${process.env.PATH}`);
    const end = await commit();
    vi.stubEnv('PATH', process.env.PATH?.split(':').slice(1).join(':'));
    expectNothingPushed(end, 'failed', /unpack-objects failed|index-pack|too large/i);
  });

  it('has no place for the clone', async () => {
    vi.stubEnv('TMPDIR', join(stage.folder, 'gitconfig'));
    expectNothingPushed(await commit(), 'failed', /ENOTDIR/);
  });

  it('has no git', async () => {
    const path = process.env.PATH;
    before = snapshot(stage.work);
    vi.stubEnv('PATH', '/nowhere');
    const end = await commitOnto({ repository: stage.bare, branch: 'main' }, pin, {
      act: 'pin-v2',
      checkout: stage.work,
    });
    vi.stubEnv('PATH', path);
    expectNothingPushed(end, 'failed', /ENOENT/);
  });

  it('has clones that a killed run left: those of a day ago are removed', async () => {
    mkdirSync(join(stage.temporary, 'moneywise-git-old'), { recursive: true });
    mkdirSync(join(stage.temporary, 'moneywise-git-new'));
    const yesterday = Date.now() / 1000 - 90_000;
    utimesSync(join(stage.temporary, 'moneywise-git-old'), yesterday, yesterday);
    await commitOnto({ repository: stage.bare, branch: 'main' }, pin, { act: 'pin-v2', checkout: stage.work });
    expect(readdirSync(stage.temporary)).toEqual(['moneywise-git-new']);
  });
});

describe('killed', () => {
  const killer = () => `kill -9 "$(cat ${stage.folder}/pid)"`;

  /** Runs it in a process of its own; undefined when it was killed before it said anything. */
  async function inAProcess(act: string): Promise<CommitEnd | undefined> {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'commit-once.ts'), stage.bare, act, join(stage.folder, 'pid')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await new Promise<[number | null]>((resolve) => child.on('close', (code) => resolve([code])));
    return code === 0 ? (JSON.parse(said) as CommitEnd) : undefined;
  }

  it('between commit and push: nothing is pushed, and the next run pushes once', async () => {
    hook(join(stage.folder, 'hooks'), 'pre-push', `${killer()}; exit 1`);
    setForUser(stage, 'core.hooksPath', join(stage.folder, 'hooks'));
    expect(await inAProcess('pin-v2')).toBeUndefined();
    expect(subjects(stage.bare)).toEqual(untouched);
    rmSync(join(stage.folder, 'hooks'), { recursive: true });
    emptied(stage.temporary);
    expectPinned(await commit());
  });

  it('between push and answer: the next run finds that it is there', async () => {
    hook(join(stage.bare, 'hooks'), 'post-receive', killer());
    expect(await inAProcess('pin-v2')).toBeUndefined();
    rmSync(join(stage.bare, 'hooks'), { recursive: true });
    emptied(stage.temporary);
    const end = await commit();
    expectPinned(end);
    expect(end).toMatchObject({ wasThere: true });
  });

  it('git alone, between push and answer: the same run finds that it is there', async () => {
    // The hook's parent is what receives, whose parent is the push.
    hook(
      join(stage.bare, 'hooks'),
      'post-receive',
      `test -e ${stage.folder}/once && exit 0; touch ${stage.folder}/once; kill -9 "$(ps -o ppid= -p "$PPID" | tr -d ' ')"`,
    );
    const end = await commit();
    expectPinned(end);
  });
});

describe('what a repository holds beside plain files', () => {
  it('a submodule and pointers of LFS stay what they are', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1\n`;
    const folder = join(stage.folder, 'maker');
    git(stage.folder, 'clone', '--quiet', stage.bare, folder);
    put(folder, { 'picture.bin': pointer });
    git(folder, 'add', 'picture.bin');
    git(folder, 'update-index', '--add', '--cacheinfo', `160000,${'b'.repeat(40)},module`);
    put(folder, { '.gitmodules': '[submodule "module"]\n\tpath = module\n\turl = /nowhere\n' });
    git(folder, 'add', '.gitmodules');
    git(folder, 'commit', '--quiet', '-m', 'pointers');
    put(folder, { '.gitattributes': '*.bin filter=lfs -text\n' });
    git(folder, 'add', '.gitattributes');
    git(folder, 'commit', '--quiet', '-m', 'attributes');
    git(folder, 'push', '--quiet');
    setForUser(stage, 'filter.lfs.process', '/bin/false');
    setForUser(stage, 'filter.lfs.clean', '/bin/false');
    setForUser(stage, 'filter.lfs.smudge', '/bin/false');
    setForUser(stage, 'filter.lfs.required', 'true');
    untouched = subjects(stage.bare);
    expectPinned(await commit());
    expect(git(stage.bare, 'diff', '--name-only', 'main~1', 'main')).toBe('pins.yaml');
  });

  it('line ends stay what they are, whatever the user has set', async () => {
    setForUser(stage, 'core.autocrlf', 'true');
    setForUser(stage, 'core.eol', 'crlf');
    pushAs('bob', stage.bare, { '.gitattributes': '*.txt text\n*.yaml text\n' });
    git(stage.bare, 'config', 'core.autocrlf', 'false');
    untouched = subjects(stage.bare);
    expectPinned(await commit());
    expect(git(stage.bare, 'diff', '--name-only', 'main~1', 'main')).toBe('pins.yaml');
  });

  it('a long history is not fetched', async () => {
    const stream = Array.from(
      { length: 300 },
      (_, i) =>
        `commit refs/heads/main\ncommitter X <x@example.org> ${1_700_000_000 + i} +0000\ndata 1\nx\n${i === 0 ? 'from refs/heads/main^0\n' : ''}M 644 inline f${i % 10}.txt\ndata ${String(i).length}\n${i}\n`,
    ).join('');
    execFileSync('git', ['-C', stage.bare, 'fast-import', '--quiet', '--force'], { input: stream });
    untouched = subjects(stage.bare);
    let commits = 0;
    const end = await commit(async (place) => {
      commits = Number(await place.git('rev-list', '--count', 'HEAD'));
      return pin(place);
    });
    expectPinned(end);
    expect(commits).toBe(100);
  });
});

describe('a login', () => {
  const PASSWORD = 'hunter2-and-more';

  it('in the address is used, and told to nobody', async () => {
    const http = smartHttp(stage.folder, `me:${PASSWORD}`);
    const port = await listen(http);
    git(stage.bare, 'config', 'http.receivepack', 'true');
    const end = await commit(pin, {}, { repository: `http://me:${PASSWORD}@127.0.0.1:${port}/bare.git` });
    expectPinned(end);
    const wrong = await commit(
      pin,
      { act: 'again' },
      { repository: `http://me:${PASSWORD}-wrong@127.0.0.1:${port}/bare.git` },
    );
    const nowhere = await commit(
      pin,
      { act: 'again' },
      { repository: `http://me:${PASSWORD}@127.0.0.1:${port}/nowhere.git` },
    );
    http.close();
    const gone = await commit(
      pin,
      { act: 'again', patience: { unreachable: 0 } },
      { repository: `http://me:${PASSWORD}@127.0.0.1:9/bare.git` },
    );
    expect([wrong.outcome, nowhere.outcome, gone.outcome]).toEqual(['denied', 'no-repository', 'unreachable']);
    expect(JSON.stringify([end, wrong, nowhere, gone])).not.toContain(PASSWORD);
  });

  it('of the checkout is used, as CI systems leave it there', async () => {
    const http = smartHttp(stage.folder, `me:${PASSWORD}`);
    const port = await listen(http);
    git(stage.bare, 'config', 'http.receivepack', 'true');
    const login = Buffer.from(`me:${PASSWORD}`).toString('base64');
    const repository = `http://127.0.0.1:${port}/bare.git`;
    expectNothingPushed(await commit(pin, {}, { repository }), 'denied', /could not read Username/);
    git(stage.work, 'config', `http.http://127.0.0.1:${port}/.extraHeader`, `Authorization: Basic ${login}`);
    expectPinned(await commit(pin, {}, { repository }));
    http.close();
  });
});

describe('a revert', () => {
  const revert = (sha: string, more: { keep?: string[] } = {}) =>
    commit(revertOf(sha, { message: 'Take v2 back', ...more }), { act: 'revert' });
  const release = (files: Record<string, string>) => pushAs('release', stage.bare, files);

  it('takes exactly one commit back, and names it', async () => {
    const sha = release({ 'pins.yaml': PIN });
    release({ 'log.txt': 'later\n' });
    expect(await revert(sha)).toMatchObject({ outcome: 'pushed' });
    expect(fileAt(stage.bare, 'pins.yaml')).toBe('version: v1\n');
    expect(fileAt(stage.bare, 'log.txt')).toBe('later\n');
    expect(git(stage.bare, 'log', '-1', '--format=%(trailers)', 'main')).toBe(`Reverts: ${sha}\nRelease-Act: revert`);
  });

  it('of a merge takes back what it brought', async () => {
    git(stage.bare, 'branch', 'side', 'main');
    pushAs('side', stage.bare, { 'pins.yaml': PIN }, 'side');
    const folder = join(stage.folder, 'merger');
    git(stage.folder, 'clone', '--quiet', stage.bare, folder);
    git(folder, 'merge', '--quiet', '--no-ff', '-m', 'merge of side', 'origin/side');
    git(folder, 'push', '--quiet');
    expect(await revert(git(folder, 'rev-parse', 'HEAD'))).toMatchObject({ outcome: 'pushed' });
    expect(fileAt(stage.bare, 'pins.yaml')).toBe('version: v1\n');
  });

  it('whose files were changed since is a conflict, and pushes nothing', async () => {
    const sha = release({ 'pins.yaml': PIN });
    release({ 'pins.yaml': 'version: v3\n' });
    untouched = subjects(stage.bare);
    const end = await revert(sha);
    expectNothingPushed(end, 'conflict', /was changed again since: pins.yaml/);
    expect(end).toMatchObject({ files: ['pins.yaml'] });
  });

  it('leaves records that only grow as they are, though they were added to since', async () => {
    const sha = release({ 'pins.yaml': PIN, 'log.txt': 'one\npinned\n', 'new.txt': 'record\n' });
    release({ 'log.txt': 'one\npinned\npromoted\n' });
    expect(await revert(sha, { keep: ['log.txt', 'new.txt'] })).toMatchObject({ outcome: 'pushed' });
    expect(fileAt(stage.bare, 'pins.yaml')).toBe('version: v1\n');
    expect(fileAt(stage.bare, 'log.txt')).toBe('one\npinned\npromoted\n');
    expect(fileAt(stage.bare, 'new.txt')).toBe('record\n');
  });

  it('of what is reverted already has nothing to do', async () => {
    const sha = release({ 'pins.yaml': PIN });
    release({ 'pins.yaml': 'version: v1\n' });
    untouched = subjects(stage.bare);
    expectNothingPushed(await revert(sha), 'nothing-to-do', /is reverted already/);
  });

  it.each([
    ['that nobody knows', () => 'c'.repeat(40), 'nothing-to-do', /is not on the branch/],
    ['that is no commit', () => '--all', 'nothing-to-do', /is not on the branch/],
    [
      'of another branch',
      () => {
        git(stage.bare, 'branch', 'side', 'main');
        return pushAs('side', stage.bare, { 'pins.yaml': PIN }, 'side');
      },
      'nothing-to-do',
      /is not on the branch/,
    ],
    ['that is the first', () => git(stage.bare, 'rev-parse', 'main'), 'conflict', /there is nothing before it/],
  ] as [string, () => string, CommitEnd['outcome'], RegExp][])(
    'of a commit %s pushes nothing',
    async (_, sha, outcome, words) => {
      expectNothingPushed(await revert(sha()), outcome, words);
    },
  );

  it('finds a commit deep in the history', async () => {
    const sha = release({ 'pins.yaml': PIN });
    const stream = Array.from(
      { length: 250 },
      (_, i) =>
        `commit refs/heads/main\ncommitter X <x@example.org> ${1_700_000_000 + i} +0000\ndata 1\nx\n${i === 0 ? 'from refs/heads/main^0\n' : ''}M 644 inline f.txt\ndata ${String(i).length}\n${i}\n`,
    ).join('');
    execFileSync('git', ['-C', stage.bare, 'fast-import', '--quiet', '--force'], { input: stream });
    expect(await revert(sha)).toMatchObject({ outcome: 'pushed' });
    expect(fileAt(stage.bare, 'pins.yaml')).toBe('version: v1\n');
    expect(readFileSync(join(stage.work, 'pins.yaml'), 'utf8')).toBe('version: mine\n');
  });
});
