import { Command } from 'commander';
import { readDraft } from '../promotion/plan/folder.ts';
import { type ActOptions, carryOutCommand, EXIT_CODES_HELP, onReleaseToAct, waitsForLock } from './carry-out.ts';
import { folderOf } from './options.ts';

export function rollbackCommand(): Command {
  return waitsForLock(onReleaseToAct(new Command('rollback')))
    .description('bring a settled release back, as a set, to the release that had settled before it')
    .addHelpText(
      'after',
      `
While the pods of that release are all still up (status says until when), they are live again within seconds. After that they are
started anew, and the set goes through its gates like any release. What was rolled back is taken down: applied again, it meets its
gates again. Git still asks for it: put the former image pins back, or the next sync brings it up again.

Exit codes: 0 restored, ${EXIT_CODES_HELP}`,
    )
    .action(async (overlay: string | undefined, options: ActOptions) => {
      const { plan } = await readDraft(await folderOf(overlay, options.manifests));
      process.exitCode = await carryOutCommand('rollback', plan, options);
    });
}
