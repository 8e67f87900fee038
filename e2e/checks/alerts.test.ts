import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { sample } from '../../test/overlays/samples.ts';
import { run } from '../../testbed/run.ts';

// Every alert in a simulated Prometheus: two hours of something wrong, and two hours of the same thing right.

const namespace = 'moneywise-staging';
const { groups } = find(objectsOf(sample()), 'PrometheusRule', 'moneywise').spec;

type Series = Readonly<Record<string, string>>;
interface Case {
  readonly wrong: Series;
  readonly right: Series;
}

const requests = (service: string, code: string) =>
  `traefik_service_requests_total{service="${namespace}-${service}-http@kubernetes",code="${code}"}`;
const traffic = (service: string, good: number, bad: number): Series => ({
  [requests(service, '200')]: `0+${good}x200`,
  [requests(service, '503')]: `0+${bad}x200`,
});
const durations = (service: string, fast: number): Series =>
  Object.fromEntries(
    Object.entries({ '0.3': fast, '1.2': 600, '+Inf': 600 }).map(([le, count]) => [
      `traefik_service_request_duration_seconds_bucket{service="${namespace}-${service}-http@kubernetes",le="${le}"}`,
      `0+${count}x200`,
    ]),
  );
const cpu = (container: string, used: number): Series => ({
  [`container_cpu_usage_seconds_total{namespace="${namespace}",container="${container}",pod="p"}`]: `0+${used * 60}x200`,
  [`kube_pod_container_resource_requests{namespace="${namespace}",container="${container}",pod="p",resource="cpu"}`]:
    '1x200',
});
const rollout = (phase: string): Series => ({
  [`rollout_info{namespace="${namespace}",name="backend",phase="${phase}"}`]: '1x200',
  [`rollout_info{namespace="${namespace}",name="web",phase="Completed"}`]: '1x200',
});
const disk = (available: number): Series => ({
  [`kubelet_volume_stats_available_bytes{namespace="${namespace}",persistentvolumeclaim="data-postgres-0"}`]: `${available}x200`,
  [`kubelet_volume_stats_capacity_bytes{namespace="${namespace}",persistentvolumeclaim="data-postgres-0"}`]: '100x200',
});
const of = (metric: string, job: string, value: number): Series => ({
  [`${metric}{namespace="${namespace}",job="${job}"}`]: `${value}x200`,
});

const ofService = (name: string, service: string): Record<string, Case> => ({
  [`${name}Errors`]: { wrong: traffic(service, 90, 10), right: traffic(service, 97, 3) },
  [`${name}Slow`]: { wrong: durations(service, 400), right: durations(service, 599) },
  [`${name}BudgetBurnsFast`]: { wrong: traffic(service, 980, 20), right: traffic(service, 990, 10) },
  [`${name}BudgetBurns`]: { wrong: traffic(service, 990, 10), right: traffic(service, 996, 4) },
  [`${name}Cpu`]: { wrong: cpu(service, 0.9), right: cpu(service, 0.7) },
});

const cases: Record<string, Case> = {
  ...ofService('Backend', 'backend'),
  ...ofService('Web', 'web'),
  RolloutDegraded: { wrong: rollout('Abort'), right: rollout('Completed') },
  RolloutStuck: { wrong: rollout('Paused'), right: rollout('Completed') },
  DiskLow: { wrong: disk(14), right: disk(16) },
  DatabaseDown: { wrong: of('pg_up', 'postgres', 0), right: of('pg_up', 'postgres', 1) },
  DatabaseConnections: {
    wrong: { ...of('pg_stat_activity_count', 'postgres', 81), ...of('pg_settings_max_connections', 'postgres', 100) },
    right: { ...of('pg_stat_activity_count', 'postgres', 79), ...of('pg_settings_max_connections', 'postgres', 100) },
  },
  BackupUnproven: {
    wrong: {},
    right: {
      [`kube_cronjob_status_last_successful_time{namespace="${namespace}",cronjob="verify-backup"}`]: '0+60x200',
    },
  },
  CacheDown: { wrong: of('redis_up', 'redis', 0), right: of('redis_up', 'redis', 1) },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alerts-'));
  await writeFile(join(folder, 'rules.yaml'), dump({ groups }));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs promtool's tests: series, and how many alerts fire at a time. */
async function promtool(tests: { series: Series; at: number; firing: Record<string, number> }[]): Promise<string> {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  const content = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: tests.map(({ at, firing, series }) => ({
      interval: '1m',
      input_series: Object.entries(series).map(([each, values]) => ({ series: each, values })),
      promql_expr_test: Object.entries(firing).map(([labels, count]) => ({
        expr: `count(ALERTS{${labels},alertstate="firing"}) or vector(0)`,
        eval_time: `${at}m`,
        exp_samples: [{ labels: '{}', value: count }],
      })),
    })),
  };
  await writeFile(file, dump(content, { lineWidth: -1 }));
  return run(['promtool', 'test', 'rules', file]);
}

const names = [...new Set(groups.flatMap(({ rules }: KubeObject) => rules.map(({ alert }: KubeObject) => alert)))];

describe('the alert rules', () => {
  it('are understood by Prometheus', async () => {
    expect(await run(['promtool', 'check', 'rules', join(folder, 'rules.yaml')])).toContain('SUCCESS');
  });

  it('all have a case here, and every case has its rule', () => {
    expect(names.sort()).toEqual(Object.keys(cases).sort());
  });

  it.each(Object.keys(cases))('%s fires when it is so, and is silent when it is not', async (name) => {
    const { right, wrong } = cases[name] ?? { right: {}, wrong: {} };
    const firing = `alertname="${name}",stage="team"`;
    await promtool([
      { series: wrong, at: 120, firing: { [firing]: 1 } },
      { series: right, at: 120, firing: { [firing]: 0 } },
    ]);
  });

  it('escalate what is critical: the team at once, who is on call after 10 minutes, the manager after 30', async () => {
    const { wrong } = cases.DatabaseDown ?? { wrong: {} };
    const stage = (name: string) => `alertname="DatabaseDown",stage="${name}"`;
    const at = (minutes: number, ...firing: number[]) => ({
      series: wrong,
      at: minutes,
      firing: Object.fromEntries(
        ['team', 'on-call', 'manager'].map((name, index) => [stage(name), firing[index] ?? 0]),
      ),
    });
    await promtool([
      at(2, 0, 0, 0),
      at(3, 1, 0, 0),
      at(12, 1, 0, 0),
      at(13, 1, 1, 0),
      at(32, 1, 1, 0),
      at(33, 1, 1, 1),
    ]);
  });

  it('never escalate a warning', async () => {
    const { wrong } = cases.BackendSlow ?? { wrong: {} };
    await promtool([{ series: wrong, at: 120, firing: { 'alertname="BackendSlow",stage!="team"': 0 } }]);
  });

  it('fire for nobody where there is no traffic at all', async () => {
    await promtool([{ series: traffic('backend', 0, 0), at: 120, firing: { 'alertname=~"Backend.*"': 0 } }]);
  });
});
