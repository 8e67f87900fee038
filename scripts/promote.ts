import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { Command } from 'commander';
import { folderBelow } from '../promotion/evidence/folder.ts';
import { readPlan } from '../promotion/plan/folder.ts';
import type { Plan } from '../promotion/plan/plan.ts';
import type { Emit } from '../promotion/report/events.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { terminalReport } from '../promotion/report/terminal.ts';
import { promote } from '../promotion/run/run.ts';
import {
  clusterOf,
  folderOf,
  type Output,
  onRelease,
  outputOf,
  positiveSeconds,
  RENDERED,
  type ReleaseOptions,
  stopSignal,
} from './options.ts';

interface Options extends ReleaseOptions {
  readonly timeout?: number;
  readonly evidence: string;
}

export function promoteCommand(): Command {
  return onRelease(new Command('promote'))
    .description('take a release live as a set: all of its Rollouts, or none')
    .option(
      '--timeout <seconds>',
      'how long the members may take to be prepared (default: the release policy’s)',
      positiveSeconds,
    )
    .option('--evidence <dir>', 'where the folder with the evidence of the release is made', 'evidence')
    .addHelpText(
      'after',
      `
Apply the manifests first (kubectl apply --server-side -f ${RENDERED}/<overlay>, or a Git commit that Argo CD syncs), then promote.
Before the first switch Ctrl-C only stops the run; after it the set is brought back first.

Exit codes: 0 promoted or unchanged, 2 bad arguments or manifests, 3 refused, 4 rolled back, 5 stuck: a person must act,
6 superseded by a newer revision, 7 locked by another run, 8 cluster unreachable, 70 a bug of this tool, 130 interrupted before the first switch.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<number> {
  const plan = withTimeout(await readPlan(await folderOf(overlay, options.manifests)), options.timeout);
  const cluster = clusterOf(plan, options);
  const { signal, release } = stopSignal();
  const { emit, close } = reporter(outputOf(options));
  try {
    const { release: name, version } = plan.policy;
    const evidence = folderBelow(options.evidence, name, version, cluster.now());
    const { exitCode } = await promote({ plan, cluster, emit, holder: holder(), evidence, signal });
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

function withTimeout(plan: Plan, seconds: number | undefined): Plan {
  if (seconds === undefined) return plan;
  return { ...plan, policy: { ...plan.policy, timeouts: { ...plan.policy.timeouts, prepareSeconds: seconds } } };
}

function reporter(output: Output): { emit: Emit; close: () => void } {
  if (output === 'tty') return terminalReport(process.stdout);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  return { emit: output === 'json' ? jsonReport(write) : plainReport(write), close: () => {} };
}
