import { Chalk, type ChalkInstance } from 'chalk';
import { Command } from 'commander';
import { ClusterError } from '../promotion/cluster/port.ts';
import { type Diff, diffOf, isEmpty } from '../promotion/diff/diff.ts';
import { compareAll, othersLike } from '../promotion/diff/dry-run.ts';
import { changedLines, type FieldChange } from '../promotion/diff/fields.ts';
import { readManifests } from '../promotion/plan/folder.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { clusterOf, folderOf, onRelease, outputOf, RENDERED, type ReleaseOptions } from './options.ts';

export function diffCommand(): Command {
  return onRelease(new Command('diff'))
    .description('show what applying a folder would change: rendered against live, by a dry run on the server')
    .addHelpText(
      'after',
      `
What \`kubectl apply --server-side -f ${RENDERED}/<overlay>\` would do, said by the API server itself, in whose dry run nothing is
written. An object that Argo CD applied is compared as Argo CD would apply it. Fields that controllers own are no differences;
values of Secrets are not shown. Needs the rights of who applies (docs/rights.md). With --output json it is one event DIFF.

Exit codes: 0 no difference, 1 differences, 2 bad arguments, manifests or rights, 8 cluster unreachable, 70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: ReleaseOptions) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: ReleaseOptions): Promise<number> {
  const objects = await readManifests(await folderOf(overlay, options.manifests));
  const namespace = objects.find(({ metadata }) => metadata.namespace)?.metadata.namespace;
  const cluster = clusterOf(namespace === undefined ? {} : { namespace }, options);
  const diff = await Promise.all([compareAll(objects, cluster), othersLike(objects, cluster)]).then(
    ([compared, others]) => diffOf(compared, others),
    (error) => {
      if (!(error instanceof ClusterError && error.code === 'forbidden')) throw error;
      throw new UsageError(`${error.message}: diff needs the rights of who applies this folder (docs/rights.md)`);
    },
  );
  const output = outputOf(options);
  const lines =
    output === 'json'
      ? [JSON.stringify(eventOf(diff, cluster.now()))]
      : sections(diff, output === 'tty' ? new Chalk() : new Chalk({ level: 0 }));
  process.stdout.write(`${lines.join('\n')}\n`);
  return isEmpty(diff) ? 0 : 1;
}

function eventOf(diff: Diff, now: Date): RunEvent {
  const level = isEmpty(diff) ? 'info' : 'warning';
  return { time: now.toISOString(), code: 'DIFF', level, message: summary(diff), data: diff };
}

function summary(diff: Diff): string {
  if (isEmpty(diff)) return 'nothing differs';
  const { changed, conflicts, notRendered, refused } = diff;
  return `${diff.new.length} new, ${changed.length} changed, ${notRendered.length} not rendered any more, ${conflicts.length} conflicts, ${refused.length} refused`;
}

function sections(diff: Diff, paint: ChalkInstance): string[] {
  const section = (title: string, lines: string[]) =>
    lines.length > 0 ? [paint.bold(title), ...lines.map((line) => `  ${line}`), ''] : [];
  const named = (title: string, names: readonly string[]) =>
    names.length > 0 ? [`${title}: ${names.join(', ')}`] : [];
  return [
    ...section(
      'New',
      diff.new.map((object) => paint.green(`+ ${object}`)),
    ),
    ...section(
      'Changed',
      diff.changed.flatMap(({ object, fields }) => [
        paint.yellow(`~ ${object}`),
        ...fields.flatMap((field) => fieldLines(field, paint)).map((line) => `    ${line}`),
      ]),
    ),
    ...section(
      'Not rendered any more (nothing removes them but you, or Argo CD where it prunes)',
      diff.notRendered.map((object) => paint.red(`- ${object}`)),
    ),
    ...section(
      'Conflicts (somebody else has set these fields; apply refuses without --force-conflicts)',
      diff.conflicts.map(({ object, path, manager }) => paint.red(`! ${object} ${path}: owned by ${manager}`)),
    ),
    ...section(
      'Refused by the API server',
      diff.refused.map(({ object, reason }) => paint.red(`✖ ${object}: ${reason}`)),
    ),
    ...named('Rollouts that would get a new revision', diff.newRevisions),
    ...named('Jobs that would be made', diff.newJobs),
    summary(diff),
  ];
}

function fieldLines({ path, before, after }: FieldChange, paint: ChalkInstance): string[] {
  if (typeof before === 'string' && typeof after === 'string' && /\n/.test(before + after)) {
    const lines = changedLines(before, after);
    return [`${path}:`, ...lines.map((line) => `  ${line.startsWith('-') ? paint.red(line) : paint.green(line)}`)];
  }
  return [`${path}: ${shown(before)} → ${shown(after)}`];
}

function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
