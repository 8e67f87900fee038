// What git and remotes say, in English, read into outcomes.

/** Why nothing was committed and pushed. After `unreachable` alone it may have been: the same act, run again, finds out. */
export type PushFailure =
  /** Others pushed each time before us. */
  | 'moved'
  /** The remote, or a hook of this machine, said no; its words say why. */
  | 'refused'
  /** The remote lets nobody in with this login. */
  | 'denied'
  | 'unreachable'
  | 'no-repository'
  | 'no-branch'
  | 'no-identity'
  /** This machine could not do it, e.g. a full disk. */
  | 'failed';

export interface Failure {
  readonly outcome: PushFailure;
  /** What was said, shortened to what a person needs. */
  readonly words: string;
}

/** In this order: git says the general after the particular. */
const SIGNS: readonly (readonly [RegExp, PushFailure])[] = [
  [/identity unknown|tell me who you are|empty ident|no (name|email) was given/i, 'no-identity'],
  [
    /No space left on device|Disk quota exceeded|Read-only file system|File too large|index-pack|unpack-objects failed|failed to sign|failed to write commit object|cannot create|cannot run|unable to create|unable to write/i,
    'failed',
  ],
  [/couldn't find remote ref|Remote branch .* not found/i, 'no-branch'],
  [
    /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied \(|returned error: 40[13]|Access denied|Permission to .* denied|Host key verification failed|access rights.*denied/i,
    'denied',
  ],
  [
    /does not appear to be a git repository|repository (.* )?(not found|does not exist)|could not be found|returned error: 404|not a git repository|no such file or directory|not exported|unable to find remote helper|is not a valid repository/i,
    'no-repository',
  ],
  [
    /could not resolve|couldn't resolve|connect to|connection|timed? ?out|unreachable|hung up|early EOF|unable to access|unexpected disconnect|could not read from remote|returned error: (5\d\d|429)|RPC failed|block timeout|ended by a signal|died of signal|bad line length|protocol error|network/i,
    'unreachable',
  ],
];

const WHO =
  'git does not know who commits: set user.name and user.email, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL';

/** What a call that asks a remote, or commits, failed with. What no sign is known of, and `hook` may explain, is a hook's refusal. */
export function failureOf(said: string, hook?: string): Failure {
  const outcome = SIGNS.find(([sign]) => sign.test(said))?.[1];
  const words = outcome === 'no-identity' ? WHO : wordsOf(said);
  if (outcome !== undefined) return { outcome, words };
  return hook === undefined ? { outcome: 'failed', words } : { outcome: 'refused', words: `${hook} refused: ${words}` };
}

/** Reasons with which a remote refuses a push that lost a race, whatever its words. */
const LOST_RACE =
  /non-fast-forward|fetch first|stale info|cannot lock ref|failed to lock|failed to update ref|incorrect old value|reference already exists/i;

/** What a push failed with, by the lines of `git push --porcelain` and by what the remote said beside them. */
export function pushFailureOf(said: string, hook: string): Failure {
  const line = /^!\t[^\t]*\t(.*)$/m.exec(said)?.[1];
  // It says that the branch was moved, and that something failed after that: whether it was is to be asked.
  if (line === undefined && /^[ *]\t/m.test(said)) return { outcome: 'unreachable', words: wordsOf(said) };
  if (line === undefined) return failureOf(said, hook);
  const words = [...said.matchAll(/^remote: ?(.*?)\s*$/gm)].map(([, text]) => text).filter((text) => text !== '');
  const reason = line.replace(/^\[(remote )?rejected\]\s*/, '').replace(/^\((.*)\)$/, '$1');
  // It did not say whether it took it.
  if (/^\[remote failure\]/.test(line)) return { outcome: 'unreachable', words: `no answer to the push: ${reason}` };
  if (LOST_RACE.test(line)) return { outcome: 'moved', words: `the branch moved meanwhile (${reason})` };
  return { outcome: 'refused', words: [`the remote refused: ${reason}`, ...words].join('\n') };
}

/** Without what git adds about itself. */
function wordsOf(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^(fatal|error): /, '').trim())
    .filter(
      (line) =>
        line !== '' &&
        !/^(hint:|Please make sure you have the correct access rights|and the repository exists)/.test(line),
    );
  return lines.slice(0, 20).join('\n');
}
