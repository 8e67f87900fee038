import { Command, CommanderError } from 'commander';
import { adviceOn } from '../promotion/cluster/advice.ts';
import { ClusterError } from '../promotion/cluster/port.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import { abortCommand } from './abort.ts';
import { preflightCommand } from './preflight.ts';
import { promoteCommand } from './promote.ts';
import { rollbackCommand } from './rollback.ts';
import { settleCommand } from './settle.ts';
import { statusCommand } from './status.ts';

/** The command line: `moneywise-deploy <command>`. Exit codes are the command contract of docs/commands.md. */
const program = new Command('moneywise-deploy')
  .description('Takes every blue-green Rollout of a release live together, or leaves all of them where they were.')
  .exitOverride()
  .showHelpAfterError('run moneywise-deploy --help for the commands, or <command> --help for its options')
  .configureHelp({ showGlobalOptions: true })
  .addCommand(promoteCommand())
  .addCommand(abortCommand())
  .addCommand(rollbackCommand())
  .addCommand(settleCommand())
  .addCommand(statusCommand())
  .addCommand(preflightCommand());
for (const command of program.commands) command.copyInheritedSettings(program);

// A reader that goes away (`| head`) must not end a release half-way: the run goes on, unheard.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are no errors; everything else commander refuses is bad usage, which it has already printed.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 2;
  } else if (error instanceof ClusterError) {
    process.stderr.write(`error: ${error.message}; ${adviceOn(error)}\n`);
    process.exitCode = error.code === 'unreachable' ? 8 : 2;
  } else {
    process.stderr.write(`a bug of this tool, please send this: ${(error as Error).stack}\n`);
    process.exitCode = 70;
  }
}
