import type { ChalkInstance } from 'chalk';
import { STAGE_COLOURS } from '../report/terminal.ts';
import type { AnalysisStatus, Images, MemberStatus, PodStatus, RevisionStatus, Status } from './status.ts';

const ICONS = { green: '✔', cyan: '●', yellow: '◌', red: '✖' } as const;
const VERDICTS = { pass: '✔', fail: '✖', unknown: '?' } as const;

/** A status as the lines of one frame; `now` is in milliseconds since 1970 and moves the countdowns. */
export function renderStatus(status: Status, now: number, paint: ChalkInstance): string[] {
  const { release, version, namespace, members, findings } = status;
  const verdict =
    findings.length === 0 ? paint.green('all live and stable') : paint.yellow(`${findings.length} to look at`);
  return [
    `${paint.bold(release)}${version ? ` ${version}` : ''} in namespace ${namespace}, ${clock(now)}: ${verdict}`,
    ...members.flatMap((member) => ['', ...renderMember(member, now, paint)]),
    ...(findings.length > 0 ? ['', ...findings.map((finding) => paint.yellow(`! ${finding}`))] : []),
  ];
}

function renderMember(member: MemberStatus, now: number, paint: ChalkInstance): string[] {
  const colour = STAGE_COLOURS[member.stage] ?? 'yellow';
  return [
    `${paint[colour](`${ICONS[colour]} ${paint.bold(member.name)}  ${member.stage}`)}  ${member.reason}`,
    ...renderImages(member.images).map((line) => `  ${line}`),
    ...member.revisions.flatMap((revision, i) =>
      renderRevision(revision, now, paint, i === member.revisions.length - 1 && member.retired === 0),
    ),
    ...(member.retired > 0 ? [paint.dim(`  └─ and ${member.retired} earlier without pods`)] : []),
    ...member.revisions.flatMap((revision) => renderWindow(revision, now)).map((line) => `  ${paint.cyan(line)}`),
  ];
}

/** One line where all agree, else one for each of wanted, live and stable. */
function renderImages({ wanted, live, stable }: MemberStatus['images']): string[] {
  const [w, l, s] = [wanted, live, stable].map(imageLine);
  if (w === l && l === s) return [`live, stable and wanted: ${w}`];
  return [`live:   ${l}`, `stable: ${s === l ? 'the same' : s}`, `wanted: ${w === l ? 'the live one' : w}`];
}

function imageLine(images: Images): string {
  const list = Object.values(images).map(shortImage);
  return list.length === 0 ? 'nothing' : list.join(', ');
}

/** `registry/team/name@sha256:0123…` as `name@0123456789ab`; a tag stays as it is. */
function shortImage(image: string): string {
  return (image.split('/').at(-1) ?? image).replace(/@sha256:([0-9a-f]{12})[0-9a-f]*$/, '@$1');
}

function renderRevision(revision: RevisionStatus, now: number, paint: ChalkInstance, isLast: boolean): string[] {
  const { number, replicaSet, roles, replicas, pods, analyses } = revision;
  const children = [
    ...pods.map((pod) => renderPod(pod, paint)),
    ...analyses.map((run) => renderAnalysis(run, now, paint)),
  ];
  const bar = isLast ? ' ' : '│';
  return [
    `  ${isLast ? '└' : '├'}─ revision ${number}  ${replicaSet}  ${paint.bold(roles.join(' ') || 'old')}  ${replicas.available}/${replicas.wanted} available`,
    ...children.map((line, i) => `  ${bar}  ${i === children.length - 1 ? '└' : '├'}─ ${line}`),
  ];
}

function renderPod({ name, ready, restarts, reason }: PodStatus, paint: ChalkInstance): string {
  const facts = [ready ? 'ready' : 'not ready', restarts > 0 ? `${restarts} restarts` : '', reason ?? ''];
  const line = `pod ${name}  ${facts.filter(Boolean).join(', ')}`;
  return !ready ? paint.red(line) : restarts > 0 ? paint.yellow(line) : line;
}

function renderAnalysis(
  { name, when, verdict, reason, holdEnds }: AnalysisStatus,
  now: number,
  paint: ChalkInstance,
): string {
  const hold = holdEnds
    ? `; hold until ${clock(Date.parse(holdEnds))} (${left(holdEnds, now)}), then it goes back by itself`
    : '';
  const line = `${VERDICTS[verdict]} analysis ${when} ${name}: ${verdict}, ${reason}${hold}`;
  return verdict === 'pass' ? line : verdict === 'fail' ? paint.red(line) : paint.yellow(line);
}

function renderWindow({ number, images, upUntil, isRejected }: RevisionStatus, now: number): string[] {
  if (!upUntil || Date.parse(upUntil) <= now) return [];
  const until = `until ${clock(Date.parse(upUntil))} (${left(upUntil, now)})`;
  const what = `revision ${number} (${imageLine(images)})`;
  return [
    isRejected
      ? `${until} ${what} is still up although a gate refused it: applied again or retried it would go live past every gate`
      : `instant rollback ${until} to ${what}: applied again before then it goes live at once, past every gate`,
  ];
}

/** Time of day where the reader is. */
function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

/** The time left, in the largest unit that is not zero. */
function left(until: string, now: number): string {
  const seconds = Math.max(0, Math.round((Date.parse(until) - now) / 1000));
  return seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.floor(seconds / 60)} min`
      : `${Math.floor(seconds / 3600)} h`;
}
