import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PolicyInput } from '../../promotion/plan/policy.ts';
import { CLIENT_SECRET, deliver, eventAlert } from '../notify/deliveries.ts';
import { closeServers, githubServer, pagerdutyServer, SLACK_PATH, slackServer } from '../notify/servers.ts';
import { manifests } from '../promotion/simulated.ts';
import { buildCommandLine, cleanUp, folderWith, moneywiseDeploy, startMoneywiseDeploy } from './command-line.ts';

// The real command line before a cluster that does not answer: that, too, is an end that somebody may want to hear of.

beforeAll(buildCommandLine);
afterAll(async () => {
  await Promise.all([cleanUp(), closeServers()]);
});

const TOKEN = 'github_pat_11AAAAAAA0secretsecretsecret';
const KEY = 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00';
/** Processes start slowly where others do so, too; in milliseconds. */
const LIMIT = 120_000;
const REPOSITORY = 'moneywise/moneywise-deploy';

const closed = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  clusters: [{ name: 'test', cluster: { server: 'https://127.0.0.1:9' } }],
  users: [{ name: 'test', user: {} }],
});

async function folderTelling(notifications: PolicyInput['notifications']): Promise<string> {
  const objects = manifests('v2', { policy: { release: 'production', version: 'v2', notifications } });
  return folderWith({ 'all.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), config: closed });
}

const run = (folder: string, environment: NodeJS.ProcessEnv, ...args: string[]) =>
  moneywiseDeploy(
    [...args, '--manifests', folder, '--kubeconfig', join(folder, 'config'), '--evidence', join(folder, 'evidence')],
    environment,
  );

describe.concurrent('a command on a release', () => {
  it.each(['promote', 'rollback'])(
    '%s tells those whom the policy names, with secrets of the environment and of files, which it tells nobody',
    async (command) => {
      const [slack, github, pagerduty] = await Promise.all([
        slackServer(),
        githubServer(REPOSITORY, TOKEN),
        pagerdutyServer(KEY),
      ]);
      const folder = await folderTelling({
        slack: {},
        github: { repository: REPOSITORY, api: github.url, outcomes: ['unreachable'] },
        pagerduty: { api: pagerduty.url, outcomes: ['unreachable'] },
      });
      const secrets = await folderWith({ token: `${TOKEN}\n` });
      const environment = {
        MONEYWISE_SLACK_WEBHOOK_URL: `${slack.url}${SLACK_PATH}`,
        MONEYWISE_GITHUB_TOKEN_FILE: join(secrets, 'token'),
        MONEYWISE_PAGERDUTY_ROUTING_KEY: KEY,
      };
      const { code, stdout, stderr } = await run(folder, environment, command, '--output', 'json');
      expect([code, stderr]).toEqual([8, '']);
      expect(slack.texts).toEqual([expect.stringContaining(': unreachable*')]);
      expect(github.issues.map(({ state }) => state)).toEqual(['open']);
      expect(pagerduty.alerts.map(({ isOpen }) => isOpen)).toEqual([true]);
      expect([TOKEN, KEY, SLACK_PATH].filter((secret) => stdout.includes(secret))).toEqual([]);
    },
    LIMIT,
  );

  it(
    'ends as it would have, with its result as the last line, when nobody can be told',
    async () => {
      const slack = await slackServer();
      slack.down = 'reset';
      const github = await githubServer(REPOSITORY, 'another token');
      const folder = await folderTelling({
        slack: {},
        github: { repository: REPOSITORY, api: github.url, outcomes: ['unreachable'] },
        pagerduty: {},
      });
      const environment = {
        MONEYWISE_SLACK_WEBHOOK_URL: `${slack.url}${SLACK_PATH}`,
        MONEYWISE_GITHUB_TOKEN: TOKEN,
      };
      const { code, stdout, stderr } = await run(folder, environment, 'promote', '--output', 'json');
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect([code, events.at(-1).code]).toEqual([8, 'RESULT']);
      expect(events.filter((event) => event.code === 'NOTIFY_FAILED').map((event) => event.data.sink)).toEqual([
        'pagerduty',
      ]);
      expect(stderr.trim().split('\n').sort()).toEqual([
        expect.stringMatching(
          /^warning: github was not told "production v2: unreachable": answers 401: Bad credentials$/,
        ),
        expect.stringMatching(
          /^warning: slack was not told "production v2: unreachable": cannot be reached \(UND_ERR_SOCKET\)$/,
        ),
      ]);
      expect([TOKEN, SLACK_PATH].filter((secret) => (stdout + stderr).includes(secret))).toEqual([]);
    },
    LIMIT,
  );

  it(
    'tells nobody of a dry run',
    async () => {
      const slack = await slackServer();
      const folder = await folderTelling({ slack: { moments: ['started', 'ended'] } });
      const environment = { MONEYWISE_SLACK_WEBHOOK_URL: `${slack.url}${SLACK_PATH}` };
      expect((await run(folder, environment, 'promote', '--dry-run')).code).toBe(8);
      expect(slack.requests).toEqual([]);
    },
    LIMIT,
  );
});

describe.concurrent('sentry-receiver', () => {
  it(
    'answers at once, finishes what it has taken over when it is told to end, and tells no secret',
    async () => {
      const github = await githubServer(REPOSITORY, TOKEN);
      const folder = await folderTelling({ github: { repository: REPOSITORY, api: github.url } });
      const environment = { MONEYWISE_GITHUB_TOKEN: TOKEN, MONEYWISE_SENTRY_CLIENT_SECRET: CLIENT_SECRET };
      const args = ['sentry-receiver', '--manifests', folder, '--listen', '127.0.0.1:0', '-o', 'json'];
      const child = startMoneywiseDeploy(args, environment);
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          said += chunk;
        });
      const ended = new Promise((resolve) => child.on('close', resolve));
      try {
        const port = await vi.waitFor(
          () => {
            const found = /listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
            expect(found).toBeDefined();
            return found;
          },
          { timeout: LIMIT },
        );
        // The answer does not wait for GitHub, which is asked again after the first try fails.
        github.faults.push('reset', { status: 500 });
        const { status } = await deliver(`http://127.0.0.1:${port}`, 'event_alert', eventAlert());
        child.kill('SIGTERM');
        expect([status, await ended]).toEqual([202, 0]);
        expect(github.issues.map(({ title }) => title)).toEqual(['Sentry: ReferenceError: heck is not defined']);
        expect([TOKEN, CLIENT_SECRET].filter((secret) => said.includes(secret))).toEqual([]);
      } finally {
        child.kill('SIGKILL');
      }
    },
    LIMIT,
  );

  it.each([
    ['no secret of Sentry', { MONEYWISE_GITHUB_TOKEN: TOKEN }, {}, [], /MONEYWISE_SENTRY_CLIENT_SECRET is not set/],
    ['nobody to tell', {}, { github: undefined }, [], /neither notifications.github nor/],
  ] as [string, NodeJS.ProcessEnv, object, string[], RegExp][])(
    'does not begin with %s',
    async (_, environment, change, args, message) => {
      const folder = await folderTelling({ github: { repository: REPOSITORY }, ...change });
      const { code, stdout, stderr } = await moneywiseDeploy(
        ['sentry-receiver', '--manifests', folder, ...args],
        environment,
      );
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/^\s+at /m);
    },
    LIMIT,
  );
});
