import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ask } from '../../promotion/core/journal.ts';
import { END_LIMIT, newNotifier } from '../../promotion/notify/notifier.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { World } from '../../promotion/simulation/world.ts';
import { folderInMemory, full } from '../evidence/support.ts';
import { type ManifestOptions, manifests, worldWith } from '../promotion/simulated.ts';
import { type TestClock, testClock } from './clock.ts';
import { closeServers, githubServer, pagerdutyServer, SLACK_PATH, slackServer, webhookServer } from './servers.ts';

// Releases in the simulated cluster; who is told is real servers, and what they were told is read from them.

const TOKEN = 'github_pat_11AAAAAAA0secretsecretsecret';
const KEY = 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00';
const SIGNING = `whsec_${Buffer.from('a secret of twenty-four bytes or more').toString('base64')}`;
const SECRETS = [TOKEN, KEY, SIGNING, SLACK_PATH];
const REPOSITORY = 'moneywise/moneywise-deploy';
const LIMIT = 20_000;

const ROLLED_BACK = { 'web:v2': { analysis: { after: 'Failed' } } } as const;
const REFUSED = { 'backend:v2': { analysis: { before: 'Failed' } } } as const;

let clock: TestClock;
let slack: Awaited<ReturnType<typeof slackServer>>;
let webhook: Awaited<ReturnType<typeof webhookServer>>;
let github: Awaited<ReturnType<typeof githubServer>>;
let pagerduty: Awaited<ReturnType<typeof pagerdutyServer>>;
let runs = 0;

beforeEach(async () => {
  clock = testClock();
  [slack, webhook, github, pagerduty] = await Promise.all([
    slackServer(),
    webhookServer(SIGNING, clock.now),
    githubServer(REPOSITORY, TOKEN, clock.now),
    pagerdutyServer(KEY),
  ]);
});
afterEach(closeServers);

const environment = () => ({
  MONEYWISE_SLACK_WEBHOOK_URL: `${slack.url}${SLACK_PATH}`,
  MONEYWISE_WEBHOOK_URL: webhook.url,
  MONEYWISE_WEBHOOK_SECRET: SIGNING,
  MONEYWISE_GITHUB_TOKEN: TOKEN,
  MONEYWISE_PAGERDUTY_ROUTING_KEY: KEY,
});

const everybody = (): NonNullable<PolicyInput['notifications']> => ({
  slack: { mention: '<!here>' },
  webhook: {},
  github: { repository: REPOSITORY, api: github.url },
  pagerduty: { api: pagerduty.url },
});

