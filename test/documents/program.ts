import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { simpleCommands, withoutVariables } from './shell.ts';

let program: Promise<Command> | undefined;

/** The real command line of `moneywise-deploy`, whose commands read their arguments and then do nothing. */
async function theProgram(): Promise<Command> {
  const { action } = Command.prototype;
  const spies = [
    vi.spyOn(Command.prototype, 'action').mockImplementation(function (this: Command) {
      return action.call(this, () => {});
    }),
    vi.spyOn(Command.prototype, 'parseAsync').mockImplementation(async function (this: Command) {
      return this;
    }),
  ];
  await import('../../scripts/moneywise-deploy.ts');
  const parsed = spies[1]?.mock.contexts[0] as Command;
  for (const spy of spies) spy.mockRestore();
  return parsed;
}

/** Why the program would refuse these arguments; undefined if it takes them. */
async function refusal(args: readonly string[]): Promise<string | undefined> {
  program ??= theProgram();
  const command = await program;
  let said = '';
  const output = {
    writeOut: () => {},
    writeErr: (text: string) => {
      said += text;
    },
  };
  for (const each of allOf(command)) each.configureOutput(output);
  try {
    await command.parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : said.trim().split('\n')[0];
  }
}

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];

/**
 * What is wrong with a command line as far as this project can know: its own program refuses the arguments, or
 * package.json has no such script. Placeholders count as values.
 */
export async function problemsOf(line: string): Promise<string[]> {
  const problems: string[] = [];
  for (const words of simpleCommands(line)) {
    const [file, first, ...rest] = withoutVariables(words);
    if (file === 'npx' && first === 'moneywise-deploy') {
      const refused = await refusal(rest);
      if (refused) problems.push(`${line}: ${refused}`);
    }
    const script = rest.find((word) => !word.startsWith('-')) ?? '';
    if (file === 'npm' && first === 'run' && !(script in scripts))
      problems.push(`${line}: package.json has no script ${script}`);
  }
  return problems;
}

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
