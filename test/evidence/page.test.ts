import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnalysisRun, Event, Pod } from '../../promotion/cluster/objects.ts';
import type { Bundle } from '../../promotion/evidence/bundle.ts';
import { html } from '../../promotion/evidence/html.ts';
import { pageOf } from '../../promotion/evidence/page.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { type ManifestOptions, manifests, run, worldWith } from '../promotion/simulated.ts';
import { folderInMemory } from './support.ts';

const OPTIONS: ManifestOptions = {
  policy: {
    version: 'v2',
    healthChecks: [{ name: 'backend answers', target: { service: 'backend', port: 80, path: '/' } }],
  },
};

async function pageOfRelease(behaviours: Parameters<typeof worldWith>[0]): Promise<string> {
  const world = await worldWith(behaviours, OPTIONS);
  const kept = folderInMemory(world);
  world.apply(manifests('v2', OPTIONS));
  await run(world, manifests('v2', OPTIONS), () => {}, undefined, kept);
  return kept.files.get('index.html') ?? '';
}

/** The first thing about a page's markup that is not as XML wants it; undefined when nothing is. */
function malformed(page: string): string | undefined {
  const open: string[] = [];
  const rest = page
    .replace(/^<!DOCTYPE html>/, '')
    .replace(/<(\/?)([a-z][a-z0-9]*)((?: [a-z0-9:-]+="[^"<]*")*)(\/?)>/gi, (tag, end, name, _, self) => {
      if (end) {
        const last = open.pop();
        return last === name ? '' : `</${name}> closes <${last}>`;
      }
      if (!self) open.push(name);
      return tag.length > 0 ? '' : tag;
    });
  const stray = /.{0,40}[<>].{0,40}|.{0,20}&(?!(?:amp|lt|gt|quot|#39);).{0,20}/.exec(rest)?.[0];
  return stray ?? (open.length > 0 ? `never closed: ${open.join(' ')}` : undefined);
}

/** What a browser shows, without markup. */
const textOf = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

describe('the page of a release', () => {
  it('tells of one that was rolled back when what switched, who judged what, and why it went back', async () => {
    const page = await pageOfRelease({ 'web:v2': { analysis: { after: 'Failed' } } });
    const text = textOf(page);
    expect(text).toContain('rolled-back');
    expect(text).toMatch(/rolled back: web: (web-.*metric health|aborted: .*&quot;health&quot; assessed) Failed/);
    expect(text).toMatch(/What decided it: (gate-failed|aborted), member web/);
    for (const mark of ['live', 'back'])
      expect(page.match(new RegExp(`<text class="mark ${mark}"`, 'g'))?.length).toBeGreaterThan(1);
    expect(text).toMatch(/web: analysis after the switch fail web-/);
    expect(text).toMatch(/backend: analysis before the switch pass backend-/);
    expect(text).toContain('put the former image pins back');
    expect(text).toContain('starting web:v2');
    expect(malformed(page)).toBeUndefined();
  });

  it('tells of one that was promoted', async () => {
    const page = await pageOfRelease({});
    expect(textOf(page)).toContain('promoted: every member is live and stable on its new revision');
    expect(page.match(/<text class="mark live"/g)?.length).toBeGreaterThan(1);
    expect(page).not.toContain('class="mark back"');
    expect(malformed(page)).toBeUndefined();
  });

  it('refers to nothing outside itself and runs no script', async () => {
    const page = await pageOfRelease({ 'web:v2': { analysis: { after: 'Failed' } } });
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|base|form|a)\b/i);
    expect(page).not.toMatch(/\b(src|href|srcset|action|on\w+)\s*=|url\(|@import/i);
    expect(page).toContain("default-src 'none'");
  });

  it('escapes what others wrote, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.oneof(fc.constant(ATTACK), fc.string({ unit: 'binary' })),
        (place, text) => {
          const page = pageOf(place(text));
          expect(malformed(page)).toBeUndefined();
          expect(page).not.toContain('<script');
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
          expect(page).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
        },
      ),
      { numRuns: 50 },
    );
    for (const place of places) expect(pageOf(place(ATTACK))).toContain('&lt;script&gt;');
  });

  it('is made of a run that has told nothing yet, too', () => {
    expect(malformed(pageOf({ ...EMPTY, timeline: [] }))).toBeUndefined();
  });
});

describe('a template of markup', () => {
  it('keeps markup, escapes text and leaves out what is undefined', () => {
    const inner = html`<b>${'<&>'}</b>`;
    expect(html`<p title="${'"'}">${inner}${undefined}${[1, inner]}</p>`.markup).toBe(
      '<p title="&quot;"><b>&lt;&amp;&gt;</b>1<b>&lt;&amp;&gt;</b></p>',
    );
  });
});

const ATTACK = `"><script>alert(1)</script><img src=x onerror='alert(1)'>\u001b[31mred`;
const START = '2026-01-01T03:00:00.000Z';
const EMPTY: Bundle = {
  plan: planOf(manifests('v2')),
  namespace: 'shop',
  timeline: [{ time: START, code: 'STARTED', level: 'info', message: 'promoting' }],
  analyses: [],
  answers: [],
  pods: [],
  events: [],
  logs: [],
};

const event = (more: Partial<RunEvent>): Bundle => ({
  ...EMPTY,
  timeline: [
    ...EMPTY.timeline,
    { time: '2026-01-01T03:00:10.000Z', code: 'NEXT', level: 'info', message: '', ...more },
  ],
});

/** Where in a bundle text of others can stand. */
const places: ((text: string) => Bundle)[] = [
  (message) => event({ message }),
  (message) => event({ code: 'MEMBER', member: 'web', message, data: { stage: 'preparing' } }),
  (stage) => event({ code: 'MEMBER', member: 'web', data: { stage } }),
  (message) => event({ code: 'GOING_BACK', message, data: { cause: { code: 'gate-failed', member: message } } }),
  (check) => event({ code: 'CHECK', message: check, data: { check, verdict: 'fail' } }),
  (namespace) => ({ ...EMPTY, namespace }),
  (version) => ({ ...EMPTY, plan: { ...EMPTY.plan, policy: { ...EMPTY.plan.policy, version } } }),
  (body) => ({ ...EMPTY, answers: [{ check: body, at: START, durationMs: 1, status: 200, body }] }),
  (text) => ({ ...EMPTY, logs: [{ pod: text, container: text, previous: true, text }] }),
  (name) => ({ ...EMPTY, pods: [{ metadata: { name }, status: { reason: name } } as Pod] }),
  (message) => ({ ...EMPTY, events: [{ metadata: {}, message, lastTimestamp: message } as Event] }),
  (value) => ({
    ...event({ code: 'MEMBER', member: 'web', data: { stage: 'held', current: 'abc' } }),
    analyses: [
      {
        metadata: { name: value, labels: { 'rollouts-pod-template-hash': 'abc' } },
        spec: { metrics: [{ name: value }] },
        status: { metricResults: [{ name: value, phase: 'Failed', measurements: [{ value, startedAt: value }] }] },
      } as unknown as AnalysisRun,
    ],
  }),
];
