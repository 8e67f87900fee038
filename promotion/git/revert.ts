import type { Change, Place } from './remote.ts';

export interface RevertOptions {
  /** Of the commit that reverts. Its trailers name the reverted one already: `Reverts: <sha>` is added to them. */
  readonly message: string;
  /** Paths that are not reverted, whatever the commit did to them: records that only grow. */
  readonly keep?: readonly string[];
  /** Further edits in the same commit, after the revert. */
  readonly also?: (place: Place) => Promise<void>;
}

/**
 * Reverts exactly one commit of the branch, a merge by its first parent. A commit whose files were changed since is a conflict;
 * one that is not on the branch, or is reverted already, leaves nothing to do.
 */
export function revertOf(commit: string, { message, keep = [], also }: RevertOptions): Change {
  return async (place) => {
    const { git } = place;
    if (!/^[0-9a-f]{40,64}$/.test(commit) || !(await isOn(place, commit)))
      return { nothing: `commit ${commit} is not on the branch` };
    const parents = (await git('cat-file', '-p', commit)).match(/^parent /gm)?.length ?? 0;
    if (parents === 0)
      return { conflict: [], why: `commit ${commit} is the first of the branch: there is nothing before it` };
    const failure = await git('revert', '--no-commit', ...(parents > 1 ? ['--mainline', '1'] : []), commit).then(
      () => undefined,
      (error: Error) => error,
    );
    for (const path of keep) await restore(place, path);
    const conflict = (await git('diff', '--name-only', '--diff-filter=U')).split('\n').filter((file) => file !== '');
    if (conflict.length > 0) {
      return { conflict, why: `what commit ${commit} changed was changed again since: ${conflict.join(', ')}` };
    }
    // A revert that failed for another reason than a conflict in what is kept has left nothing to commit.
    const isPart = (await git('status', '--porcelain')) !== '';
    if (!isPart) {
      if (failure && !/conflict/i.test(failure.message)) throw failure;
      return { nothing: `commit ${commit} is reverted already` };
    }
    await also?.(place);
    return { message: `${message.trimEnd()}\n\nReverts: ${commit}` };
  };
}

/** Whether the commit is on the branch; fetches as much more of the history as it takes to know, and to have its parent. */
async function isOn({ git, branch, head }: Place, commit: string): Promise<boolean> {
  const has = async (...args: string[]) =>
    git(...args).then(
      () => true,
      () => false,
    );
  for (let before = 0; ; ) {
    const isKnown = await has('merge-base', '--is-ancestor', commit, head);
    if (isKnown && (await has('rev-parse', '--verify', '--quiet', `${commit}^`))) return true;
    const commits = Number(await git('rev-list', '--count', head));
    // Nothing more came: this is all that the remote has.
    if (commits === before) return isKnown;
    before = commits;
    await git('fetch', '--quiet', '--no-tags', '--deepen=1000', 'origin', `refs/heads/${branch}`);
  }
}

/** Puts a path back to what the head has. */
async function restore({ git, head }: Place, path: string): Promise<void> {
  if ((await git('ls-tree', '--name-only', head, '--', path)) === '')
    await git('rm', '-r', '-f', '--quiet', '--ignore-unmatch', '--', path);
  else await git('restore', `--source=${head}`, '--staged', '--worktree', '--', path);
}
