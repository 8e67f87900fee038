import { hostname, userInfo } from 'node:os';
import { gitIn } from './git.ts';

/** Who runs this, as the record has it: what a CI system says, else name and address as git has them, else the login. */
export async function whoRunsThis(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const told = env.GITHUB_ACTOR ?? env.GITLAB_USER_LOGIN;
  if (told) return told;
  // `Name <address> time zone`
  const identity = await gitIn(process.cwd(), [['user.useConfigOnly', 'true']])('var', 'GIT_AUTHOR_IDENT').catch(
    () => '',
  );
  return identity.replace(/\s+\d+ [+-]\d{4}\s*$/, '') || userName();
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that no name stands for.
    return `user ${process.getuid?.()}`;
  }
}

/** Where this runs, as the record has it: the page of a CI run, else the host. */
export function whereThisRuns(env: NodeJS.ProcessEnv = process.env): string {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, CI_JOB_URL } = env;
  if (GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID)
    return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  return CI_JOB_URL ?? hostname();
}
