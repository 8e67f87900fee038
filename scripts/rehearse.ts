import { Chalk } from 'chalk';
import { Command, InvalidArgumentError } from 'commander';
import { readDraft } from '../promotion/plan/folder.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import { findingsOf } from '../promotion/rehearsal/findings.ts';
import { newRehearsal, type RowVerdict } from '../promotion/rehearsal/rehearse.ts';
import type { Emit } from '../promotion/report/events.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { sayTo } from '../promotion/run/say.ts';
import { folderOf, onManifests, outputOf, type ReleaseOptions } from './options.ts';

interface Options extends Pick<ReleaseOptions, 'manifests' | 'output'> {
  readonly runs: number;
  readonly seed?: number;
}

export function rehearseCommand(): Command {
  return onManifests(new Command('rehearse'))
    .description('play a release in a simulated cluster with everything that can befall it')
    .option('--runs <number>', 'how often each event of the contract is played, its cases in turn', positiveWhole, 4)
    .option('--seed <number>', 'play the run of that seed again and tell its whole story', positiveWhole)
    .addHelpText(
      'after',
      `
Needs no cluster and touches none: an API server, Argo Rollouts and pods are simulated, in virtual time. The folder is the new
version; the one before and a newer one are made from it with other images. What holds is read from the simulated API server,
never from what the promoter says. The events are those of docs/contract.md.

Exit codes: 0 everything that was played holds, 1 something does not, and the seed of it is named, 2 bad arguments or manifests,
70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<number> {
  const { plan, objects } = await readDraft(await folderOf(overlay, options.manifests));
  const rehearsal = await newRehearsal(plan, objects);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const output = outputOf(options);
  const again = `npx moneywise-deploy rehearse ${overlay ?? `--manifests ${options.manifests}`}`;
  const emit = output === 'json' ? jsonReport(write) : table(write, new Chalk(output === 'tty' ? {} : { level: 0 }));
  const say = sayTo(emit, () => new Date());
  const { release } = plan.policy;
  const finish = (isBroken: boolean, message: string) => {
    const data = { outcome: isBroken ? 'broken' : 'holds', exitCode: isBroken ? 1 : 0, release };
    say('RESULT', message, { data, level: isBroken ? 'error' : 'info' });
    return data.exitCode;
  };

  if (options.seed !== undefined) {
    const { seed } = options;
    const verdict = await rehearsal.playSeed(seed, output === 'json' ? emit : plainReport(write));
    if (!verdict) throw new UsageError(`seed ${seed} is of an event that cannot befall these manifests`);
    const { event, what, broken, state } = verdict;
    say('REHEARSAL', `${what}: ${broken.length === 0 ? 'holds' : broken.join('; ')}`, {
      data: { event, verdict: broken.length === 0 ? 'holds' : 'broken', runs: 1, broken: broken.length, seed, state },
      level: broken.length === 0 ? 'info' : 'error',
    });
    return finish(broken.length > 0, `seed ${seed}: in the end ${state}`);
  }
  for (const finding of findingsOf(rehearsal.release)) say('FINDING', finding);
  const broken: RowVerdict[] = [];
  let played = 0;
  await rehearsal.playAll(options.runs, (row) => {
    played += row.runs;
    if (row.verdict === 'broken') broken.push(row);
    say('REHEARSAL', wordsOf(row), { data: row, level: row.verdict === 'broken' ? 'error' : 'info' });
  });
  for (const { seed } of broken) say('NEXT', `${again} --seed ${seed}`);
  return finish(
    broken.length > 0,
    broken.length > 0 ? `${broken.length} of the contract's events do not hold` : `everything holds, in ${played} runs`,
  );
}

function wordsOf({ event, verdict, runs, broken, seed, reason }: RowVerdict): string {
  if (verdict === 'not-played') return `${event}: nothing in these manifests that it could befall`;
  return `${event}: ${verdict === 'holds' ? `holds in ${runs} runs` : `broken in ${broken} of ${runs} runs, seed ${seed}: ${reason}`}`;
}

/** One line an event of the contract. */
function table(write: (line: string) => void, paint: InstanceType<typeof Chalk>): Emit {
  return ({ code, level, message, data }) => {
    if (code === 'RESULT') return write(`\n${message}`);
    if (code === 'NEXT') return write(`→ ${message}`);
    if (code === 'FINDING') return write(paint.yellow(`! ${message}`));
    const { event, verdict, runs, seed, reason } = data as RowVerdict;
    const sign = { holds: '✔', broken: '✖', 'not-played': '–' }[verdict];
    if (runs === 1 && seed !== undefined && reason === undefined) return write(`\n${sign} ${message}`);
    const line = `${sign} ${event.padEnd(48)} ${String(runs).padStart(4)} runs  ${verdict.padEnd(10)}${seed === undefined ? '' : `  seed ${seed}: ${reason}`}`;
    write(level === 'error' ? paint.red(line) : line);
  };
}

function positiveWhole(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1 || number > 1_000_000_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to a thousand million.');
  return number;
}
