import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodTemplate } from '../cluster/objects.ts';
import type { Ask, Cause } from '../core/journal.ts';
import { type CommitEnd, commitOnto, type Place, type Target } from '../git/remote.ts';
import { revertOf } from '../git/revert.ts';
import type { Say } from '../run/say.ts';
import type { ArgoCd, Wanted } from './argo-cd.ts';
import { type Asked, askedAt, askedIn, type Found, introducedBy } from './introduced.ts';

/** A release that has gone back in the cluster. */
export interface Gone {
  readonly ask: Ask;
  readonly cause: Cause;
  /** Those of its members that went back, or were refused. */
  readonly members: readonly GoneMember[];
}

export interface GoneMember {
  readonly name: string;
  /** What selects its revision; a canary has none. */
  readonly activeService?: string;
  /** The revision that it is on again. */
  readonly from: string;
  /** What was taken back, as its pods ran it. */
  readonly rejected: PodTemplate;
  /** What it runs again. */
  readonly kept: PodTemplate;
}

/** What is edited in the commit that reverts, beside the revert: records that only grow. */
export interface Records {
  /** Paths that a revert leaves as they are. */
  readonly paths: readonly string[];
  /** Enters what went back by the revert of `commit`. Called on a fresh checkout of the branch, perhaps more than once. */
  readonly enter: (place: Place, gone: Gone, commit: string) => Promise<void>;
}

export interface GitOptions {
  readonly release: string;
  readonly target: Target;
  readonly mode: 'push' | 'pull-request';
  /** The folder of the release's manifests in the repository, e.g. `dist/staging`. */
  readonly path: string;
  readonly records: Records;
}

/** How it stands with Git after a release went back. */
export type GitState =
  /** The branch asks for what runs. */
  | 'same'
  /** It asks for another release than either, which is somebody's next one. */
  | 'moved-on'
  /** It still asks for what was taken back. */
  | 'asks-for-rejected';

/**
 * Brings Git, and then Argo CD, to where the cluster is after a release went back: reverts exactly the commit that brought the
 * release, enters it into the records by the same push, and waits until Argo CD has synced that. What to do is found out
 * from the branch and the Application each time, so a run that is killed here is finished by the next one. Never throws for
 * what Git or Argo CD do: it tells.
 */
