import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { adviceOn } from '../promotion/cluster/advice.ts';
import { ClusterError } from '../promotion/cluster/port.ts';
import { EXIT_CODES, type Outcome } from '../promotion/core/journal.ts';
import { UnreachableError, UsageError } from '../promotion/plan/usage.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { abortCommand } from './abort.ts';
import { auditCommand } from './audit.ts';
import { diffCommand } from './diff.ts';
import { healthCheckCommand } from './health-check.ts';
import { loadGateCommand } from './load-gate.ts';
import { pinCommand } from './pin.ts';
import { preflightCommand } from './preflight.ts';
import { promoteCommand } from './promote.ts';
import { quarantineCommand } from './quarantine.ts';
import { rehearseCommand } from './rehearse.ts';
import { rollbackCommand } from './rollback.ts';
import { sentryReceiverCommand } from './sentry-receiver.ts';
import { settleCommand } from './settle.ts';
import { startJobCommand } from './start-job.ts';
import { statusCommand } from './status.ts';

/** The command line: `moneywise-deploy <command>`. Exit codes are the command contract of docs/commands.md. */
const program = new Command('moneywise-deploy')
  .description('Takes every blue-green Rollout of a release live together, or leaves all of them where they were.')
  .version(packageJson.version, '--version', 'say the version of this tool')
  .exitOverride()
  // `--version` of a command is its own.
  .enablePositionalOptions()
  .showHelpAfterError('run moneywise-deploy --help for the commands, or <command> --help for its options')
  .configureHelp({ showGlobalOptions: true })
  .addCommand(promoteCommand())
  .addCommand(abortCommand())
  .addCommand(rollbackCommand())
  .addCommand(settleCommand())
  .addCommand(statusCommand())
  .addCommand(preflightCommand())
  .addCommand(diffCommand())
  .addCommand(healthCheckCommand())
  .addCommand(rehearseCommand())
  .addCommand(pinCommand())
  .addCommand(quarantineCommand())
  .addCommand(auditCommand())
  .addCommand(sentryReceiverCommand())
  .addCommand(startJobCommand())
  .addCommand(loadGateCommand());
for (const command of program.commands) {
  command.copyInheritedSettings(program);
  for (const below of command.commands) below.copyInheritedSettings(program);
}

// A reader that goes away (`| head`) must not end a release half-way: the run goes on, unheard.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  const { outcome, message, isTold } = endOf(error as Error);
  if (outcome !== undefined) {
    if (!isTold) process.stderr.write(`${message}\n`);
    tellMachines(outcome, message);
  }
  process.exitCode = outcome === undefined ? 0 : EXIT_CODES[outcome];
}

/** What a call that failed before it began, or at once, ended with; without an outcome for what is no failure. */
function endOf(error: Error): { outcome?: 'usage' | 'unreachable' | 'internal'; message: string; isTold?: true } {
  const { message } = error;
  // Help and version are no errors; everything else commander refuses is bad usage, which it has already printed.
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? { message } : { outcome: 'usage', message, isTold: true };
  if (error instanceof UnreachableError) return { outcome: 'unreachable', message: `error: ${message}` };
  if (error instanceof UsageError) return { outcome: 'usage', message: `error: ${message}` };
  if (error instanceof ClusterError) {
    const outcome = error.code === 'unreachable' ? 'unreachable' : 'usage';
    return { outcome, message: `error: ${message}; ${adviceOn(error)}` };
  }
  return { outcome: 'internal', message: `a bug of this tool, please send this: ${error.stack}` };
}

/** The last line of `--output json` is a RESULT, also of a call whose options could not be read. */
function tellMachines(outcome: Outcome, message: string): void {
  if (!/ (-o|--output)[ =]?json( |$)/.test(` ${process.argv.slice(2).join(' ')}`)) return;
  const data = { outcome, exitCode: EXIT_CODES[outcome], release: null, members: [], durationMs: 0, apiRequests: 0 };
  const time = new Date().toISOString();
  const event: RunEvent = { time, code: 'RESULT', level: 'error', message: message.replace(/^error: /, ''), data };
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
