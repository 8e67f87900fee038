import { readdir } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { breaksIn, type Entry, entriesOf, NO_OVERLAY, RECORDS, recordFile } from '../promotion/git/chain.ts';
import { cutsIn } from '../promotion/git/cuts.ts';
import { type Delivery, deliveryOf, type Figure } from '../promotion/git/delivery.ts';
import { textOf } from '../promotion/git/record.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import { sayer, withOutput } from './git-change.ts';
import { type Output, outputOf } from './options.ts';

interface Options {
  readonly output?: Output;
}

interface MetricsOptions extends Options {
  readonly since?: Date;
  readonly days?: number;
}

export function auditCommand(): Command {
  return new Command('audit')
    .description('the record of releases: who did what, when, from where, and how it ended')
    .addCommand(
      withOutput(new Command('show'))
        .description('show it, the newest last')
        .argument('[overlay]', 'whose (default: all)')
        .addHelpText('after', '\nExit codes: 0, 2, 70.')
        .action(show),
    )
    .addCommand(
      withOutput(new Command('verify'))
        .description('look whether any line was changed, removed, moved or put in since it was written')
        .argument('[overlay]', 'whose (default: all)')
        .addHelpText(
          'after',
          `
Follows the chain of hashes in each file, and looks in the history of Git, as far as this clone has it, for commits that took
lines out, which no chain can tell of its end.

Exit codes: 0 all is as it was written, 1 something is not, and the line is named, 2 bad arguments, 70 a bug of this tool.`,
        )
        .action(verify),
    )
    .addCommand(
      withOutput(new Command('metrics'))
        .description('deployment frequency, lead time, change-failure rate and time to restore (DORA)')
        .argument('[overlay]', 'whose (default: all)')
        .addOption(
          new Option('--since <date>', 'count what went live from then on (default: all that is recorded)')
            .argParser(dateOf)
            .conflicts('days'),
        )
        .option('--days <number>', 'count what went live in the last so many days', daysOf)
        .addHelpText(
          'after',
          `
docs/git.md says what each figure counts. One that rests on fewer than three cases is unknown, and says so.

Exit codes: 0, 2 bad arguments, 70 a bug of this tool.`,
        )
        .action(metrics),
    );
}

async function show(overlay: string | undefined, options: Options): Promise<void> {
  const say = sayer(options);
  const isTable = outputOf(options) !== 'json';
  let count = 0;
  for (const name of await recordsFor(overlay)) {
    const entries = entriesOf(await textOf(recordFile(name)));
    count += entries.length;
    if (isTable && entries.length > 0) process.stdout.write(`${name}\n`);
    const widths = columnsOf(entries);
    for (const entry of entries) say('AUDIT', isTable ? row(entry, widths) : sentence(entry), { data: entry });
  }
  say('RESULT', count === 1 ? '1 line' : `${count} lines`, {
    data: { outcome: 'listed', exitCode: 0, release: overlay ?? null },
  });
}

async function verify(overlay: string | undefined, options: Options): Promise<void> {
  const say = sayer(options);
  let findings = 0;
  for (const name of await recordsFor(overlay)) {
    const file = recordFile(name);
    const breaks = breaksIn(await textOf(file), name);
    const { cuts, unseen } = await cutsIn(process.cwd(), file);
    for (const { line, kind, message } of breaks) {
      say('AUDIT', `${file}, line ${line}: ${kind}: ${message}`, { level: 'error', data: { file, line, kind } });
    }
    for (const cut of cuts) say('AUDIT', `${file}: ${cut}`, { level: 'error', data: { file, kind: 'cut' } });
    if (unseen) say('AUDIT', `${file}: ${unseen}`, { level: 'warning', data: { file } });
    findings += breaks.length + cuts.length;
  }
  const exitCode = findings === 0 ? 0 : 1;
  say('RESULT', findings === 0 ? 'every line is as it was written' : `${findings} findings`, {
    level: findings === 0 ? 'info' : 'error',
    data: { outcome: findings === 0 ? 'intact' : 'broken', exitCode, release: overlay ?? null },
  });
  process.exitCode = exitCode;
}

