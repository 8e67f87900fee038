import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, objectsOf } from '../../test/charts/objects.ts';
import { documented, filled } from '../../test/documents/documented.ts';
import { sample } from '../../test/overlays/samples.ts';
import { run, until } from '../../testbed/run.ts';
import { freePort, ownFolder, type Server, start } from './server.ts';

// Who is told what, by a real Alertmanager with the rendered configuration. Slack and PagerDuty are a server of the test.

interface Message {
  /** `slack`, or the PagerDuty key that was used. */
  readonly to: string;
  readonly text: string;
}

const told: Message[] = [];
let receivers: HttpServer;
let alertmanager: Server;
let url: string;

beforeAll(async () => {
  receivers = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { routing_key: key } = JSON.parse(body) as { routing_key?: string };
      told.push({ to: key ?? 'slack', text: body });
      response.writeHead(key ? 202 : 200).end('{"status":"success"}');
    });
  });
  await new Promise<void>((resolve) => receivers.listen(0, '127.0.0.1', resolve));
  const there = `http://127.0.0.1:${(receivers.address() as AddressInfo).port}`;

  const folder = await ownFolder('alertmanager');
  const secrets = join(folder, 'secrets');
  await mkdir(secrets);
  await writeFile(join(secrets, 'slack-url'), `${there}/slack`);
  for (const name of ['on-call', 'manager']) await writeFile(join(secrets, `pagerduty-${name}`), name);
  const rendered = find(objectsOf(sample()), 'ConfigMap', 'alertmanager').data['alertmanager.yaml'] as string;
  const config = load(rendered.replaceAll('/etc/alertmanager/secrets/moneywise', secrets)) as object;
  const file = join(folder, 'alertmanager.yaml');
  await writeFile(file, dump({ global: { pagerduty_url: `${there}/pagerduty` }, ...config }));

  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const options = [`--config.file=${file}`, `--storage.path=${join(folder, 'data')}`, '--cluster.listen-address='];
  alertmanager = await start(['prometheus-alertmanager', ...options, `--web.listen-address=127.0.0.1:${port}`], {
    port,
    folder,
    ready: async () => (await fetch(`${url}/-/ready`)).ok,
  });
});
afterAll(async () => {
  await alertmanager?.stop('SIGINT');
  await new Promise((resolve) => receivers.close(resolve));
});

/** Types a line as somebody whose shell knows where Alertmanager is. */
const type = (line: string) => run(['sh', '-c', line], { env: { ...process.env, ALERTMANAGER_URL: url } });

type Labels = Readonly<Record<string, string>>;

const alert = (alertname: string, stage: string, environment = 'staging'): Labels => ({
  alertname,
  stage,
  environment,
  severity: 'critical',
});

async function fire(...alerts: Labels[]): Promise<void> {
  const body = alerts.map((labels) => ({
    labels,
    annotations: { summary: `${labels.alertname} of ${labels.environment}` },
  }));
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
}

/** What Alertmanager says of an alert, which it is asked until it knows it. */
async function stateOf({ alertname, stage, environment }: Labels) {
  const filter = [`alertname="${alertname}"`, `stage="${stage}"`, `environment="${environment}"`];
  const query = filter.map((each) => `filter=${encodeURIComponent(each)}`).join('&');
  let state: { state: string; silencedBy: string[]; inhibitedBy: string[] } | undefined;
  await until(`Alertmanager to judge ${alertname}`, 30, async () => {
    const [found] = (await (await fetch(`${url}/api/v2/alerts?${query}`)).json()) as { status: typeof state }[];
    state = found?.status;
    return state !== undefined && state.state !== 'unprocessed';
  });
  return state;
}

const pagesOf = (environment: string) => told.filter(({ to, text }) => to !== 'slack' && text.includes(environment));
const isTold = (to: string, summary: string) =>
  until(`${to} to be told of ${summary}`, 60, async () => told.some((m) => m.to === to && m.text.includes(summary)));

describe('an alert that nobody has taken on', () => {
  it('pages who is on call, and later the manager, each with a key of their own', async () => {
    await fire(alert('DatabaseDown', 'on-call', 'production'));
    await isTold('on-call', 'DatabaseDown of production');
    await fire(alert('DatabaseDown', 'manager', 'production'));
    await isTold('manager', 'DatabaseDown of production');
  });
});

describe('an alert that somebody has taken on', () => {
  it('never pages: its later stages are silenced, and the team is told all the same', async () => {
    const silence = documented('docs/on-call.md', 'On call', 'silence add');
    await type(filled(silence, { production: 'staging' }));
    const stages = ['team', 'on-call', 'manager'].map((stage) => alert('BackendErrors', stage));
    await fire(...stages);
    for (const later of stages.slice(1))
      expect(await stateOf(later)).toMatchObject({ state: 'suppressed', silencedBy: [expect.any(String)] });
    // The same of another environment, sent later, pages at once: what would have come has come.
    await fire(alert('BackendErrors', 'on-call', 'development'), alert('BackendErrors', 'manager', 'development'));
    await isTold('on-call', 'BackendErrors of development');
    await isTold('manager', 'BackendErrors of development');
    await isTold('slack', 'BackendErrors of staging');
    expect(pagesOf('staging')).toEqual([]);
  });

  it('is on again once the silence ends, and what is silenced can be told', async () => {
    const [id = ''] =
      /[0-9a-f]{8}-\S+/.exec(await type(documented('docs/on-call.md', 'On call', 'silence query'))) ?? [];
    await type(filled(documented('docs/on-call.md', 'On call', 'silence expire'), { ID: id }));
    expect(await type(documented('docs/on-call.md', 'On call', 'silence query'))).not.toContain(id);
  });
});

describe('an alert that another one explains', () => {
  it('pages nobody', async () => {
    await fire(alert('DatabaseDown', 'on-call', 'acceptance'));
    await isTold('on-call', 'DatabaseDown of acceptance');
    await fire(alert('WebErrors', 'on-call', 'acceptance'), alert('BackendErrors', 'on-call', 'acceptance'));
    await isTold('on-call', 'WebErrors of acceptance');
    expect(await stateOf(alert('BackendErrors', 'on-call', 'acceptance'))).toMatchObject({
      state: 'suppressed',
      inhibitedBy: [expect.any(String)],
    });
    expect(pagesOf('BackendErrors of acceptance')).toEqual([]);
  });
});
