import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { credentialsFor } from '../../promotion/notify/access.ts';
import { type Finding, tellFinding } from '../../promotion/notify/finding.ts';
import { notificationsSchema } from '../../promotion/plan/notifications.ts';
import { policySchema } from '../../promotion/plan/policy.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { testClock } from './clock.ts';
import { closeServers, githubServer, pagerdutyServer, SLACK_PATH, slackServer } from './servers.ts';

afterEach(closeServers);

describe('a finding', () => {
  it('is one incident for as long as it is found, told of again once an hour at most, and over when it is good', async () => {
    const clock = testClock();
    const slack = await slackServer();
    const github = await githubServer('moneywise/moneywise', 'token', clock.now);
    const pagerduty = await pagerdutyServer('key-of-pagerduty');
    const policy = policySchema.parse({
      release: 'production',
      notifications: {
        slack: {},
        webhook: {},
        github: { repository: 'moneywise/moneywise', api: github.url },
        pagerduty: { api: pagerduty.url },
      },
    });
    const environment = {
      MONEYWISE_SLACK_WEBHOOK_URL: `${slack.url}${SLACK_PATH}`,
      MONEYWISE_GITHUB_TOKEN: 'token',
      MONEYWISE_PAGERDUTY_ROUTING_KEY: 'key-of-pagerduty',
    };
    const warnings: RunEvent[] = [];
    const warn = (event: RunEvent) => warnings.push(event);
    const tell = (finding: Partial<Finding>) =>
      tellFinding(
        {
          about: 'health-check',
          isGood: false,
          title: 'production: api-health answers 503',
          text: 'TOKEN=abcdefgh\nbad',
          ...finding,
        },
        { policy, namespace: 'shop', environment, warn, clock },
      );
    await tell({ pages: true, next: ['moneywise-deploy status production'] });
    await tell({ pages: true });
    clock.advance(3_600_000);
    await tell({ pages: true });
    expect(github.issues).toMatchObject([{ title: 'production: api-health answers 503', state: 'open' }]);
    expect(github.issues[0]?.comments).toHaveLength(1);
    expect(github.issues[0]?.body).toContain('TOKEN=[redacted]\nbad');
    expect(slack.texts).toHaveLength(3);
    expect(slack.texts[0]).toMatch(
      /\*production: api-health answers 503\*\nTOKEN=\[redacted\]\nbad\n• moneywise-deploy status/,
    );
    expect(pagerduty.alerts).toMatchObject([{ triggers: 3, isOpen: true }]);
    await tell({ isGood: true, title: 'production: all paths answer' });
    expect([github.issues[0]?.state, pagerduty.alerts[0]?.isOpen, slack.texts.length]).toEqual(['closed', false, 3]);
    expect(new Set(warnings.map(({ message }) => message))).toEqual(
      new Set([expect.stringMatching(/^webhook will not be told: MONEYWISE_WEBHOOK_URL is not set/)]),
    );
  });
});

describe('the secrets of those who are told', () => {
  const wanted = notificationsSchema.parse({ slack: {}, webhook: {}, github: { repository: 'a/b' }, pagerduty: {} });
  const lacksOf = (environment: Record<string, string>) =>
    credentialsFor(wanted, environment).lacks.map(({ sink, message }) => `${sink}: ${message}`);

  it('may be in files, as they are where Secrets are mounted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'moneywise-notify-'));
    try {
      await writeFile(join(folder, 'token'), 'a-token\n');
      const { access } = credentialsFor(wanted, { MONEYWISE_GITHUB_TOKEN_FILE: join(folder, 'token') });
      expect(access.github).toEqual({ token: 'a-token' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('that are no good are told by the names of their variables, never by what is in them', () => {
    const values = {
      MONEYWISE_SLACK_WEBHOOK_URL: 'hooks.slack.com/services/T0/B0/sssssss',
      MONEYWISE_WEBHOOK_URL: 'http://example.com/hook-sssssss',
      MONEYWISE_GITHUB_TOKEN_FILE: '/nonexistent',
      MONEYWISE_PAGERDUTY_ROUTING_KEY: 'two sssssss',
    };
    const lacks = lacksOf(values);
    expect(lacks).toEqual([
      'slack: MONEYWISE_SLACK_WEBHOOK_URL is no URL',
      'webhook: MONEYWISE_WEBHOOK_URL must be an https URL',
      'github: the file that MONEYWISE_GITHUB_TOKEN_FILE names cannot be read (ENOENT)',
      'pagerduty: MONEYWISE_PAGERDUTY_ROUTING_KEY has a space or another sign that no key has',
    ]);
    expect(lacks.join()).not.toContain('sssssss');
    const short = { MONEYWISE_WEBHOOK_URL: 'https://example.com', MONEYWISE_WEBHOOK_SECRET: 'whsec_c2hvcnQ=' };
    expect(lacksOf(short)[1]).toMatch(/^webhook: MONEYWISE_WEBHOOK_SECRET must be Base64 of at least 24 random bytes/);
  });

  it('are only sent where nobody reads them on the way', () => {
    const issues = (api: string) => notificationsSchema.safeParse({ github: { repository: 'a/b', api } }).success;
    expect(['https://ghe.example.com/api/v3', 'http://127.0.0.1:1'].map(issues)).toEqual([true, true]);
    expect(['http://ghe.example.com', 'https://user:pass@ghe.example.com', 'ftp://x'].map(issues)).toEqual([
      false,
      false,
      false,
    ]);
  });
});
