import { Command } from 'commander';
import { readPlan } from '../promotion/plan/folder.ts';
import type { Plan } from '../promotion/plan/plan.ts';
import { type ActOptions, carryOutCommand, EXIT_CODES_HELP, onReleaseToAct, waitsForLock } from './carry-out.ts';
import { folderOf, positiveSeconds, RENDERED } from './options.ts';

interface Options extends ActOptions {
  readonly timeout?: number;
  readonly dryRun?: true;
}

export function promoteCommand(): Command {
  return waitsForLock(onReleaseToAct(new Command('promote')))
    .description('take a release live as a set: all of its Rollouts, or none')
    .option(
      '--timeout <seconds>',
      'how long the members may take to be prepared (default: the release policy’s)',
      positiveSeconds,
    )
    .option('--break-glass <reason>', 'promote in a freeze, for this reason, which is recorded')
    .option('--dry-run', 'write nothing: judge the members as they are now, and say what would be done first')
    .addHelpText(
      'after',
      `
Apply the manifests first (kubectl apply --server-side -f ${RENDERED}/<overlay>, or a Git commit that Argo CD syncs), then promote.
Before the first switch Ctrl-C only stops the run; after it the set is brought back first.

Exit codes: 0 promoted or unchanged, ${EXIT_CODES_HELP}`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      const plan = withTimeout(await readPlan(await folderOf(overlay, options.manifests)), options.timeout);
      process.exitCode = await carryOutCommand('promote', plan, options);
    });
}

function withTimeout(plan: Plan, seconds: number | undefined): Plan {
  if (seconds === undefined) return plan;
  return { ...plan, policy: { ...plan.policy, timeouts: { ...plan.policy.timeouts, prepareSeconds: seconds } } };
}
