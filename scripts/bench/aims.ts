import { BACK, DECISION, PARTS_OF_BACK, PARTS_OF_DECISION, SETTLES } from './decisions.ts';
import { MODES } from './load.ts';
import { PROXIES } from './proxies.ts';
import { type Counted, type Figure, find, type Measured, type Part } from './results.ts';
import { READ_BACK, type ReadBack, stillAnswers, wrongAfter } from './sightings.ts';

/** Something that this project is to reach, and what the figures say about it. */
export interface Aim {
  readonly part: Part;
  readonly words: string;
  /** What it comes to; undefined while the part was not run. */
  readonly judge: (figures: readonly Figure[]) => Judgement | undefined;
  /** What a profile has shown to be in the way, for a miss. */
  readonly limit?: (figures: readonly Figure[]) => string;
}

export interface Judgement {
  readonly isMet: boolean;
  readonly words: string;
}

const BARE = 'bare controller';

const counts = (figures: readonly Figure[], what: string): Counted[] =>
  figures.filter((figure): figure is Counted => 'count' in figure && figure.what === what);

/** That there is none of that, of at least `least` in each; of these alone, if any are named. */
const noneOf =
  (what: string, least: number, whos?: readonly string[]): Aim['judge'] =>
  (figures) => {
    const all = counts(figures, what).filter(({ who }) => !whos || whos.includes(who));
    if (all.length === 0) return undefined;
    const [count, of] = [sum(all.map((figure) => figure.count)), sum(all.map((figure) => figure.of))];
    const fewest = Math.min(...all.map((figure) => figure.of));
    return { isMet: count === 0 && fewest >= least, words: `${count} of ${of}, at least ${fewest} in each` };
  };

/** The greatest ratio of ours to another's, wherever both were measured. */
const worstOf = (
  figures: readonly Figure[],
  what: string,
  ours: string,
  other: string,
  of: readonly ('median' | 'p99')[],
) =>
  figures
    .flatMap((figure) => {
      const beside = find(figures, what, figure.at, other);
      if (!('median' in figure) || figure.what !== what || figure.who !== ours || !beside) return [];
      return of.map((which) => ({ ratio: figure[which] / beside[which], at: figure.at, which }));
    })
    .toSorted((a, b) => b.ratio - a.ratio)[0];

/** That it is at most `most`; it is told with where it was. */
const within =
  (what: string, ours: string, other: string, most: number, of: readonly ('median' | 'p99')[]): Aim['judge'] =>
  (figures) => {
    const worst = worstOf(figures, what, ours, other, of);
    return (
      worst && { isMet: worst.ratio <= most, words: `at most ${worst.ratio.toFixed(2)} (${worst.which}, ${worst.at})` }
    );
  };

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const synth = (figures: readonly Figure[], who: string) => find(figures, 'time', '1 overlay', who);

/** How long after a switch was read back a new connection still led to the version before, by how the node's kube-proxy is set. */
const followed = (by: ReadBack) => (figures: readonly Figure[]) => {
  const [own, prompt] = PROXIES.map(({ named }) => find(figures, stillAnswers(by), 'each switch', named('fresh')));
  const time = (found: Measured | undefined) =>
    found ? `${found.median.toFixed(0)} ms (p99 ${found.p99.toFixed(0)})` : 'not measured';
  return [
    `nodes follow their endpoints later. The old version went on to answer new connections for ${time(own)} where kube-proxy writes its`,
    `rules once a second at most, as it comes (\`minSyncPeriod\`); for ${time(prompt)} where it waits 10 ms: the way by EndpointSlice,`,
    'watch and iptables',
  ].join(' ');
};

/** Which part of a way takes the promoter longer than the bare controller, at the size where it is furthest behind. */
const parts = (what: string, names: Readonly<Record<string, string>>, why: string) => (figures: readonly Figure[]) => {
  const worst = worstOf(figures, what, 'promoter', BARE, ['p99']);
  const time = (name: string, who: string) => {
    const found = worst && find(figures, name, worst.at, who);
    return found ? `${found.median.toFixed(0)} / ${found.p99.toFixed(0)} ms` : 'not measured';
  };
  const each = Object.values(names).map((name) => {
    const [, part = name] = name.split(', ');
    return `${part} ${time(name, 'promoter')} to ${time(name, BARE)}`;
  });
  return `at ${worst?.at}, ${each.join('; ')}. ${why}; that the selectors follow is the controller's; the next group waits for the endpoints, which are read back as well`;
};

