import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Ask } from '../promotion/core/journal.ts';
import { folderBelow } from '../promotion/evidence/folder.ts';
import type { Plan } from '../promotion/plan/plan.ts';
import type { Emit } from '../promotion/report/events.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { terminalReport } from '../promotion/report/terminal.ts';
import { carryOut } from '../promotion/run/run.ts';
import { clusterOf, type Output, onRelease, outputOf, type ReleaseOptions, stopSignal } from './options.ts';

/** What the exit codes of every command that moves traffic mean, for its help. */
export const EXIT_CODES_HELP = `2 bad arguments or manifests, 3 refused, 4 rolled back, 5 stuck: a person must act, 6 superseded by a newer revision,
7 locked by another run, 8 cluster unreachable, 70 a bug of this tool, 130 interrupted before the first switch.`;

/** What every command that moves traffic takes. */
export interface ActOptions extends ReleaseOptions {
  readonly evidence: string;
  readonly dryRun?: true;
}

/** Adds the overlay and the options of `ActOptions` to a command. */
export function onReleaseToAct(command: Command): Command {
  return onRelease(command).option(
    '--evidence <dir>',
    'where the folder with the evidence of the release is made',
    'evidence',
  );
}

/** Carries out what a command asks of a release, reports it, and returns the exit code. */
export async function carryOutCommand(ask: Ask, plan: Plan, options: ActOptions): Promise<number> {
  const cluster = clusterOf(plan, options);
  const { signal, release } = stopSignal();
  const { emit, close } = reporter(outputOf(options));
  try {
    const { release: name, version } = plan.policy;
    const evidence = folderBelow(options.evidence, name, version, cluster.now());
    const isDryRun = options.dryRun === true;
    const { exitCode } = await carryOut({ ask, plan, cluster, emit, holder: holder(), evidence, signal, isDryRun });
    return exitCode;
  } finally {
    close();
    release();
  }
}

/** Who runs this, as others are told who find the release locked. */
function holder(): string {
  return `${userInfo().username}@${hostname()}, process ${process.pid}, ${randomUUID().slice(0, 8)}`;
}

function reporter(output: Output): { emit: Emit; close: () => void } {
  if (output === 'tty') return terminalReport(process.stdout);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  return { emit: output === 'json' ? jsonReport(write) : plainReport(write), close: () => {} };
}
