import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Ask } from '../promotion/core/journal.ts';
import { folderBelow } from '../promotion/evidence/folder.ts';
import { recordRun } from '../promotion/git/record-run.ts';
import { whereThisRuns, whoRunsThis } from '../promotion/git/who.ts';
import { companionOf } from '../promotion/gitops/companion.ts';
import { recordsOf } from '../promotion/gitops/records.ts';
import { type Notifier, newNotifier } from '../promotion/notify/notifier.ts';
import type { Plan } from '../promotion/plan/plan.ts';
import type { Emit, RunEvent } from '../promotion/report/events.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { terminalReport } from '../promotion/report/terminal.ts';
import { carryOut } from '../promotion/run/run.ts';
import { telemetryOf } from '../promotion/telemetry/otlp.ts';
import {
  clusterOf,
  type Output,
  onRelease,
  outputOf,
  positiveSeconds,
  type ReleaseOptions,
  stopSignal,
} from './options.ts';

/** What the exit codes of every command that moves traffic mean, for its help. */
export const EXIT_CODES_HELP = `2 bad arguments or manifests, 3 refused, 4 rolled back, 5 stuck: a person must act, 6 superseded by a newer revision,
7 locked by another run, 8 cluster unreachable, 70 a bug of this tool, 130 interrupted before the first switch.`;

/** What every command that moves traffic takes. */
export interface ActOptions extends ReleaseOptions {
  readonly evidence: string;
  /** Seconds. */
  readonly lockTimeout?: number;
  /** A file. */
  readonly result?: string;
  readonly dryRun?: true;
  readonly breakGlass?: string;
  /** Whether how it ends is recorded in the repository that the policy names. */
  readonly record: boolean;
  readonly by?: string;
}

/** Adds the overlay and the options of `ActOptions` to a command. */
export function onReleaseToAct(command: Command): Command {
  return onRelease(command)
    .option('--evidence <dir>', 'where the folder with the evidence of the release is made', 'evidence')
    .option('--no-record', 'leave how it ends out of the record in the repository that the release policy names')
    .option('--by <name>', 'who does it, for that record (default: the CI system’s actor, else git’s user)')
    .option('--result <file>', 'write the event RESULT into this file, too, e.g. /dev/termination-log of a pod');
}

/** Adds what a command takes that does not act while another run holds the release. */
export function waitsForLock(command: Command): Command {
  return command.option(
    '--lock-timeout <seconds>',
    'how long to wait for another run that holds this release (default: not at all)',
    positiveSeconds,
  );
}

/** Carries out what a command asks of a release, reports it, and returns the exit code. */
export async function carryOutCommand(ask: Ask, plan: Plan, options: ActOptions): Promise<number> {
  const cluster = clusterOf(plan, options);
  const { signal, release } = stopSignal();
  const { emit: report, close } = reporter(outputOf(options));
  const isDryRun = options.dryRun === true;
  let isReported = false;
  const notifier = isDryRun
    ? undefined
    : newNotifier({
        plan,
        id: randomUUID(),
        environment: process.env,
        // RESULT is the last line of stdout.
        warn: (event) => (isReported ? process.stderr.write(`warning: ${event.message}\n`) : report(event)),
      });
  const telemetry = isDryRun ? undefined : await telemetryOf();
  let isFrozen = false;
  let last: RunEvent | undefined;
  const emit: Emit = (event) => {
    isFrozen ||= event.code === 'FROZEN';
    // Told last, after what is recorded of it; who has to be woken is woken at once.
    if (event.code === 'RESULT') last = event;
    else report(event);
    notifier?.hear(event);
    telemetry?.emit(event);
    if (event.code === 'RESULT' && options.result !== undefined) writeResult(options.result, event);
  };
  try {
    const { release: name, version } = plan.policy;
    const folder = folderBelow(options.evidence, name, version, cluster.now());
    const evidence = notifier?.keep(folder) ?? folder;
    const who = { by: options.by ?? (await whoRunsThis()), from: whereThisRuns() };
    const records = recordsOf({ ...who, release: name, version: version ?? '', now: cluster.now });
    const companion = companionOf(plan, records, (namespace) => clusterOf(plan, { ...options, namespace }));
    const { outcome, exitCode } = await carryOut({
      ask,
      plan,
      cluster,
      emit,
      holder: holder(),
      lockPatience: (options.lockTimeout ?? 0) * 1000,
      evidence,
      signal,
      ...(options.breakGlass === undefined ? {} : { breakGlass: options.breakGlass }),
      isDryRun,
      ...(companion ? { companion } : {}),
    });
    if (!isDryRun && options.record) {
      const breakGlass = isFrozen ? options.breakGlass : undefined;
      const about = { ...who, time: cluster.now(), breakGlass };
      await recordRun(plan, ask, outcome, about, report);
    }
    return exitCode;
  } finally {
    if (last) report(last);
    isReported = true;
    close();
    const [lost] = await Promise.all([telemetry?.close(), untilTold(notifier)]);
    if (lost) process.stderr.write(`telemetry was not delivered: ${lost}\n`);
    release();
  }
}

/** Waits until everybody is told, or for long enough; Ctrl-C ends that, and changes nothing about the exit code. */
async function untilTold(notifier: Notifier | undefined): Promise<void> {
  const { signal, release } = stopSignal();
  await notifier?.end(signal);
  release();
}

/** For others to read when this process is gone. What became of the release does not depend on it. */
function writeResult(file: string, event: RunEvent): void {
  try {
    writeFileSync(file, `${JSON.stringify(event)}\n`);
  } catch (error) {
    process.stderr.write(`--result ${file} cannot be written: ${(error as Error).message}\n`);
  }
}

/** Who runs this, as others are told who find the release locked. */
function holder(): string {
  return `${userName()}@${hostname()}, process ${process.pid}, ${randomUUID().slice(0, 8)}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that no name stands for.
    return `user ${process.getuid?.()}`;
  }
}

function reporter(output: Output): { emit: Emit; close: () => void } {
  if (output === 'tty') return terminalReport(process.stdout);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  return { emit: output === 'json' ? jsonReport(write) : plainReport(write), close: () => {} };
}