export const AIMS: readonly Aim[] = [
  {
    part: 'switch',
    words: 'no request fails, of 10,000 in each phase',
    judge: noneOf('failed requests', 10_000, MODES),
  },
  ...READ_BACK.map(
    (by): Aim => ({
      part: 'switch',
      words: `none is answered by the wrong version on a connection opened after ${by} had been read back, of 10,000 in each phase`,
      judge: noneOf(wrongAfter(by), 10_000, MODES),
      limit: followed(by),
    }),
  ),
  ...(
    [
      [DECISION, PARTS_OF_DECISION, 'The journal is written before the promotes of each group'],
      [BACK, PARTS_OF_BACK, 'It is written down that the set goes back before the first abort'],
    ] as const
  ).flatMap(([what, names, why]): Aim[] => [
    {
      part: 'decisions',
      words: `${what}: faster than the plugin in a loop, at the median and at p99 (ratio below 1)`,
      judge: within(what, 'promoter', 'plugin in a loop', 1, ['median', 'p99']),
    },
    {
      part: 'decisions',
      words: `${what}: p99 within 1.5 times the bare controller's`,
      judge: within(what, 'promoter', BARE, 1.5, ['p99']),
      limit: parts(what, names, why),
    },
  ]),
  {
    part: 'decisions',
    words: 'API requests grow with the members and no faster: the most for one more member',
    judge: (figures) => {
      const sizes = figures
        .filter(
          (figure): figure is Measured => 'median' in figure && figure.who === 'promoter' && figure.what === SETTLES,
        )
        .map(({ at, median }) => ({ members: Number.parseInt(at, 10), median }))
        .toSorted((a, b) => a.members - b.members);
      const slopes = sizes
        .slice(1)
        .map(({ members, median }, i) => (median - (sizes[i]?.median ?? 0)) / (members - (sizes[i]?.members ?? 0)));
      if (slopes.length === 0) return undefined;
      const words = slopes.map((slope) => slope.toFixed(1)).join(', ');
      return { isMet: Math.max(...slopes) <= 1.5 * (slopes[0] ?? 0), words: `${words}, from size to size` };
    },
  },
  {
    part: 'rendering',
    words: '`npm run synth` of one overlay within 2 times `kubectl kustomize`',
    judge: within('time', 'npm run synth', 'kubectl kustomize', 2, ['median']),
    limit: (figures) => {
      const [npm, app, kustomize] = ['npm run, of nothing', 'node scripts/synth.mjs', 'kubectl kustomize'].map(
        (who) => {
          const found = synth(figures, who);
          return found ? `${found.median.toFixed(2)} s` : 'not measured';
        },
      );
      return [
        `npm takes ${npm} to start anything, and kustomize ${kustomize} for all. Of the app without npm, ${app}, more than half is its own work`,
        '(constructs, policy, YAML), the rest the start of Node, the compiling of the bundle and the collecting of garbage, as',
        '`node --cpu-prof scripts/synth.mjs` tells',
      ].join(' ');
    },
  },
  {
    part: 'rendering',
    words: 'the time of an object is flat to 25,000 objects: that of the most within 1.25 times that of 100 services',
    judge: (figures) => {
      const times = figures.filter((f): f is Measured => 'median' in f && f.what === 'time an object');
      const [few, most] = [times.find(({ at }) => at === '100 services'), times.at(-1)];
      return few && most && most !== few
        ? { isMet: most.median <= 1.25 * few.median, words: `${(most.median / few.median).toFixed(2)} times` }
        : undefined;
    },
  },
  {
    part: 'rendering',
    words: "`npx cdk8s synth` takes what the CLI's own start and the app take together, and a tenth at most",
    judge: (figures) => {
      const [own, app, all] = ['npx cdk8s --version', 'node scripts/synth.mjs', 'npx cdk8s synth'].map((who) =>
        synth(figures, who),
      );
      if (!own || !app || !all) return undefined;
      const parts = own.median + app.median;
      return { isMet: all.median <= 1.1 * parts, words: `${all.median.toFixed(2)} s, those two ${parts.toFixed(2)} s` };
    },
  },
  {
    part: 'simulation',
    words: 'a release of 30 minutes is simulated in less than 100 ms',
    judge: (figures) => {
      const found = figures.find((f): f is Measured => 'median' in f && f.what === 'a release of 30 minutes');
      return (
        found && {
          isMet: found.median < 100,
          words: `${found.median.toFixed(0)} ms at the median, ${found.p99.toFixed(0)} ms at p99`,
        }
      );
    },
  },
  {
    part: 'simulation',
    words: 'no replay diverges from what the real controller did',
    judge: noneOf('replays that diverge from the recorded trace', 1),
  },
];