export async function bringGitBack(
  gone: Gone,
  options: GitOptions,
  argoCd: ArgoCd | undefined,
  say: Say,
): Promise<GitState> {
  const { target, path } = options;
  const rejected: Asked = new Map(gone.members.map((member) => [member.name, member.rejected]));
  const looked = await look(target, path, rejected);
  if ('outcome' in looked) return failed(looked, undefined);
  const { found } = looked;
  if (found.state === 'moved-on') {
    const since = found.by ? ` since ${short(found.by)}` : '';
    say('GIT', `${target.branch} does not ask for this release${since}: nothing to revert`, {
      data: { state: found.state },
    });
    await argoCd?.letGo();
    return 'moved-on';
  }
  if (found.state === 'reverted') {
    say('GIT', `${target.branch} has it reverted already, by ${short(found.by)}`, {
      data: { state: 'reverted', commit: found.by },
    });
    return follow({ commit: found.by, rejecting: looked.rejecting, templates: looked.templates });
  }
  let [rejecting, templates] = [looked.rejecting, looked.templates];
  const end = await revert(found.commit);
  switch (end.outcome) {
    case 'pushed': {
      const data = { state: 'reverted', commit: end.commit, reverts: found.commit, branch: end.branch };
      if (end.branch === target.branch) {
        say('GIT', `reverted ${short(found.commit)} on ${target.branch} by ${short(end.commit)}`, { data });
        return follow({ commit: end.commit, rejecting, templates });
      }
      say(
        'GIT',
        `reverted ${short(found.commit)} on the branch ${end.branch}, for a pull request into ${target.branch}`,
        { data: { ...data, state: 'proposed' } },
      );
      say(
        'NEXT',
        `${end.opened ? `merge ${end.opened}` : `open and merge ${end.open}`}: until then Git asks for what was taken back`,
      );
      return stillAskedFor();
    }
    case 'nothing-to-do':
      // Somebody was faster than this run between its look and its push.
      say('GIT', `nothing to revert: ${end.words}`, { data: { state: 'moved-on' } });
      await argoCd?.letGo();
      return 'moved-on';
    default:
      return failed(end, found.commit);
  }

  function revert(commit: string): Promise<CommitEnd> {
    const words = `Revert ${options.release} to the release before ${short(commit)}\n\n${gone.cause.message}`;
    const change = revertOf(commit, {
      message: words,
      keep: options.records.paths,
      async also(place) {
        // The branch may have moved since it was looked at.
        rejecting = [...new Set([place.head, ...rejecting])];
        templates = await askedInFolder(join(place.folder, path));
        await options.records.enter(place, gone, commit);
      },
    });
    const act = `revert-${options.release}-${commit.slice(0, 12)}`;
    return commitOnto(target, change, { act, ...(options.mode === 'pull-request' ? { pullRequest: act } : {}) });
  }

  /** Waits for Argo CD to have the cluster as that commit asks, or one after it. */
  async function follow(what: Omit<Wanted, 'live'>): Promise<GitState> {
    const live = new Map(
      gone.members.map((m) => [m.name, { ...(m.activeService ? { service: m.activeService } : {}), hash: m.from }]),
    );
    await argoCd?.follow({ ...what, live });
    return 'same';
  }

  function failed(
    end: Exclude<CommitEnd, { outcome: 'pushed' | 'nothing-to-do' }>,
    commit: string | undefined,
  ): Promise<GitState> {
    say('GIT_FAILED', `Git was not brought back (${end.outcome}): ${end.words}`, { data: { outcome: end.outcome } });
    const what = commit ?? '<the commit that brought this release>';
    say(
      'NEXT',
      `${target.branch} still asks for what was taken back: git fetch origin ${target.branch} && git switch --detach FETCH_HEAD && git revert ${what} && git push origin HEAD:${target.branch}`,
    );
    return stillAskedFor();
  }

  async function stillAskedFor(): Promise<GitState> {
    if (await argoCd?.isHeld())
      say(
        'NEXT',
        'automated sync stays suspended until then, so that it is not applied again; the next promote restores it',
      );
    return 'asks-for-rejected';
  }
}

/** What a look at a branch found. */
interface Looked {
  readonly found: Found;
  /** Commits of the branch that ask for what was rejected, newest first. */
  readonly rejecting: readonly string[];
  /** What the commit asks for by which it was reverted; empty where it was not. */
  readonly templates: Asked;
}

/** Looks at the newest state of a branch; writes nothing. */
async function look(
  target: Target,
  path: string,
  rejected: Asked,
): Promise<Looked | Exclude<CommitEnd, { outcome: 'pushed' | 'nothing-to-do' }>> {
  let looked: Looked | undefined;
  const end = await commitOnto(
    target,
    async (place) => {
      const { found, rejecting } = await introducedBy(place, path, rejected);
      const templates = found.state === 'reverted' ? await askedAt(place.git, found.by, path) : new Map();
      looked = { found, rejecting, templates };
      return { nothing: 'only looked' };
    },
    { act: 'look' },
  );
  if (end.outcome !== 'pushed' && end.outcome !== 'nothing-to-do') return end;
  if (!looked) throw new Error('a look saw nothing');
  return looked;
}

/** What the manifests of a folder ask for. */
async function askedInFolder(folder: string): Promise<Asked> {
  const names = (await readdir(folder)).filter((name) => /\.(ya?ml|json)$/.test(name));
  return askedIn(await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8'))));
}

const short = (commit: string): string => commit.slice(0, 10);
