import { type Html, html } from './html.ts';
import type { Lane, Story } from './story.ts';

/** How each state looks; colour is never the only sign, its name stands in it. */
const LOOKS: Readonly<Record<string, string>> = {
  prepared: 'good',
  held: 'live',
  verifying: 'live',
  settled: 'done',
  switching: 'moving',
  settling: 'moving',
  returning: 'bad',
  rejected: 'bad',
  invalid: 'bad',
  unguarded: 'bad',
  aborted: 'back',
  withdrawn: 'back',
  superseded: 'back',
};

/** Heights in pixels: a lane's name, its bar, a mark above or below the bar, and the room below a lane. */
const NAME = 20;
const BAR = 24;
const MARK = 14;
const GAP = 14;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
/** What is shorter than this share of the whole is shown once more, larger. */
const SMALL = 0.4;

/** The stages of the members over time; a second time from the first switch on, where that is too short to be seen. */
export function chartsOf(story: Story): Html {
  const { start, end, phases } = story;
  const from = phases.spans.find(({ state }) => state !== 'preparing')?.from;
  const margin = from === undefined ? 0 : Math.min((end - from) * 0.1, from - start);
  const zoom =
    from !== undefined && end - from < SMALL * (end - start)
      ? html`<h3>From the end of the preparation on, larger</h3>${chart(story, from - margin, end)}`
      : undefined;
  return html`${chart(story, start, end)}${zoom}`;
}

/** Widths are shares of the page and heights are pixels, so that text keeps its size on every screen. */
function chart({ start, phases, members }: Story, from: number, to: number): Html {
  let height = 0;
  const lanes = [phases, ...members].map((lane) => {
    const y = height;
    const has = (mark: 'live' | 'back') => (lane.marks.some(({ what }) => what === mark) ? MARK : 0);
    const bar = y + NAME + has('live');
    height = bar + BAR + has('back') + GAP;
    return { lane, y, bar };
  });
  height += 20;
  const at = (time: number) => (100 * (Math.min(Math.max(time, from), to) - from)) / (to - from);
  const step = STEPS.find((s) => (to - from) / 1000 / s <= 5) ?? (to - from) / 5000;
  const firstTick = Math.ceil((from - start) / 1000 / step - 1e-9);
  const lastTick = Math.floor((to - start) / 1000 / step + 1e-9);
  const ticks = Array.from({ length: lastTick - firstTick + 1 }, (_, i) => (firstTick + i) * step);
  return html`<svg class="chart" role="img" aria-label="stages of the members over time" width="100%" height="${height}">
${ticks.map((seconds) => {
  const x = at(start + seconds * 1000);
  const anchor = x < 4 ? 'start' : x > 94 ? 'end' : 'middle';
  return html`<line class="grid" x1="${pc(x)}" x2="${pc(x)}" y1="0" y2="${height - 20}"/><text class="tick" x="${pc(x)}" y="${height - 6}" text-anchor="${anchor}">${offset(seconds * 1000, step < 1)}</text>
`;
})}${lanes.map(({ lane, y, bar }) => row(lane, y, bar, start, at))}</svg>
`;
}

function row({ name, spans, marks }: Lane, y: number, bar: number, start: number, at: (time: number) => number): Html {
  return html`<text class="name" x="0" y="${y + 14}">${name}</text>
${spans.map(({ from, to, state, why }) => {
  const [x, width] = [at(from), at(to) - at(from)];
  if (width <= 0) return undefined;
  return html`<svg x="${pc(x)}" y="${bar}" width="${pc(width)}" height="${BAR}"><title>${state}, ${offset(from - start)} to ${offset(to - start)}: ${why}</title><rect class="span ${LOOKS[state] ?? 'wait'}" width="100%" height="100%"/>${word(state, width)}</svg>
`;
})}${marks.map(({ at: time, what }) => {
  const x = at(time);
  if (x <= 0) return undefined;
  const isLeft = what === 'live' ? x > 40 : x > 80;
  const words = what === 'live' ? `live on new ${offset(time - start)}` : `back on old ${offset(time - start)}`;
  return html`<line class="mark ${what}" x1="${pc(x)}" x2="${pc(x)}" y1="${bar - (what === 'live' ? MARK : 0)}" y2="${bar + BAR + (what === 'live' ? 0 : MARK)}"/><text class="mark ${what}" x="${pc(x)}" dx="${isLeft ? -5 : 5}" y="${bar + (what === 'live' ? -4 : BAR + 12)}" text-anchor="${isLeft ? 'end' : 'start'}">${words}</text>
`;
})}`;
}

/** A state's name where its bar has room for it, on a wide screen or on any; it is in the bar's title, too. */
function word(state: string, width: number): Html | undefined {
  if (width < state.length * 1.05) return undefined;
  return html`<text class="${width < state.length * 2.6 ? 'roomy' : ''}" x="5" y="16">${state}</text>`;
}

function pc(share: number): string {
  return `${Number(share.toFixed(3))}%`;
}

/** Time since the start: `3.2 s`, `12 min 5 s`, and `12 min 5.2 s` where it is to be exact. */
export function offset(milliseconds: number, exact = false): string {
  const seconds = milliseconds / 1000;
  if (Math.abs(seconds) < 120) return `${Number(seconds.toFixed(1))} s`;
  const rounded = Number(seconds.toFixed(exact ? 1 : 0));
  const [hours, minutes] = [Math.trunc(rounded / 3600), Math.trunc((rounded % 3600) / 60)];
  const rest = Number((rounded % 60).toFixed(1));
  return [hours ? `${hours} h` : '', minutes ? `${minutes} min` : '', rest ? `${rest} s` : '']
    .filter(Boolean)
    .join(' ');
}
