import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../promotion/cluster/kubernetes.ts';
import { policySchema, type Query } from '../../promotion/plan/policy.ts';
import { ask } from '../../promotion/run/check.ts';
import { find, objectsOf } from '../../test/charts/objects.ts';
import { sample } from '../../test/overlays/samples.ts';
import { until } from '../../testbed/run.ts';
import { freePort } from '../data/server.ts';

// The queries of a rendered policy, asked as a promotion asks them, of a real Prometheus that scrapes this process.

const gates = { prometheus: { service: 'prometheus', port: 9090 } };
const { queries } = policySchema.parse(
  load(
    find(objectsOf(sample({ monitoring: { kind: 'prometheus-operator', gates } })), 'ConfigMap', 'release-policy').data[
      'policy.yaml'
    ],
  ),
);

/** What this process exports: requests by Service and code, growing at each scrape, durations and memory. */
let exported: () => string[] = () => [];
let scrapes = 0;
let target: Server;
let prometheus: ChildProcess;
let folder: string;
let url: string;

beforeAll(async () => {
  target = createServer((_, response) => {
    scrapes += 1;
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(`${exported().join('\n')}\n`);
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const job = { job_name: 'x', static_configs: [{ targets: [`127.0.0.1:${(target.address() as AddressInfo).port}`] }] };
  const config = { global: { scrape_interval: '200ms', scrape_timeout: '200ms' }, scrape_configs: [job] };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  await until('Prometheus', 30, async () => (await fetch(`${url}/-/ready`)).ok);
});
afterAll(async () => {
  const ended = new Promise((resolve) => prometheus?.on('exit', resolve));
  if (prometheus?.kill('SIGKILL')) await ended;
  target?.close();
  target?.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

/** Lets Prometheus look at something a few times. */
async function scraped(lines: () => string[]): Promise<void> {
  exported = lines;
  const from = scrapes;
  await until('scrapes', 30, async () => scrapes >= from + 5);
}

/** Asks that query of the policy; of its times only how old evidence may be is kept. */
async function verdictOf(name: string, more: Partial<Query> = {}) {
  const query = queries.find((each) => each.name === name) as Query;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'none', server: 'https://127.0.0.1:1', skipTLSVerify: false },
    { name: 'nobody' },
  );
  const asked = { ...query, target: { url }, windowSeconds: 0, intervalSeconds: 0.3, ...more };
  return ask(asked, connect(config, 'x'), new AbortController().signal);
}

const service = 'service="moneywise-staging-backend-http@kubernetes"';
const requests = (code: string, count: number, at?: number) =>
  `traefik_service_requests_total{${service},code="${code}"} ${count}${at === undefined ? '' : ` ${at}`}`;
const durations = (fast: number, all: number) =>
  Object.entries({ '0.3': fast, '1.2': all, '5': all, '+Inf': all }).map(
    ([le, count]) => `traefik_service_request_duration_seconds_bucket{${service},le="${le}"} ${count}`,
  );
const memory = (pod: string, used: number) => {
  const labels = `namespace="moneywise-staging",container="backend",pod="${pod}"`;
  return [
    `container_memory_working_set_bytes{${labels}} ${used}`,
    `kube_pod_container_resource_limits{${labels},resource="memory"} 100`,
  ];
};

describe('the queries of a release policy, asked of a real Prometheus', () => {
  it('are unknown while nothing is measured', async () => {
    for (const { name } of queries) {
      const verdict = await verdictOf(name, { tries: 2 });
      expect(verdict).toMatchObject({ verdict: 'unknown', final: true });
      expect(verdict.reason).toContain('no series');
    }
  });

  it('are unknown, or pass where the policy says so, while nobody sends a request', async () => {
    await scraped(() => [requests('200', 7), ...durations(7, 7)]);
    expect((await verdictOf('backend-errors', { tries: 2 })).verdict).toBe('unknown');
    expect((await verdictOf('backend-duration', { tries: 2 })).verdict).toBe('unknown');
    expect((await verdictOf('backend-errors', { whenEmpty: 'pass' })).verdict).toBe('pass');
  });

  it('pass a good release, also one of which no request has ever failed', async () => {
    await scraped(() => [
      requests('200', scrapes * 100),
      ...durations(scrapes * 99, scrapes * 100),
      ...memory('a', 50),
    ]);
    expect(await verdictOf('backend-errors')).toMatchObject({ verdict: 'pass' });
    expect(await verdictOf('backend-duration')).toMatchObject({ verdict: 'pass' });
    expect(await verdictOf('backend-memory')).toMatchObject({ verdict: 'pass' });
  });

  it('fail a bad release, by the value', async () => {
    await scraped(() => [
      requests('200', scrapes * 100),
      requests('503', scrapes * 1000),
      ...durations(scrapes * 100, scrapes * 10_000),
      ...memory('a', 50),
      ...memory('b', 95),
    ]);
    expect(await verdictOf('backend-errors', { tries: 2 })).toMatchObject({ verdict: 'fail' });
    expect(await verdictOf('backend-duration', { tries: 2 })).toMatchObject({ verdict: 'fail' });
    const memoryVerdict = await verdictOf('backend-memory', { tries: 2 });
    expect(memoryVerdict).toMatchObject({ verdict: 'fail' });
    expect(memoryVerdict.reason).toContain('0.95, below 0.9 is wanted');
  });

  it('are unknown when a query gives several series, naming them, or is not PromQL', async () => {
    const several = await verdictOf('backend-memory', { query: 'container_memory_working_set_bytes', tries: 2 });
    expect(several).toMatchObject({ verdict: 'unknown' });
    expect(several.reason).toMatch(/2 series instead of one: .*"pod":"a".*"pod":"b"/);
    const wrong = await verdictOf('backend-memory', { query: 'sum(', tries: 2 });
    expect(wrong).toMatchObject({ verdict: 'unknown' });
    expect(wrong.reason).toContain('parse error');
    expect((await verdictOf('backend-memory', { query: '1', tries: 2 })).reason).toContain('type scalar');
  });

  it('are unknown once what is measured is no longer measured', async () => {
    // Samples with a time of their own, as a gateway or a stuck exporter has them: Prometheus goes on to show the last.
    const frozen = Date.now() - 120_000;
    await scraped(() => [
      ...[0, 1, 2].map((i) => requests('200', 1e9 + i * 100, frozen + i * 1000).replace('backend', 'web')),
    ]);
    const verdict = await verdictOf('web-errors', { tries: 2, query: 'max(traefik_service_requests_total) * 0' });
    expect(verdict).toMatchObject({ verdict: 'unknown' });
    expect(verdict.reason).toMatch(/its newest sample is 1\d\d s old, at most 60 s is fresh/);
  });
});
