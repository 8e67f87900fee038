import { type Bundle, type Log, logName } from './bundle.ts';
import { chartsOf, offset } from './chart.ts';
import { containers, timeOf as eventTime } from './collect.ts';
import { type Html, html } from './html.ts';
import { analysesOf, type Story, storyOf, timeOf, titleOf, troublesOf } from './story.ts';
import { STYLE } from './style.ts';

/** The most events of the cluster on the page; the file has more. */
const MOST_EVENTS = 100;

/** A page that tells a person how a release went: one file that refers to no other, and needs no script. */
export function pageOf(bundle: Bundle): string {
  const story = storyOf(bundle);
  const { plan, namespace, result } = bundle;
  const { release, version } = plan.policy;
  const outcome = result?.outcome ?? 'unfinished';
  const title = `${release}${version ? ` ${version}` : ''}: ${outcome}`;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
<header>
<p class="outcome ${result?.exitCode === 0 ? 'is-good' : 'is-bad'}">${outcome}</p>
<h1>${release}${version ? html` <small>${version}</small>` : undefined}</h1>
<p class="dim">namespace ${namespace}, began ${new Date(story.start)
    .toISOString()
    .replace('T', ' ')
    .replace(
      /\.\d+Z$/,
      ' UTC',
    )}, took ${offset(result?.durationMs ?? story.end - story.start)}${result ? `, exit code ${result.exitCode}` : ''}</p>
</header>
${why(bundle, story)}
<section><h2>Members over time</h2>
${chartsOf(story)}</section>
${members(bundle, story)}
${verdicts(story)}
${measurements(bundle, story)}
${answers(bundle, story)}
${pods(bundle)}
${events(bundle)}
${logs(bundle)}
${timeline(bundle, story)}
<footer class="dim">Times count from the start of the run. What looked like a secret was taken out before anything was written: ${'[redacted]'}.</footer>
</main>
</body>
</html>
`;
  return page.markup;
}

function why({ result }: Bundle, { cause, nextSteps }: Story): Html {
  return html`<section><h2>Why it ended so</h2>
<p>${result?.message ?? 'The run has not told its end.'}</p>
${cause ? html`<p class="dim">What decided it: ${cause.code}${cause.member ? html`, member <b>${cause.member}</b>` : undefined}</p>` : undefined}
${nextSteps.length > 0 ? html`<h3>What to do next</h3><ul>${nextSteps.map((step) => html`<li>${step}</li>`)}</ul>` : undefined}
</section>`;
}

function members({ plan, result }: Bundle, { members: lanes, start }: Story): Html {
  const rows = plan.members.map(({ name, order }) => {
    const seen = result?.members.find((m) => m.name === name);
    const lane = lanes.find((l) => l.name === name);
    const when = (what: 'live' | 'back') => {
      const mark = lane?.marks.findLast((m) => m.what === what);
      return mark ? offset(mark.at - start) : '–';
    };
    const { from, to, active, stable } = seen ?? {};
    return [
      html`<b>${name}</b>`,
      order,
      code(from),
      code(to),
      when('live'),
      when('back'),
      code(active),
      code(stable),
      lane?.spans.at(-1)?.state,
    ];
  });
  const heads = [
    'member',
    'order',
    'from',
    'to',
    'live on new',
    'back on old',
    'live at the end',
    'stable at the end',
    'last stage',
  ];
  return html`<section><h2>Members</h2>${table(heads, rows)}</section>`;
}

function verdicts({ verdicts: all, start }: Story): Html {
  const rows = all.map(({ at, gate, verdict, reason }) => [
    offset(at - start),
    gate,
    html`<span class="verdict ${verdict}">${verdict}</span>`,
    reason,
  ]);
  return html`<section><h2>Verdicts</h2>${rows.length > 0 ? table(['at', 'gate', 'verdict', 'why'], rows) : html`<p class="dim">No gate had judged yet.</p>`}</section>`;
}

function measurements(bundle: Bundle, { start }: Story): Html {
  return html`<section><h2>Measurements</h2>${analysesOf(bundle).map(
    (
      run,
    ) => html`<details><summary>${titleOf(run)} <span class="dim">${run.metadata.name}, ${run.status?.phase ?? 'not begun'}</span></summary>
${table(
  ['metric', 'at', 'result', 'value or message'],
  (run.status?.metricResults ?? []).flatMap((metric) =>
    (metric.measurements ?? []).map(({ phase, value, message, startedAt }) => [
      metric.name,
      startedAt ? offset(Date.parse(startedAt) - start) : '–',
      // The hold fails on every measurement, which is how it holds.
      metric.name === bundle.plan.policy.holdMetric ? html`<span class="dim">holds</span>` : phase,
      message ?? value,
    ]),
  ),
)}</details>`,
  )}</section>`;
}

function answers({ answers: all }: Bundle, { start }: Story): Html | undefined {
  if (all.length === 0) return undefined;
  const rows = all.map(({ check, at, durationMs, status, error, body }) => [
    check,
    offset(Date.parse(at) - start),
    `${durationMs} ms`,
    status ?? '–',
    html`<code>${error ?? body}</code>`,
  ]);
  return html`<section><h2>Answers to health checks</h2><details><summary>${count(all.length, 'answer')}</summary>${table(['check', 'asked at', 'took', 'status', 'answer'], rows)}</details></section>`;
}

function pods({ pods: all }: Bundle): Html | undefined {
  if (all.length === 0) return undefined;
  const rows = all.map((pod) => {
    const { metadata, status } = pod;
    const ready = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ? 'yes' : 'no';
    const restarts = containers(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
    return [metadata.name, status?.phase, ready, restarts, troublesOf(pod)];
  });
  return html`<section><h2>Pods</h2>${table(['pod', 'phase', 'ready', 'restarts', 'trouble'], rows)}</section>`;
}

function events({ events: all }: Bundle): Html | undefined {
  if (all.length === 0) return undefined;
  const rows = all
    .slice(-MOST_EVENTS)
    .map((event) => [
      eventTime(event).replace('T', ' ').replace(/\.\d+/, ''),
      event.type,
      `${event.involvedObject?.kind ?? ''} ${event.involvedObject?.name ?? ''}`,
      event.reason,
      `${event.message ?? ''}${(event.count ?? 1) > 1 ? ` (${event.count} times)` : ''}`,
    ]);
  const warnings = all.filter(({ type }) => type === 'Warning').length;
  return html`<section><h2>Events of the cluster</h2><details><summary>${count(all.length, 'event')}, ${count(warnings, 'warning')}</summary>${table(['last at', 'type', 'object', 'reason', 'message'], rows)}</details></section>`;
}

function logs({ logs: all }: Bundle): Html | undefined {
  if (all.length === 0) return undefined;
  const shown = (log: Log) =>
    html`<details><summary>${log.pod} <b>${log.container}</b>${log.previous ? ' before its restart' : ''} <span class="dim">logs/${logName(log)}</span></summary><pre>${log.text || '(nothing)'}</pre></details>`;
  return html`<section><h2>Last log lines</h2>${all.map(shown)}</section>`;
}

function timeline({ timeline: all }: Bundle, { start }: Story): Html {
  const rows = all.map((event) => [
    offset(timeOf(event) - start),
    event.code,
    html`<span class="${event.level}">${event.message}</span>`,
  ]);
  return html`<section><h2>Everything the run told</h2><details><summary>${count(all.length, 'line')}</summary>${table(['at', 'code', 'message'], rows)}</details></section>`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

type Cell = Html | string | number | undefined;

function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  return html`<div class="wide"><table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>
${rows.map(
  (row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
)}</tbody></table></div>`;
}

function code(hash: string | null | undefined): Html {
  return hash ? html`<code>${hash}</code>` : html`–`;
}
