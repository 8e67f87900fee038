import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pRetry from 'p-retry';
import { DeliveryError } from '../notify/http.ts';
import { type Git, GitFailure, gitIn, redacted, type Settings, settingsOf } from './git.ts';
import { openPullRequest } from './pull-request.ts';
import { newThrowaway } from './throwaway.ts';
import { failureOf, type PushFailure, pushFailureOf } from './words.ts';

// One commit on top of a branch of a remote repository, made in a throwaway clone: the user's working tree, index, branches and
// stash are never touched, and nothing is pushed with force. Whatever happens is an outcome, in data.

/** The branch that is committed on. */
export interface Target {
  /** As git takes it: a URL, `user@host:path`, or a path on this machine. */
  readonly repository: string;
  readonly branch: string;
}

/** The throwaway clone, checked out at the branch's newest commit. */
export interface Place {
  readonly folder: string;
  readonly branch: string;
  /** The newest commit of the branch. */
  readonly head: string;
  readonly git: Git;
}

/** What a change has made of the files of a place. */
export type Changed =
  /** The message of the commit, with its trailers if it has any. */
  | { readonly message: string }
  /** There is nothing to commit, and why. */
  | { readonly nothing: string }
  /** It cannot be made on this state of the branch: these files contradict it. */
  | { readonly conflict: readonly string[]; readonly why: string };

/**
 * Edits the files of a place. Called anew, on a fresh checkout, each time that the branch has moved. What it throws goes to the
 * caller of `commitOnto`, with nothing pushed.
 */
export type Change = (place: Place) => Promise<Changed>;

export interface CommitOptions {
  /**
   * Identifies what is done, across runs: a commit with the trailer `Release-Act: <act>` on the branch is this one, made by a
   * run that did not hear the answer. Letters, digits, dots, dashes and underscores.
   */
  readonly act: string;
  /** A branch of its own to push to, for a pull request into the target; default: the target branch itself. */
  readonly pullRequest?: string;
  /** The checkout whose logins, signing and addresses are used; default: that of the working directory. */
  readonly checkout?: string;
  /** How often a moved branch, or a remote that does not answer, is tried again. */
  readonly patience?: Partial<Patience>;
}

export interface Patience {
  /** More tries after the branch moved. @default 8 */
  readonly moved: number;
  /** More tries after no answer. @default 2 */
  readonly unreachable: number;
  /** Before the second try, in milliseconds; doubled each time, up to five seconds, and spread by chance. @default 250 */
  readonly firstWait: number;
  /** How long a remote may say nothing, in milliseconds. @default 120000 */
  readonly silence: number;
}

const PATIENCE: Patience = { moved: 8, unreachable: 2, firstWait: 250, silence: 120_000 };
const LONGEST_WAIT = 5_000;

/** How it ended. Only after `pushed` has the remote anything new, and only in this commit. */
export type CommitEnd =
  | {
      /** The remote has the commit on `branch`. */
      readonly outcome: 'pushed';
      readonly commit: string;
      readonly branch: string;
      /** An earlier run, or an earlier try whose answer was lost, had pushed it. */
      readonly wasThere: boolean;
      /** The pull request that was opened, or was open already, for `branch`: the address of its page. */
      readonly opened?: string;
      /** What a person has to open, where nobody else has. */
      readonly open?: string;
    }
  | { readonly outcome: 'nothing-to-do'; readonly head: string; readonly words: string }
  /** The change contradicts the branch: a person must look. */
  | { readonly outcome: 'conflict'; readonly files: readonly string[]; readonly words: string }
  | { readonly outcome: PushFailure; readonly words: string };

/** The trailer by which a later run knows the commit of an act. */
export const ACT_TRAILER = 'Release-Act';

/** How many commits of the branch are fetched, and looked at for the act. */
const DEPTH = 100;

/** Who refuses without a word of git or of a remote. */
const HOOK = 'a hook of this machine';

