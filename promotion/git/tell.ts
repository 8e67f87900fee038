import { redacted } from './git.ts';
import type { CommitEnd, Target } from './remote.ts';

/** What is left to a person after a commit: nothing, unless it waits for a pull request. */
export function nextOf(end: CommitEnd): string | undefined {
  if (end.outcome !== 'pushed') return undefined;
  return end.opened ? `merge ${end.opened}` : end.open && `open ${end.open}`;
}

/** How a commit ended, in a sentence or two that say what to do. */
export function endWords(end: CommitEnd, { repository, branch }: Target): string {
  const where = `${redacted(repository)}, branch ${branch}`;
  switch (end.outcome) {
    case 'pushed':
      return `commit ${end.commit} is on branch ${end.branch} of ${redacted(repository)}${end.wasThere ? ', since an earlier run' : ''}`;
    case 'nothing-to-do':
      return end.words;
    case 'conflict':
      return `nothing was pushed to ${where}: ${end.words}; a person must make this change`;
    case 'moved':
      return `nothing was pushed to ${where}: others were faster each time (${end.words}); run the same command again`;
    case 'refused':
      return `nothing was pushed to ${where}: ${end.words}${/protected/i.test(end.words) ? "; where a branch is protected, set gitops.changes to 'pull-request' in the overlay" : ''}`;
    case 'denied':
      return `nothing was pushed: ${where} is not open to this login: ${end.words}; give git another, by a credential helper, GIT_ASKPASS or SSH`;
    case 'unreachable':
      return `${where} does not answer: ${end.words}; run the same command again, which finds what had arrived`;
    case 'no-repository':
      return `nothing was pushed: ${redacted(repository)} is no repository that can be read: ${end.words}; correct gitops.repository in the overlay`;
    case 'no-branch':
      return `nothing was pushed: ${redacted(repository)} has no branch ${branch}: push it once, or correct gitops.revision in the overlay`;
    case 'no-identity':
    case 'failed':
      return `nothing was pushed to ${where}: ${end.words}`;
  }
}
