import { type SimpleGit, simpleGit } from 'simple-git';

/** Settings of git, name → value, e.g. `user.name`. A name may stand more than once. */
export type Settings = readonly (readonly [name: string, value: string])[];

/** What one call of git ended with when it failed: all that it and the remote said, without credentials. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
}

/** How long git may say nothing before it is ended, in milliseconds: a server whose hooks render takes a while. */
const SILENCE = 120_000;

/** Variables that would make git work elsewhere than in its folder, or print what it sends. */
const LEFT_OUT =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|INDEX_VERSION|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|QUARANTINE_PATH|EXTERNAL_DIFF|TRACE.*|CURL_VERBOSE|REDIRECT_.*)$/;

/** Runs git in one folder and returns what it printed. Throws `GitFailure`. */
export type Git = (...args: string[]) => Promise<string>;

/**
 * The git of this machine in `folder`, in English, with the user's own settings, hooks and logins, and with `settings` above them.
 * Settings go by the environment, not by arguments: what is in them is nobody's to read in a list of processes.
 */
export function gitIn(folder: string, settings: Settings = [], silence = SILENCE): Git {
  const env = environmentWith(settings);
  const git: SimpleGit = simpleGit({
    baseDir: folder,
    timeout: { block: silence },
    maxConcurrentProcesses: 1,
    allowEnvironment: Object.keys(env),
    // What the user has set for their own git stays theirs to decide; arguments and addresses stay checked.
    unsafe: {
      allowUnsafeAskPass: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeCredentialHelper: true,
      allowUnsafeEditor: true,
      allowUnsafeExec: true,
      allowUnsafeFilter: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeGitProxy: true,
      allowUnsafeGpgProgram: true,
      allowUnsafeHooksPath: true,
      allowUnsafeInclude: true,
      allowUnsafePager: true,
      allowUnsafeSshCommand: true,
      allowUnsafeTemplateDir: true,
      allowUnsafeUrlRewrite: true,
    },
    errors(error, { exitCode, stdOut, stdErr }) {
      if (error !== undefined || exitCode === 0) return error;
      const words = Buffer.concat([...stdOut, ...stdErr]);
      if (words.length > 0) return words;
      return Buffer.from(
        exitCode === null ? 'git was ended by a signal' : `git ended with ${exitCode} and said nothing`,
      );
    },
  }).env(env);
  return async (...args) => {
    try {
      return await git.raw(args);
    } catch (error) {
      // No cause: git's own error holds its whole command line.
      throw new GitFailure(redacted((error as Error).message.trim()));
    }
  };
}

/** The process's environment with these settings appended to those that it may hold already. */
function environmentWith(settings: Settings): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !LEFT_OUT.test(entry[0]),
  );
  const env: Record<string, string> = { ...Object.fromEntries(own), LC_ALL: 'C', LANGUAGE: '', GIT_EDITOR: 'true' };
  // Nobody is there to answer a prompt where no terminal is.
  if (!process.stdin.isTTY) env.GIT_TERMINAL_PROMPT = '0';
  const count = Number(env.GIT_CONFIG_COUNT ?? 0);
  for (const [i, [name, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${count + i}`] = name;
    env[`GIT_CONFIG_VALUE_${count + i}`] = value;
  }
  env.GIT_CONFIG_COUNT = String(count + settings.length);
  return env;
}

/** What a checkout's own settings say about logging in, signing and addresses. None of it is kept anywhere else. */
const TAKEN_OVER =
  '^(credential|http|https|url|user|gpg|ssh)\\.|^core\\.(sshcommand|askpass|gitproxy)$|^commit\\.gpgsign$';

/**
 * The settings of the checkout around `folder` that a clone made elsewhere needs to reach the same remotes as the same
 * person; none where there is no checkout. CI systems put their login there.
 */
export async function settingsOf(folder: string): Promise<Settings> {
  const listed = await gitIn(folder)('config', '--local', '--includes', '--null', '--get-regexp', TAKEN_OVER).catch(
    () => '',
  );
  return listed
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const end = entry.indexOf('\n');
      return end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)];
    });
}

/** A text without the user info of any URL in it. */
export function redacted(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/'"]*@/gi, '$1***@');
}