/**
 * Commits `change` on top of the newest state of a branch, and pushes it without force. If the branch moves meanwhile, the
 * change is made anew on the new state. Killed at any instant it leaves at most a temporary folder, which a later run removes,
 * and a later run of the same act finds its commit. Never throws for what git, the remote or the network do.
 */
export async function commitOnto(target: Target, change: Change, options: CommitOptions): Promise<CommitEnd> {
  const { act, checkout = process.cwd() } = options;
  if (!/^[-.\w]+$/.test(act)) throw new Error(`act "${act}" is no word`);
  const patience = { ...PATIENCE, ...options.patience };
  let base: string | undefined;
  try {
    base = await newThrowaway();
    const folder = join(base, 'repository');
    await mkdir(folder);
    const git = gitIn(folder, [...(await settingsOf(checkout)), ...settingsFor(target)], patience.silence);
    // The name of the branch is never used: the clone stays on a detached head.
    await git('init', '--quiet', '--initial-branch=none');
    const end = await tryAgain(patience, () => tryOnce({ folder, git }, target, change, options));
    return end.outcome === 'pushed' && end.branch !== target.branch ? await proposed(end, target, git) : end;
  } catch (error) {
    const words = ioFailure(error);
    if (words === undefined) throw error;
    return { outcome: 'failed', words };
  } finally {
    // That it cannot be removed changes nothing about the commit.
    if (base) await rm(base, { recursive: true, force: true }).catch(() => {});
  }
}

