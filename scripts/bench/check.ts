import { PARTS_OF_BACK, PARTS_OF_DECISION } from './decisions.ts';
import { MODES } from './load.ts';
import { isSame } from './machine.ts';
import { PROXIES } from './proxies.ts';
import { type Counted, type Figure, keyOf, type Measured, type Part, type Results } from './results.ts';

/** Whose figures this project answers for, and beside whose they are measured in the same go. */
const SIDES: Readonly<Record<Part, { readonly ours: readonly string[]; readonly control?: string }>> = {
  switch: { ours: PROXIES.flatMap(({ named }) => MODES.map(named)) },
  decisions: { ours: ['promoter'], control: 'bare controller' },
  rendering: { ours: ['npm run synth', 'npx cdk8s synth'], control: 'kubectl kustomize' },
  simulation: { ours: ['simulation'] },
};

/** They tell where the time of another figure went, which is compared; their control may take no time at all, and relates nothing then. */
const PARTS_OF_OTHERS: ReadonlySet<string> = new Set([
  ...Object.values(PARTS_OF_DECISION),
  ...Object.values(PARTS_OF_BACK),
]);

/** How much worse than what was recorded is let pass beside noise: 1.25 is a quarter. */
const TOLERANCE = 1.25;

/** How a figure of a new run compares with the recorded one. */
export interface Comparison {
  readonly name: string;
  readonly verdict: 'fine' | 'worse' | 'not comparable';
  readonly words: string;
}

/**
 * Compares a run with what was recorded, figure by figure.
 *
 * A measured quantity is worse when even the best that noise allows now is more than a quarter worse than the worst that noise
 * allowed then: the near end of the new median's 99 % interval against the far end of the recorded one's. Where a control was
 * measured in the same go, both medians are taken as multiples of its median, so that a slower machine is no regression; where
 * there is none, they are comparable on the same kind of machine only. That both intervals miss the true median on that side
 * happens to one figure in forty thousand, of eight values or more.
 *
 * A count is worse when it is above three standard deviations of what the recorded share lets expect: of none, any is.
 */
export function compare(recorded: Results, now: Results): Comparison[] {
  return (Object.keys(now) as Part[]).flatMap((part) => {
    const known = recorded[part] ?? [];
    if (known.length === 0) return [{ name: part, verdict: 'not comparable', words: 'nothing was recorded' } as const];
    const { ours, control } = SIDES[part];
    const pairs = (now[part] ?? []).flatMap((after) => after.figures.map((figure) => ({ after, figure })));
    return pairs.flatMap(({ after, figure }): Comparison[] => {
      const isIt = (other: Figure) => keyOf(other) === keyOf(figure);
      const before = known.find(({ figures }) => figures.some(isIt));
      const old = before?.figures.find(isIt);
      if (!ours.includes(figure.who) || PARTS_OF_OTHERS.has(figure.what) || !before || !old) return [];
      const name = `${part}: ${keyOf(figure)}`;
      if ('count' in figure && 'count' in old) return [{ name, ...compareCounts(old, figure) }];
      if ('why' in figure && 'median' in old)
        return [{ name, verdict: 'worse', words: `no figure now: ${figure.why}` }];
      if (!('median' in figure && 'median' in old) || figure.unit === 'objects') return [];
      const controls = control && controlsOf(figure, control, before.figures, after.figures);
      if (controls) return [{ name, ...compareMedians(old, figure, ...controls) }];
      if (figure.unit !== 'requests' && !isSame(before.machine, after.machine))
        return [{ name, verdict: 'not comparable', words: 'recorded on another machine, and nothing to relate it to' }];
      return [{ name, ...compareMedians(old, figure, 1, 1) }];
    });
  });
}

/** The control's medians then and now; none where it has no such figure, or where the quantity is no matter of the machine. */
function controlsOf(
  figure: Measured,
  control: string,
  before: readonly Figure[],
  after: readonly Figure[],
): [number, number] | undefined {
  if (figure.unit === 'requests' || figure.who === control) return undefined;
  const [then, now] = [before, after].map((figures) =>
    figures.find((other) => keyOf(other) === keyOf({ ...figure, who: control })),
  );
  return then && now && 'median' in then && 'median' in now ? [then.median, now.median] : undefined;
}

function compareMedians(
  old: Measured,
  now: Measured,
  oldControl: number,
  nowControl: number,
): Omit<Comparison, 'name'> {
  // Of runs a second, less is worse.
  const isMoreBetter = now.unit === 'runs/s';
  const factor = isMoreBetter
    ? old.low / oldControl / (now.high / nowControl)
    : now.low / nowControl / (old.high / oldControl);
  const words = `${now.median.toPrecision(3)} ${now.unit}, recorded ${old.median.toPrecision(3)} ${old.unit}${
    oldControl === 1
      ? ''
      : `; of the control ${(now.median / nowControl).toFixed(2)}, recorded ${(old.median / oldControl).toFixed(2)}`
  }`;
  return { verdict: factor > TOLERANCE ? 'worse' : 'fine', words };
}

function compareCounts(old: Counted, now: Counted): Omit<Comparison, 'name'> {
  const expected = old.of === 0 ? 0 : (old.count / old.of) * now.of;
  const verdict = now.count > expected + 3 * Math.sqrt(expected) ? 'worse' : 'fine';
  return { verdict, words: `${now.count} of ${now.of}, recorded ${old.count} of ${old.of}` };
}