interface Told {
  readonly world: World;
  readonly version?: string;
  readonly ask?: Ask;
  readonly notifications?: PolicyInput['notifications'];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly evidence?: 'kept' | 'disk full' | 'none';
  readonly at?: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

/** One command, as scripts/carry-out.ts runs it; the manifests are applied first. */
async function told({ world, version = 'v2', ask = 'promote', evidence = 'kept', at, signal, ...more }: Told) {
  const options: ManifestOptions = {
    policy: { release: 'production', version, notifications: more.notifications ?? everybody() },
  };
  const objects = manifests(version, options);
  if (ask === 'promote') world.apply(objects);
  const plan = planOf(objects);
  const warnings: RunEvent[] = [];
  runs += 1;
  const notifier = newNotifier({
    plan,
    id: `run-${runs}`,
    environment: more.environment ?? environment(),
    clock,
    warn: (event) => warnings.push(event),
  });
  const folder = evidence === 'disk full' ? full : folderInMemory(world);
  const result = await world.play(
    carryOut({
      ask,
      plan,
      cluster: world.cluster,
      holder: 'test',
      emit: (event) => {
        notifier?.hear(event);
        at?.(event);
      },
      ...(signal ? { signal } : {}),
      ...(evidence === 'none' ? {} : { evidence: notifier?.keep(folder) ?? folder }),
    }),
  );
  return { result, warnings, end: async () => notifier?.end() };
}

async function release(how: Told) {
  const run = await told(how);
  await run.end();
  return run;
}

const openIssues = () => github.issues.filter(({ state }) => state === 'open');

describe('who is told of a release', () => {
  it(
    'has one message of a good one, and every step of it by webhook',
    async () => {
      const { result, warnings } = await release({ world: await worldWith() });
      expect([result.outcome, warnings]).toEqual(['promoted', []]);
      expect(slack.texts).toEqual([expect.stringMatching(/^✅ \*production v2: promoted\*\n.*every member is live/)]);
      expect([...webhook.taken.values()].map(({ moment, outcome }) => outcome ?? moment)).toEqual([
        'started',
        'live',
        'promoted',
      ]);
      expect([github.issues, pagerduty.alerts]).toEqual([[], []]);
    },
    LIMIT,
  );

  it(
    'hears at once that one goes back and why, and how that ended',
    async () => {
      const world = await worldWith(ROLLED_BACK);
      const { result } = await release({ world });
      expect(result.outcome).toBe('rolled-back');
      expect(slack.texts).toEqual([
        expect.stringMatching(/^<!here> 🔴 \*production v2: going back\*\n.*web.*Failed/),
        expect.stringMatching(
          /^<!here> 🔴 \*production v2: rolled back\*\n.*every member is back.*\n• .*former image pins/,
        ),
      ]);
      expect(pagerduty.alerts).toEqual([]);
    },
    LIMIT,
  );

  it(
    'is nobody where the policy names nobody',
    async () => {
      const { result, warnings } = await release({ world: await worldWith(), notifications: {} });
      expect([result.outcome, warnings, slack.requests, webhook.requests]).toEqual(['promoted', [], [], []]);
    },
    LIMIT,
  );

  it(
    'is who asked for these moments and ends only',
    async () => {
      const notifications = { slack: { moments: ['ended' as const], outcomes: ['stuck' as const] } };
      await release({ world: await worldWith(ROLLED_BACK), notifications });
      expect(slack.requests).toEqual([]);
    },
    LIMIT,
  );

  it(
    'is not told that nothing was to be done',
    async () => {
      const world = await worldWith();
      await release({ world, version: 'v1' });
      expect([slack.texts, github.issues]).toEqual([[], []]);
    },
    LIMIT,
  );
});

describe('an incident', () => {
  it(
    'is one issue after three failing releases, closed by the one that is well again, and another one after that',
    async () => {
      const world = await worldWith({ ...REFUSED, 'backend:v3': { analysis: { before: 'Failed' } } });
      for (const version of ['v2', 'v2', 'v3'])
        expect((await release({ world, version })).result.outcome).toBe('refused');
      expect(openIssues()).toHaveLength(1);
      const [issue] = github.issues;
      expect(issue?.title).toBe('production v2: refused');
      expect(issue?.comments.map(({ body }) => /## `production (v\d)`: refused/.exec(body)?.[1])).toEqual(['v2', 'v3']);

      expect((await release({ world, version: 'v4' })).result.outcome).toBe('promoted');
      expect(github.issues.map(({ state, state_reason }) => [state, state_reason])).toEqual([['closed', 'completed']]);
      expect(issue?.comments.at(-1)?.body).toMatch(/\nOver: `promoted: every member is live/);

      await release({ world, version: 'v3' });
      expect([github.issues.length, openIssues().length]).toEqual([2, 1]);
    },
    LIMIT,
  );

  it(
    'has the summary of the evidence: cause, members, verdicts and what to do next',
    async () => {
      await release({ world: await worldWith(ROLLED_BACK) });
      const body = github.issues[0]?.body ?? '';
      expect(body).toContain('## `production v2`: rolled-back');
      expect(body).toMatch(/What decided it: `[a-z-]+`, member `web`/);
      expect(body).toMatch(/\| `web` \| `\w+` \| `\w+` \|/);
      expect(body).toMatch(/\| `web: analysis after the switch` \| fail \|/);
      expect(body).toMatch(/### What to do next\n\n- `what Git asks for/);
    },
    LIMIT,
  );

  it.each(['disk full', 'none'] as const)(
    'says what happened, also with evidence: %s',
    async (evidence) => {
      await release({ world: await worldWith(REFUSED), evidence });
      expect(openIssues()).toHaveLength(1);
      expect(github.issues[0]?.body).toMatch(/refused: .*backend/);
    },
    LIMIT,
  );

  it(
    'pages for a release that is stuck, as often as that is with one alert, which its recovery resolves',
    async () => {
      const stuck = async () => {
        const world = await worldWith(ROLLED_BACK);
        // Nothing can be taken back: every write to a Service and every abort is refused.
        const patch: World['cluster']['patch'] = async (resource, name, ...rest) => {
          const isBack =
            resource.plural === 'services' || (rest[1] === 'status' && JSON.stringify(rest[0]).includes('abort'));
          if (isBack) return world.api.get(resource.plural, name) as never;
          return world.cluster.patch(resource, name, ...rest);
        };
        return { world, blocked: { ...world, cluster: { ...world.cluster, patch } } };
      };
      const first = await stuck();
      expect((await release({ world: first.blocked })).result.outcome).toBe('stuck');
      expect((await release({ world: (await stuck()).blocked })).result.outcome).toBe('stuck');
      expect(pagerduty.alerts).toEqual([
        {
          key: 'moneywise-deploy/release/production/shop',
          summary: expect.stringMatching(/^production v2: stuck: stuck: .*a person must act/),
          triggers: 2,
          isOpen: true,
        },
      ]);
      expect(slack.texts.at(-1)).toMatch(/• kubectl/);
      expect((await release({ world: first.world, ask: 'abort' })).result.outcome).toBe('restored');
      expect([pagerduty.alerts[0]?.isOpen, openIssues()]).toEqual([false, []]);
    },
    LIMIT,
  );

  it(
    'opens for what the policy says',
    async () => {
      const notifications: PolicyInput['notifications'] = {
        github: { repository: REPOSITORY, api: github.url, outcomes: ['stuck'] },
        pagerduty: { api: pagerduty.url, outcomes: ['refused'] },
      };
      await release({ world: await worldWith(REFUSED), notifications });
      expect([github.issues, pagerduty.alerts.map(({ isOpen }) => isOpen)]).toEqual([[], [true]]);
    },
    LIMIT,
  );

  it(
    'warns when the token cannot set the label by which it would be found again',
    async () => {
      github.options.mayLabel = false;
      const { warnings } = await release({ world: await worldWith(REFUSED) });
      expect(warnings.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^github was not told .*without the label/),
      ]);
    },
    LIMIT,
  );
});

describe('a sink in trouble', () => {
  it(
    'that takes something and loses its answer has one issue, one alert, and each webhook once',
    async () => {
      webhook.faults.push('lost', 'lost');
      github.faults.push('lost');
      pagerduty.faults.push('lost');
      const notifications: PolicyInput['notifications'] = {
        ...everybody(),
        pagerduty: { api: pagerduty.url, outcomes: ['rolled-back'] },
      };
      const world = await worldWith(ROLLED_BACK);
      const { warnings } = await release({ world, notifications });
      expect(warnings).toEqual([]);
      expect(github.issues.map(({ comments }) => comments)).toEqual([[]]);
      expect([...webhook.taken.values()].map(({ moment }) => moment)).toEqual([
        'started',
        'live',
        'returning',
        'ended',
      ]);
      expect(webhook.requests).toHaveLength(6);

      github.faults.push('lost');
      await release({ world, notifications });
      expect(github.issues.map(({ comments }) => comments.length)).toEqual([1]);
      github.faults.push('lost', 'lost');
      await release({ world, notifications, version: 'v3' });
      expect(github.issues.map(({ state, comments }) => [state, comments.length])).toEqual([['closed', 2]]);
      expect(pagerduty.alerts).toHaveLength(1);
    },
    LIMIT,
  );

  it.each([
    'reset',
    'hang',
    { status: 500 },
    { status: 403 },
    { status: 429, headers: { 'retry-after': '60' } },
  ] as const)(
    'that is dead (%j) changes nothing about the release, holds up nobody else, and is waited for within the limit',
    async (fault) => {
      slack.down = fault;
      github.down = fault;
      const world = await worldWith(ROLLED_BACK);
      const { result, warnings, end } = await told({ world });
      expect([result.outcome, result.exitCode]).toEqual(['rolled-back', 4]);
      const began = clock.now();
      const ended = end();
      await vi.waitFor(() => expect(webhook.taken.size).toBe(4), { timeout: 10_000 });
      if (fault === 'hang') clock.advance(END_LIMIT);
      await ended;
      expect(clock.now() - began).toBeLessThanOrEqual(END_LIMIT);
      expect(new Set(warnings.map(({ code, data }) => [code, (data as { sink: string }).sink].join(' ')))).toEqual(
        new Set(['NOTIFY_FAILED slack', 'NOTIFY_FAILED github']),
      );
    },
    LIMIT,
  );

  it(
    'whose secret is missing is one warning, and the others are told',
    async () => {
      const { MONEYWISE_SLACK_WEBHOOK_URL: _, ...rest } = environment();
      const { result, warnings } = await release({ world: await worldWith(), environment: rest });
      expect(result.outcome).toBe('promoted');
      expect(warnings.map(({ code, message }) => [code, message])).toEqual([
        [
          'NOTIFY_FAILED',
          'slack will not be told: MONEYWISE_SLACK_WEBHOOK_URL is not set (or MONEYWISE_SLACK_WEBHOOK_URL_FILE, a file that holds it)',
        ],
      ]);
      expect(webhook.taken.size).toBe(3);
    },
    LIMIT,
  );

  it(
    'never has its secret told on',
    async () => {
      for (const server of [slack, github, webhook, pagerduty])
        server.down = { status: 400, body: `no: ${SECRETS.join(' ')} ${Buffer.from(SIGNING).toString()}` };
      const { warnings, result } = await release({ world: await worldWith(ROLLED_BACK) });
      expect(warnings.length).toBeGreaterThan(3);
      const output = JSON.stringify([warnings, result]);
      expect(SECRETS.filter((secret) => output.includes(secret))).toEqual([]);
    },
    LIMIT,
  );
});

describe('what is told', () => {
  it(
    'holds no secret of the release, and nothing that is markup where it is read',
    async () => {
      const world = await worldWith({ 'web:v2': { analysis: { before: 'Failed' } } });
      const events: RunEvent[] = [
        {
          time: '2026-01-01T00:00:00.000Z',
          code: 'STARTED',
          level: 'info',
          message: 'go',
          data: { ask: 'promote', release: 'production', version: 'v2', namespace: 'shop', members: [] },
        },
        {
          time: '2026-01-01T00:00:01.000Z',
          code: 'RESULT',
          level: 'error',
          message: 'refused: <!channel> said PASSWORD=hunter2hunter2 to @everyone, `code` and <script>',
          data: { outcome: 'refused', exitCode: 3, release: 'production', members: [], durationMs: 1, apiRequests: 1 },
        },
      ];
      const plan = planOf(manifests('v2', { policy: { release: 'production', notifications: everybody() } }));
      const notifier = newNotifier({ plan, id: 'x', environment: environment(), clock, warn: () => {} });
      for (const event of events) notifier?.hear(event);
      await notifier?.end();
      expect(world.cluster.namespace).toBe('shop');
      expect(slack.texts[0]).toContain('&lt;!channel&gt; said PASSWORD=[redacted]');
      expect(github.issues[0]?.body).toContain('```text\nrefused: <!channel> said PASSWORD=[redacted]');
      const everything = JSON.stringify([slack.texts, github.issues, [...webhook.taken.values()]]);
      expect(everything).not.toContain('hunter2');
    },
    LIMIT,
  );

  it(
    'is cut to what each takes, and says that it was',
    async () => {
      const plan = planOf(manifests('v2', { policy: { release: 'production', notifications: everybody() } }));
      const warnings: RunEvent[] = [];
      const notifier = newNotifier({ plan, id: 'x', environment: environment(), clock, warn: (w) => warnings.push(w) });
      const data = { outcome: 'stuck', exitCode: 5, release: 'production', members: [], durationMs: 1, apiRequests: 1 };
      const message = 'a long line\n'.repeat(10_000);
      const about = { ask: 'promote', release: 'production', version: 'v2', namespace: 'shop', members: [] };
      const time = '2026-01-01T00:00:00.000Z';
      notifier?.hear({ time, code: 'STARTED', level: 'info', message: 'go', data: about });
      for (let i = 0; i < 1000; i += 1)
        notifier?.hear({ time, code: 'NEXT', level: 'info', message: message.slice(0, 600) });
      notifier?.hear({ time, code: 'RESULT', level: 'error', message, data });
      await notifier?.end();
      expect(warnings).toEqual([]);
      expect(github.issues[0]?.body).toMatch(
        /a long line\n```\n\n_… cut here: the folder with the evidence has the rest\._$/,
      );
      expect([slack.texts.length, pagerduty.alerts.length]).toEqual([1, 1]);
    },
    LIMIT,
  );
});
