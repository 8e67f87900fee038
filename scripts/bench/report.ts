import { fileURLToPath } from 'node:url';
import { AIMS } from './aims.ts';
import { FEW, MANY_QPS } from './decisions.ts';
import { type Figure, figuresOf, PARTS, type Part, type Results, type Run } from './results.ts';

export const DOCUMENT = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

/** What each part is and how it is measured, for readers. */
const TEXTS: Readonly<Record<Part, { readonly title: string; readonly how: string }>> = {
  switch: {
    title: 'Switch under load',
    how: `Real pods of two members behind real Services, on the real node of the testbed; both end at once on SIGTERM. Requests go to their
Services without a pause, 220 a second on a connection of their own each and 220 a second on eight connections a member that are kept, while
releases are prepared, switched and settled (until the old pods have ended), aborted before and after their switch, and rolled back.
No request is tried again. A request counts as failed without an answer within five seconds or with another one than 200; as
answered by the wrong version if that was not the version of its member at any time since its connection was opened, as it had been read
back from the API server until then. All of it twice: with kube-proxy as it comes, and, a fifth as often, with one that writes its rules 10 ms after it is told
of endpoints (\`--iptables-min-sync-period\`) instead of once a second at most.`,
  },
  decisions: {
    title: 'Latency of decisions',
    how: `A real API server and the real Argo Rollouts with pods that kwok says are running. Each contender in turn takes the same release of
so many members live, half of them before the other half, and all of it back when the analysis of the last member fails. Each begins on a
set that is prepared and at rest, and is measured by one watch that is nobody's. The _plugin in a loop_ is \`kubectl argo rollouts promote\`, and
\`abort\`, once a member, told of the verdict at once; it keeps no order. The _bare controller_ is one guarded patch a member, those of a group
together, and a watch for the next group: no client can be faster in the same order. The promoter's decision is its event
PHASE switching, before it is written down. It is started with the apply, as a release is, and let go by a check that passes once all is at rest;
beside it the same process _started when all is prepared_: then it claims the members (the annotation that shuts out an earlier run) just
before their switch, and the controller looks at each of them for that first. A verdict may be known to it a few milliseconds before that watch
sees it: then less than nothing has passed until it is decided to go back. Its requests are those of the whole run, with its lock, journal and way back. More than ${FEW}
members have controllers that may send more requests a second (Argo Rollouts \`--qps ${MANY_QPS}\`, the controller manager \`--kube-api-qps ${MANY_QPS}\`): with their
defaults of 40 and 20 all that is measured is their wait for their own limits, whoever acts.`,
  },
  rendering: {
    title: 'Rendering',
    how: `Whole processes, from their start to their end, by GNU time: npm and Node included; memory is that of the greatest process among them.
Kustomize and Helm are given the objects that were rendered, as resources and as templates without a single value: they compose and judge
nothing. Environments have two services each, and are rendered as Apps of their own with the policy enforced.`,
  },
  simulation: {
    title: 'Simulation',
    how: 'Releases of the fault campaign with all that befalls them; a release whose analysis goes on for half an hour; every recorded trace of the real controller, replayed.',
  },
};

/** docs/benchmarks.md. */
export function reportOf(results: Results): string {
  const lines = [
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench` from benchmarks.json; edits are lost. -->',
    '',
    'Measured by these commands, all of it or one part; a cluster is brought up where it is needed. What is compared was run in one go, in turns:',
    '',
    '<!-- not run here: takes hours on a machine that does nothing else; tests run each part in short -->',
    '',
    '    npm run bench',
    '    npm run bench -- decisions',
    '    npm run bench -- decisions --check',
    '',
    '`--check` measures anew, writes nothing, and fails when a figure is worse than the recorded one beyond noise: when the near end of its',
    "median's 99 % interval is more than a quarter worse than the far end of the recorded one's, both as multiples of the control's median where there",
    'is one (`scripts/bench/check.ts`).',
    '',
    'Cells show the median, the 99th percentile (of fewer than 100 values the greatest), and how often it was measured.',
    '',
    '## Aims',
    '',
    ...table(
      ['aim', 'met', 'measured'],
      AIMS.map(({ part, words, judge, limit }) => {
        const figures = figuresOf(results, part);
        const judgement = judge(figures);
        if (!judgement) return [words, '–', 'not yet'];
        const why = judgement.isMet || limit === undefined ? '' : `; ${limit(figures)}`;
        return [words, judgement.isMet ? 'yes' : 'no', `${judgement.words}${why}`];
      }),
    ),
    ...PARTS.flatMap((part) => sectionOf(part, results[part] ?? [])),
  ];
  return `${lines.join('\n')}\n`;
}

function sectionOf(part: Part, runs: readonly Run[]): string[] {
  const { title, how } = TEXTS[part];
  const head = ['', `## ${title}`, '', how];
  if (runs.length === 0) return [...head, '', 'Not recorded yet.'];
  const figures = runs.flatMap((run) => run.figures);
  const whats = [...new Set(figures.map(({ what }) => what))];
  return [
    ...head,
    ...runs.flatMap((run) => ['', whereOf(run)]),
    ...whats.flatMap((what) => [
      '',
      `### ${what[0]?.toUpperCase()}${what.slice(1)}`,
      '',
      ...tableOf(figures.filter((figure) => figure.what === what)),
    ]),
  ];
}

function whereOf({ command, date, machine, minutes }: Run): string {
  const where = `${machine.cores} cores (${machine.cpu}), ${machine.memoryGibibytes} GiB, ${machine.system}, ${machine.kernel}, Node ${machine.node}`;
  return `\`${command}\` on ${date.slice(0, 10)}: ${minutes} min; ${where}; load before it ${machine.loadBefore}.`;
}

/** A row for each size or phase, a column for each contender; sizes from the least one on, whenever they were measured. */
function tableOf(figures: readonly Figure[]): string[] {
  const whos = [...new Set(figures.map(({ who }) => who))];
  const size = (at: string) => Number.parseInt(at, 10) || 0;
  const ats = [...new Set(figures.map(({ at }) => at))].sort((a, b) => size(a) - size(b));
  return table(
    ['', ...whos],
    ats.map((at) => [
      at,
      ...whos.map((who) => {
        const figure = figures.find((one) => one.at === at && one.who === who);
        return figure ? cellOf(figure) : '';
      }),
    ]),
  );
}

function cellOf(figure: Figure): string {
  if ('why' in figure) return figure.why;
  if ('count' in figure) return `${figure.count} of ${figure.of}`;
  const { unit, median, p99, n } = figure;
  return unit === 'objects' ? String(median) : `${short(median)} / ${short(p99)} ${unit} (${n})`;
}

/** Three digits. */
const short = (value: number): string => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