/** What the clone needs to hold exactly the bytes of the branch, and nothing of what this person has set for working copies. */
function settingsFor({ repository }: Target): Settings {
  return [
    ['remote.origin.url', repository],
    ['core.autocrlf', 'false'],
    ['core.eol', 'lf'],
    ['core.fsmonitor', 'false'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    // No guess from the names of user and machine: who commits is recorded.
    ['user.useConfigOnly', 'true'],
    ['submodule.recurse', 'false'],
    ['fetch.recurseSubmodules', 'false'],
    ['push.recurseSubmodules', 'no'],
    ['push.followTags', 'false'],
    // Pointers of LFS stay pointers.
    ['filter.lfs.required', 'false'],
    ...(['clean', 'smudge', 'process'] as const).map((part) => [`filter.lfs.${part}`, ''] as const),
  ];
}

/** An end after which another try may end otherwise. */
class Passing extends Error {
  readonly end: CommitEnd;
  constructor(end: CommitEnd) {
    super(end.outcome);
    this.end = end;
  }
}

/** Tries until an end stands. */
async function tryAgain(patience: Patience, once: () => Promise<CommitEnd>): Promise<CommitEnd> {
  let unanswered = 0;
  try {
    return await pRetry(
      async () => {
        const end = await once();
        if (end.outcome === 'moved' || end.outcome === 'unreachable') throw new Passing(end);
        return end;
      },
      {
        retries: patience.moved,
        minTimeout: patience.firstWait,
        maxTimeout: LONGEST_WAIT,
        randomize: true,
        shouldRetry({ error }) {
          if (!(error instanceof Passing)) return false;
          if (error.end.outcome === 'unreachable') unanswered += 1;
          return unanswered <= patience.unreachable;
        },
      },
    );
  } catch (error) {
    if (error instanceof Passing) return error.end;
    throw error;
  }
}

async function tryOnce(
  { folder, git }: Pick<Place, 'folder' | 'git'>,
  { branch }: Target,
  change: Change,
  { act, pullRequest }: CommitOptions,
): Promise<CommitEnd> {
  let head: string;
  try {
    head = await fetched(git, branch);
    const done = await doneBefore(git, act, branch, head, pullRequest);
    if (done) return done;
  } catch (error) {
    return failed(error);
  }
  const pushesTo = pullRequest ?? branch;

  await git('checkout', '--quiet', '--force', '--detach', head);
  await git('clean', '--quiet', '-ffdx');
  const changed = await change({ folder, branch, head, git });
  if ('nothing' in changed) return { outcome: 'nothing-to-do', head, words: changed.nothing };
  if ('conflict' in changed) return { outcome: 'conflict', files: changed.conflict, words: changed.why };
  try {
    await git('add', '--all');
    if ((await git('status', '--porcelain')) === '')
      return { outcome: 'nothing-to-do', head, words: 'the branch has it already' };
    await git('commit', '--quiet', `--message=${changed.message}`, '--trailer', `${ACT_TRAILER}: ${act}`);
  } catch (error) {
    return failed(error, HOOK);
  }

  try {
    const commit = await revision(git, 'HEAD');
    const said = await git('push', '--porcelain', 'origin', `HEAD:refs/heads/${pushesTo}`);
    return { outcome: 'pushed', commit, branch: pushesTo, wasThere: false, ...opening(branch, pullRequest, said) };
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    return pushFailureOf(error.message, HOOK);
  }
}

/** What git failed with; what else was thrown is thrown on. */
function failed(error: unknown, hook?: string): CommitEnd {
  if (!(error instanceof GitFailure)) throw error;
  return failureOf(error.message, hook);
}

/** Brings the newest commits of a branch of the remote here, and returns the newest. */
async function fetched(git: Git, branch: string, depth = DEPTH): Promise<string> {
  await git('fetch', '--quiet', '--no-tags', `--depth=${depth}`, 'origin', `refs/heads/${branch}`);
  return revision(git, 'FETCH_HEAD');
}

async function revision(git: Git, name: string): Promise<string> {
  return (await git('rev-parse', '--verify', `${name}^{commit}`)).trim();
}

/** The end of an earlier run of the act, if its commit is there: on the branch, or on the one for its pull request. */
async function doneBefore(
  git: Git,
  act: string,
  branch: string,
  head: string,
  pullRequest: string | undefined,
): Promise<CommitEnd | undefined> {
  const on = async (tip: string) =>
    (
      await git(
        'log',
        '--max-count=1',
        '--format=%H',
        '-E',
        `--grep=^${ACT_TRAILER}: ${act.replaceAll('.', '\\.')}$`,
        tip,
      )
    ).trim();
  const merged = await on(head);
  if (merged) return { outcome: 'pushed', commit: merged, branch, wasThere: true };
  if (pullRequest === undefined) return undefined;
  if ((await git('ls-remote', '--heads', 'origin', `refs/heads/${pullRequest}`)) === '') return undefined;
  const commit = await on(await fetched(git, pullRequest));
  if (commit) return { outcome: 'pushed', commit, branch: pullRequest, wasThere: true };
  return {
    outcome: 'refused',
    words: `the branch ${pullRequest} is there already, with something else: merge or delete it first`,
  };
}

/** What to open after a push to a branch of its own; the remote's own link, where it gives one. */
function opening(into: string, branch: string | undefined, said: string): { open?: string } {
  if (branch === undefined) return {};
  const link = /https?:\/\/\S+/.exec(said)?.[0];
  return { open: `${requestOf(branch, into)}${link ? `: ${redacted(link)}` : ''}` };
}

const requestOf = (from: string, into: string) => `a pull request from ${from} into ${into}`;

type Pushed = Extract<CommitEnd, { outcome: 'pushed' }>;

/** The same end with the pull request for its branch, or with what a person has to open and why. */
async function proposed(pushed: Pushed, { repository, branch: into }: Target, git: Git): Promise<Pushed> {
  const { open = requestOf(pushed.branch, into), ...end } = pushed;
  try {
    const [title = '', ...body] = (await git('log', '--max-count=1', '--format=%B', end.commit)).trim().split('\n');
    const proposal = { repository, from: end.branch, into, title, body: body.join('\n').trim() };
    const opened = await openPullRequest(proposal);
    return opened === undefined ? { ...end, open } : { ...end, opened };
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    return { ...end, open: `${open} (GitHub, asked to, ${error.message})` };
  }
}

/** What a file system refused, in words; undefined for anything else. */
function ioFailure(error: unknown): string | undefined {
  if (error instanceof GitFailure) return error.message;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined ? message : undefined;
}
