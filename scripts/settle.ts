import { Command } from 'commander';
import { readPlan } from '../promotion/plan/folder.ts';
import { type ActOptions, carryOutCommand, EXIT_CODES_HELP, onReleaseToAct, waitsForLock } from './carry-out.ts';
import { folderOf } from './options.ts';

export function settleCommand(): Command {
  return waitsForLock(onReleaseToAct(new Command('settle')))
    .description('let a set stay that was switched by hand: verify it, then end its holds')
    .addHelpText(
      'after',
      `
For people who promoted with kubectl argo rollouts: every member must be live on these manifests already, nothing is switched. The
verdicts after the switch are waited for, and if one is not a pass the set is brought back.

Exit codes: 0 promoted or unchanged, ${EXIT_CODES_HELP}`,
    )
    .action(async (overlay: string | undefined, options: ActOptions) => {
      const plan = await readPlan(await folderOf(overlay, options.manifests));
      process.exitCode = await carryOutCommand('settle', plan, options);
    });
}
