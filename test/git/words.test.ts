import { describe, expect, it } from 'vitest';
import { redacted } from '../../promotion/git/git.ts';
import { failureOf, pushFailureOf } from '../../promotion/git/words.ts';

// What hosts say that no test here can be: by their documentation and their clients' reports.

const SSH_END =
  'fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.';

describe('what a remote says when it is asked', () => {
  it.each([
    ['git@github.com: Permission denied (publickey).', 'denied'],
    ['Host key verification failed.', 'denied'],
    ['ERROR: Permission to o/r.git denied to deploy-key.', 'denied'],
    ['ERROR: Repository not found.', 'no-repository'],
    [
      "remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.",
      'no-repository',
    ],
    ['ssh: Could not resolve hostname git.example.org: Name or service not known', 'unreachable'],
    ['ssh: connect to host git.example.org port 22: Connection timed out', 'unreachable'],
    ['kex_exchange_identification: Connection closed by remote host', 'unreachable'],
  ])('by SSH, before the same two lines each time: %s', (words, outcome) => {
    expect(failureOf(`${words}\n${SSH_END}`)).toEqual({
      outcome,
      words: `${words}\nCould not read from remote repository.`,
    });
  });

  it.each([
    ["remote: Invalid username or password.\nfatal: Authentication failed for 'https://github.com/o/r.git/'", 'denied'],
    ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", 'denied'],
    [
      "remote: Permission to o/r.git denied to x.\nfatal: unable to access 'https://github.com/o/r.git/': The requested URL returned error: 403",
      'denied',
    ],
    ["remote: Repository not found.\nfatal: repository 'https://github.com/o/r.git/' not found", 'no-repository'],
    ["fatal: unable to access 'https://h/': The requested URL returned error: 502", 'unreachable'],
    ["fatal: unable to access 'https://h/': The requested URL returned error: 429", 'unreachable'],
    ["fatal: unable to access 'https://h/': SSL certificate problem: certificate has expired", 'unreachable'],
    ['error: RPC failed; curl 56 GnuTLS recv error (-9)\nfatal: early EOF', 'unreachable'],
    ['error: cannot run ssh: No such file or directory\nfatal: unable to fork', 'failed'],
    ['fatal: write error: No space left on device', 'failed'],
    ['something that nobody has seen', 'failed'],
  ])('by HTTP, or nothing at all: %s', (words, outcome) => {
    expect(failureOf(words).outcome).toBe(outcome);
  });
});

describe('what a remote says to a push', () => {
  const answer = (line: string, ...remote: string[]) =>
    pushFailureOf(
      [
        'To https://h/o/r.git',
        `!\tHEAD:refs/heads/main\t${line}`,
        'Done',
        ...remote.map((text) => `remote: ${text}        `),
        "error: failed to push some refs to 'https://h/o/r.git'",
      ].join('\n'),
      'a hook',
    );

  it.each([
    ['[rejected] (fetch first)', 'moved'],
    ['[rejected] (non-fast-forward)', 'moved'],
    ["[remote rejected] (cannot lock ref 'refs/heads/main': is at a but expected b)", 'moved'],
    ['[remote rejected] (incorrect old value provided)', 'moved'],
    ['[remote rejected] (pre-receive hook declined)', 'refused'],
    ['[remote rejected] (shallow update not allowed)', 'refused'],
    // Whether it took it is not known.
    ['[remote failure] (remote failed to report status)', 'unreachable'],
  ])('%s', (line, outcome) => {
    expect(answer(line).outcome).toBe(outcome);
  });

  it('is told with its own words, of which git is none', () => {
    expect(
      answer(
        '[remote rejected] (protected branch hook declined)',
        'error: GH006: Protected branch update failed for refs/heads/main.',
        '',
      ),
    ).toEqual({
      outcome: 'refused',
      words:
        'the remote refused: protected branch hook declined\nerror: GH006: Protected branch update failed for refs/heads/main.',
    });
  });

  it('in which the connection broke after the branch moved is to be asked again', () => {
    expect(
      pushFailureOf('To h\n \tHEAD:refs/heads/main\tabc..def\nfatal: the remote end hung up', 'a hook').outcome,
    ).toBe('unreachable');
  });

  it('that a hook here stopped says so', () => {
    expect(pushFailureOf("secret found\nerror: failed to push some refs to 'h'", 'a hook')).toMatchObject({
      outcome: 'refused',
      words: expect.stringMatching(/^a hook refused: secret found/),
    });
  });
});

it('a login in an address is never told', () => {
  for (const [said, told] of [
    ["unable to access 'https://me:hunter2@h/x.git/'", "unable to access 'https://***@h/x.git/'"],
    ['https://ghp_token@github.com/o/r and ssh://git:p@h:22/x', 'https://***@github.com/o/r and ssh://***@h:22/x'],
    ['https://me:p@ss@word@h/x', 'https://***@h/x'],
    ['git@github.com:o/r.git, https://h/x?user=a@b', 'git@github.com:o/r.git, https://h/x?user=a@b'],
  ])
    expect(redacted(said as string)).toBe(told);
});