async function metrics(overlay: string | undefined, options: MetricsOptions): Promise<void> {
  const say = sayer(options);
  const now = Date.now();
  const { days, since = days === undefined ? undefined : new Date(now - days * 86_400_000) } = options;
  if (since && since.getTime() > now)
    throw new UsageError(`--since ${since.toISOString()} is in the future: name a day that was`);
  const names = (await recordsFor(overlay)).filter((name) => name !== NO_OVERLAY);
  for (const name of names) {
    const text = await textOf(recordFile(name));
    if (breaksIn(text, name).length > 0) {
      const message = `${recordFile(name)} is not as it was written (npx moneywise-deploy audit verify ${name}): so are its figures`;
      say('AUDIT', message, { level: 'warning', data: { file: recordFile(name) } });
    }
    const delivery = deliveryOf(entriesOf(text), now, since?.getTime());
    say('AUDIT', [`${name}, ${delivery.from} to ${delivery.until}`, ...figuresOf(delivery)].join('\n'), {
      data: { overlay: name, ...delivery },
    });
  }
  say('RESULT', names.length === 1 ? '1 record' : `${names.length} records`, {
    data: { outcome: 'measured', exitCode: 0, release: overlay ?? null },
  });
}

function figuresOf(delivery: Delivery): string[] {
  const { unrestored } = delivery;
  const rows = [
    ['deployment frequency', worded(delivery.deploymentFrequency)],
    ['lead time', worded(delivery.leadTime)],
    ['change-failure rate', worded(delivery.changeFailureRate)],
    ['time to restore', worded(delivery.timeToRestore) + (unrestored > 0 ? `; not over yet: ${unrestored}` : '')],
  ] as const;
  return rows.map(([what, figure]) => `  ${what.padEnd(20)}  ${figure}`);
}

function worded(figure: Figure): string {
  if ('unknown' in figure) return `unknown: ${figure.unknown}`;
  const { samples, unit, value } = figure;
  const words = {
    'a day': () => `${value.toFixed(2)} a day`,
    percent: () => `${value.toFixed(1)} %`,
    seconds: () => `${durationOf(value)} (median)`,
  };
  return `${words[unit]()}, n = ${samples}`;
}

/** Seconds in the unit that a person would take. */
function durationOf(seconds: number): string {
  const [name, length] =
    (
      [
        ['d', 86_400],
        ['h', 3600],
        ['min', 60],
      ] as const
    ).find(([, length]) => seconds >= 2 * length) ?? (['s', 1] as const);
  return `${(seconds / length).toFixed(1)} ${name}`;
}

function dateOf(value: string): Date {
  const date = new Date(value);
  if (!/^\d{4}-\d{2}-\d{2}/.test(value) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('It must be a day or a time, e.g. 2026-07-01 or 2026-07-01T08:00:00Z.');
  return date;
}

function daysOf(value: string): number {
  const days = Number(value);
  if (!(days > 0 && days <= 36_500)) throw new InvalidArgumentError('It must be a number of days above 0, e.g. 30.');
  return days;
}

/** The names of the records to look at. Throws `UsageError` for one that is not there. */
async function recordsFor(overlay: string | undefined): Promise<string[]> {
  const files = await readdir(RECORDS).catch((): string[] => []);
  const names = files.filter((file) => file.endsWith('.jsonl')).map((file) => file.slice(0, -'.jsonl'.length));
  if (overlay === undefined) return names.sort();
  if (!names.includes(overlay)) {
    const choice = names.join(', ') || 'nothing yet';
    throw new UsageError(`nothing is recorded of "${overlay}": ${RECORDS}/ has ${choice}`);
  }
  return [overlay];
}

const COLUMNS = ['time', 'action', 'version', 'outcome', 'by'] as const;

function columnsOf(entries: readonly Entry[]): number[] {
  return COLUMNS.map((column) => Math.max(...entries.map((entry) => entry[column].length)));
}

function row(entry: Entry, widths: readonly number[]): string {
  const cells = COLUMNS.map((column, i) => entry[column].padEnd(widths[i] ?? 0));
  return `  ${[...cells, entry.from, entry.reason ?? ''].join('  ').trimEnd()}`;
}

function sentence({ action, overlay, version, outcome, by }: Entry): string {
  return `${action} ${overlay} ${version}: ${outcome}, by ${by}`;
}
