import type { Bundle } from './bundle.ts';
import { offset } from './chart.ts';
import { block, code, table } from './markdown.ts';
import { type Story, storyOf, troublesOf } from './story.ts';

/** The file that holds it. */
export const SUMMARY = 'summary.md';

/** The most rows of a table: a release of many members must still fit into an issue. */
const MOST_ROWS = 50;

/**
 * A bundle in a page of Markdown, for where people look first: an issue, the summary of a job. It has no logs and no
 * answers, because more people read it than the folder, and redaction knows most secrets, not all.
 */
export function summaryOf(bundle: Bundle): string {
  const story = storyOf(bundle);
  const { result, namespace, plan } = bundle;
  const { release, version } = plan.policy;
  const outcome = result?.outcome ?? 'unfinished';
  const parts = [
    `## ${code(`${release}${version ? ` ${version}` : ''}`)}: ${outcome}`,
    block(result?.message ?? 'The run has not told its end.'),
    `In namespace ${code(namespace)}, from ${new Date(story.start).toISOString().replace(/\.\d+Z$/, 'Z')}, for ${offset(result?.durationMs ?? story.end - story.start)}${result ? `, exit code ${result.exitCode}` : ''}.${because(story)}`,
    ...steps(story),
    ...members(bundle, story),
    ...verdicts(story),
    ...pods(bundle),
    ...warnings(bundle),
  ];
  return `${parts.join('\n\n')}\n`;
}

function because({ cause }: Story): string {
  if (!cause) return '';
  return ` What decided it: ${code(cause.code)}${cause.member ? `, member ${code(cause.member)}` : ''}.`;
}

function steps({ nextSteps }: Story): string[] {
  return nextSteps.length === 0 ? [] : ['### What to do next', nextSteps.map((step) => `- ${code(step)}`).join('\n')];
}

function members({ result }: Bundle, { members: lanes }: Story): string[] {
  const rows = (result?.members ?? []).map(({ name, from, to, active, stable }) => [
    code(name),
    code(from ?? ''),
    code(to ?? ''),
    code(active ?? ''),
    code(stable ?? ''),
    code(lanes.find((lane) => lane.name === name)?.spans.at(-1)?.state ?? ''),
  ]);
  const heads = ['member', 'from', 'to', 'live at the end', 'stable at the end', 'last stage'];
  return section('Members', heads, rows);
}

function verdicts({ verdicts: all, start }: Story): string[] {
  const bad = all.filter(({ verdict }) => verdict !== 'pass');
  const rows = bad.map(({ at, gate, verdict, reason }) => [offset(at - start), code(gate), verdict, code(reason)]);
  const title = `Verdicts other than pass (${all.length - bad.length} passed)`;
  return section(title, ['at', 'gate', 'verdict', 'why'], rows);
}

function pods({ pods: all }: Bundle): string[] {
  const rows = all.flatMap((pod) => {
    const trouble = troublesOf(pod);
    return trouble === '' ? [] : [[code(pod.metadata.name), code(pod.status?.phase ?? ''), code(trouble)]];
  });
  return section('Pods in trouble', ['pod', 'phase', 'trouble'], rows);
}

function warnings({ events }: Bundle): string[] {
  const rows = events
    .filter(({ type }) => type === 'Warning')
    .slice(-10)
    .map(({ involvedObject, reason, message }) => [
      code(`${involvedObject?.kind ?? ''} ${involvedObject?.name ?? ''}`),
      code(reason ?? ''),
      code(message ?? ''),
    ]);
  return section('Last warnings of the cluster', ['object', 'reason', 'message'], rows);
}

function section(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const more = rows.length > MOST_ROWS ? [`… and ${rows.length - MOST_ROWS} more`] : [];
  return [`### ${title}`, table(heads, rows.slice(0, MOST_ROWS)), ...more];
}
