import { Command } from 'commander';
import { readDraft } from '../promotion/plan/folder.ts';
import { type ActOptions, carryOutCommand, EXIT_CODES_HELP, onReleaseToAct } from './carry-out.ts';
import { folderOf } from './options.ts';

export function abortCommand(): Command {
  return onReleaseToAct(new Command('abort'))
    .description('bring a release that has not settled back, as a set: every member on its old revision')
    .addHelpText(
      'after',
      `
Works whatever these manifests ask for: of them only the names of the Rollouts and the release policy count. A promotion that is
still running is shut out first and ends as locked. Traffic is back when each active Service is read back on the old revision;
then the pods of the new one are taken down, so that no retry or re-apply takes it live past its gates.

Exit codes: 0 restored, ${EXIT_CODES_HELP}`,
    )
    .action(async (overlay: string | undefined, options: ActOptions) => {
      const { plan } = await readDraft(await folderOf(overlay, options.manifests));
      process.exitCode = await carryOutCommand('abort', plan, options);
    });
}
