import { gitIn } from './git.ts';

/** What the history of Git tells about a file that only grows, where the chain in it cannot: that its end was cut off. */
export interface Cuts {
  /** Each change that took lines out, in a sentence. */
  readonly cuts: readonly string[];
  /** What could not be looked at, in a sentence. */
  readonly unseen?: string;
}

/** Every change that took lines out of a file: in the commits that this checkout has, and between its newest and the working tree. */
export async function cutsIn(root: string, file: string): Promise<Cuts> {
  const git = gitIn(root);
  const isThere = await git('rev-parse', '--verify', '--quiet', 'HEAD').then(
    () => true,
    () => false,
  );
  if (!isThere) return { cuts: [], unseen: 'there is no history here: whether its end was cut off cannot be told' };
  // A merge is compared with what was on this branch before.
  const log = await git('log', '--format=%h', '--numstat', '--diff-merges=first-parent', '--first-parent', '--', file);
  const cuts: string[] = [];
  let commit = '';
  for (const line of log.split('\n')) {
    const [, taken] = /^\d+\t(\d+)\t/.exec(line) ?? [];
    if (taken === undefined) commit = line.trim() || commit;
    else if (taken !== '0') cuts.push(`commit ${commit} changed or took out ${taken} of its lines`);
  }
  const [, taken = '0'] = /^\d+\t(\d+)\t/.exec(await git('diff', '--numstat', 'HEAD', '--', file)) ?? [];
  if (taken !== '0') cuts.unshift(`the working tree lacks ${taken} of the lines that are committed`);
  const isShallow = (await git('rev-parse', '--is-shallow-repository')).trim() === 'true';
  return isShallow
    ? { cuts, unseen: 'this clone is shallow: of older commits it cannot be told whether they cut its end off' }
    : { cuts };
}
