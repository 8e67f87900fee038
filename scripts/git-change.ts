import { execFile } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Chalk } from 'chalk';
import { type Command, Option } from 'commander';
import { loadOverlay, OverlayError, overlayNames } from '../overlays/load.ts';
import type { Overlay } from '../overlays/overlay.ts';
import { commitOnto, type Target } from '../promotion/git/remote.ts';
import { endWords, nextOf } from '../promotion/git/tell.ts';
import { changeTree, type FileChange } from '../promotion/git/working-tree.ts';
import { UnreachableError, UsageError } from '../promotion/plan/usage.ts';
import type { Emit } from '../promotion/report/events.ts';
import { jsonReport } from '../promotion/report/plain.ts';
import { type Say, sayTo } from '../promotion/run/say.ts';
import { type Output, outputOf } from './options.ts';

// What the commands share that change files of the repository: in the working tree, or by a commit on the branch that is applied.

export interface ChangeOptions {
  readonly push?: true;
  readonly by?: string;
  readonly output?: Output;
}

/** Adds the options of `ChangeOptions` to a command. */
export function onRepository(command: Command): Command {
  return withOutput(command)
    .option('--push', 'make it one commit on the branch that is applied, without touching the working tree')
    .option('--by <name>', 'who does it, for the record (default: the CI system’s actor, else git’s user)');
}

/** Adds how to report. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to report (default: tty on a terminal, else plain)').choices([
      'tty',
      'plain',
      'json',
    ]),
  );
}

/** Reports one line an event, for people or for machines. */
export function sayer(options: Pick<ChangeOptions, 'output'>): Say {
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const output = outputOf(options);
  const paint = new Chalk(output === 'tty' ? {} : { level: 0 });
  const lines: Emit = ({ code, level, message }) => {
    if (code === 'NEXT') write(`→ ${message}`);
    else write(level === 'info' ? message : level === 'warning' ? paint.yellow(`! ${message}`) : paint.red(message));
  };
  return sayTo(output === 'json' ? jsonReport(write) : lines, () => new Date());
}

/** An overlay by its name. Throws `UsageError`. */
export function overlayCalled(name: string): Overlay {
  try {
    return loadOverlay(name);
  } catch (error) {
    if (error instanceof OverlayError) throw new UsageError(error.message);
    throw error;
  }
}

export interface Where extends Target {
  readonly mode: 'push' | 'pull-request';
}

/** Where the changes of an overlay are pushed to, or those of all overlays. Throws `UsageError`. */
export function whereToPush(name?: string): Where {
  const names = name === undefined ? overlayNames : [name];
  const found = names.flatMap((each): Where[] => {
    const { gitops } = overlayCalled(each);
    return gitops?.changes ? [{ repository: gitops.repository, branch: gitops.revision, mode: gitops.changes }] : [];
  });
  const [first] = found;
  if (!first) {
    const which = name === undefined ? 'no overlay' : `overlay ${name}`;
    throw new UsageError(
      `--push: ${which} says nothing of how changes come to Git: set gitops.changes, or leave --push out and commit yourself`,
    );
  }
  if (found.some((each) => JSON.stringify(each) !== JSON.stringify(first))) {
    throw new UsageError('--push: the overlays are in different repositories or branches: name one with --overlay');
  }
  return first;
}

export interface RepositoryChange {
  /** What is read of the working tree beside what is written. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly change: FileChange;
  /** Names this run's commit, and a branch for a pull request. */
  readonly id: string;
  /** Of the branch for a pull request, without the id. */
  readonly branch: string;
}

/** How a change ended, in data for machines: where it is, or that there was nothing to do. */
export type Made =
  | { readonly outcome: 'changed'; readonly files: readonly string[] }
  | {
      readonly outcome: 'pushed';
      readonly commit: string;
      readonly branch: string;
      readonly opened?: string;
      readonly open?: string;
    }
  | { readonly outcome: 'unchanged' };

/**
 * Makes the change in the working tree around the current folder, or on the branch, and says so. Throws `UsageError` where it is
 * refused, and `UnreachableError` where another try may end otherwise; nothing is changed then.
 */
export async function makeChange(
  { reads, writes, change, id, branch }: RepositoryChange,
  where: Where | undefined,
  say: Say,
): Promise<Made> {
  if (!where) {
    const end = await changeTree(process.cwd(), { reads, writes }, change);
    if (end.outcome === 'nothing-to-do') {
      say('CHANGED', end.words, { data: { outcome: 'unchanged' } });
      return { outcome: 'unchanged' };
    }
    say('CHANGED', `changed ${end.files.join(', ')}`, { data: end });
    say('NEXT', 'look at it with git diff, then commit it: the files belong together');
    return end;
  }
  const pullRequest = where.mode === 'push' ? {} : { pullRequest: `${branch}-${id.slice(-8)}` };
  const end = await commitOnto(where, change, { act: id, ...pullRequest });
  const words = endWords(end, where);
  switch (end.outcome) {
    case 'pushed': {
      const { commit, branch, opened, open } = end;
      const made: Made = {
        outcome: 'pushed',
        commit,
        branch,
        ...(opened ? { opened } : {}),
        ...(open ? { open } : {}),
      };
      say('CHANGED', words, { data: made });
      const next = nextOf(end);
      if (next) say('NEXT', next);
      return made;
    }
    case 'nothing-to-do':
      say('CHANGED', words, { data: { outcome: 'unchanged' } });
      return { outcome: 'unchanged' };
    case 'moved':
    case 'unreachable':
      throw new UnreachableError(words);
    default:
      throw new UsageError(words);
  }
}

/** Where this tool and its dependencies are: the folder above this file, or above its bundle. */
const TOOL = fileURLToPath(new URL('..', import.meta.url));

/** What rendering reads. */
export const SOURCES = [
  ...['charts', 'imports', 'overlays', 'promotion'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'cdk8s.yaml'],
];

/**
 * Renders an overlay with the charts of the folder itself, which may be newer than this checkout, and with the dependencies of this
 * one. Writes what changed, and nothing if anything is wrong. Throws `UsageError`.
 */
export async function renderIn(folder: string, overlay: string): Promise<void> {
  const [theirs, ours] = await Promise.all(
    [folder, TOOL].map((root) => readFile(join(root, 'package-lock.json'), 'utf8').catch(() => '')),
  );
  if (theirs !== ours) {
    throw new UsageError(
      'the repository has other dependencies than this checkout, which would render other bytes: git pull, npm ci, and run it again',
    );
  }
  // Beside the folder, where Node looks next, so that it is no file of the repository.
  await symlink(join(TOOL, 'node_modules'), join(folder, '..', 'node_modules')).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const { CDK8S_OUTDIR: _, ...env } = process.env;
  try {
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'charts/main.ts', overlay], {
      cwd: folder,
      env: { ...env, CDK8S_CHECK_UPGRADE: 'false' },
    });
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    if (code === 2) throw new UsageError(stderr.trim());
    throw new Error(`rendering ${overlay} failed: ${stderr || (error as Error).message}`);
  }
}
