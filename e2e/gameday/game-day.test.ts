import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { documented, filled } from '../../test/documents/documented.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders } from '../support/folder.ts';
import { kubectl } from '../support/kubectl.ts';
import { watched } from '../support/traffic.ts';
import { allOn, truthOf } from '../support/truth.ts';
import { openTunnel } from '../support/tunnel.ts';
import { keep, type Recovery } from './recoveries.ts';
import { type Environment, namespaceOf, on, openStage, type Stage } from './stage.ts';

// Everything that the runbook is for happens for once, on a real node, and is put right by what the runbook says to type.

/** Well below the half hour that a recovery may take. */
const AT_MOST_SECONDS = 300;

let stage: Stage;
const recoveries: Recovery[] = [];

beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  await keep(recoveries);
  await stage?.close();
  await removeFolders();
});

/** Measures the way from an incident to healthy public paths. */
async function recovered(scenario: string, environment: Environment, act: () => Promise<unknown>): Promise<void> {
  const since = Date.now();
  await act();
  await healthy(environment);
  const seconds = (Date.now() - since) / 1000;
  recoveries.push({ scenario: `${scenario} (${environment})`, seconds });
  expect(seconds, scenario).toBeLessThan(AT_MOST_SECONDS);
}

const healthCheck = (environment: Environment) =>
  on(environment, documented('docs/runbook.md', 'First look', 'health-check'));
const status = (environment: Environment) => on(environment, documented('docs/runbook.md', 'First look', 'status'));

/** Types the health check until it passes: an answer of the old pods may come a moment after the switch. */
const healthy = (environment: Environment) =>
  until(`${environment} to be healthy`, 60, async () => (await stage.works(healthCheck(environment))).code === 0);

async function expectLive(environment: Environment, tag: string): Promise<void> {
  for (const member of ['backend', 'web']) expect(await truthOf(namespaceOf(environment), member)).toEqual(allOn(tag));
}

const promote = (environment: Environment) =>
  on(environment, documented('docs/runbook.md', 'Promoter killed', 'promote'));
const pin = (environment: Environment) =>
  on(environment, documented('docs/runbook.md', 'Failed migration', 'npx moneywise-deploy pin'));
const pull = documented('docs/runbook.md', 'Refused', 'git pull');
const apply = (environment: Environment) =>
  on(environment, documented('docs/runbook.md', 'Failed migration', 'kubectl apply'));

/** A release up to what is in the cluster, by the lines that the runbook has for any images: pinned, pulled and applied. */
async function applied(environment: Environment, backend: string, web: string): Promise<void> {
  const release = await stage.releasing(backend, web);
  await stage.alone(async () => {
    for (const line of [pin(environment), pull, apply(environment)]) await stage.works(line, release);
  });
}

/** What people see meanwhile, who must not notice anything. */
async function unnoticed<T extends object>(environment: Environment, act: () => Promise<T>): Promise<T> {
  const { unanswered, errors, ...result } = await watched(namespaceOf(environment), act);
  expect([...unanswered, ...errors]).toEqual([]);
  return result as unknown as T;
}

const psql = (environment: Environment, statement: string) => {
  const argv = ['exec', 'postgres-0', '--', 'psql', '-U', 'moneywise', '-d', 'moneywise', '-Atc', statement];
  return kubectl(['-n', namespaceOf(environment), ...argv]);
};

it('the Secrets of both environments are made as it is documented', async () => {
  for (const environment of ['staging', 'production'] as const) {
    for (const line of documented('docs/secrets.md', 'Secrets')) {
      const here = environment === 'staging' ? line : line.replaceAll('-staging', '-production');
      await stage.works(here.replace('DATABASE_HOST', 'postgres').replace('CACHE_HOST', 'redis'), {
        env: {
          DB_PASSWORD: 'only-for-tests',
          REDIS_PASSWORD: 'only-for-tests',
          SENTRY_DSN: 'https://k@sentry.invalid/1',
        },
      });
    }
  }
});

it('standard release: by the workflow to staging, and by the runbook to production', async () => {
  const release = await stage.releasing('v1', 'v1');
  const [preflight = '', pinStaging = '', ...rest] = documented('.github/workflows/release.yml', 'staging');
  for (const line of [pinStaging, pull, preflight, apply('staging'), ...rest]) await stage.works(line, release);
  await expectLive('staging', 'v1');
  const lines = documented('docs/runbook.md', 'Standard release').filter(
    (line) => !line.includes('staging') || line.includes('--from'),
  );
  for (const line of lines) {
    // By its end `diff` tells that there is something to release.
    if (line.includes(' diff ')) expect((await stage.type(line)).code, line).toBe(1);
    else await stage.works(line);
  }
  await expectLive('production', 'v1');
  await stage.works(documented('docs/commands.md', 'health-check', 'scripts/'));
});

// Each environment has its own day, at the same time.
describe.concurrent('on staging', () => {
  it.sequential('failed migration: refused, nobody notices, and the same release goes live once it is put right', async () => {
    await psql('staging', 'ALTER TABLE _migrations RENAME TO mislaid');
    await unnoticed('staging', async () => {
      await applied('staging', 'v2', 'v2');
      await withoutRetries('staging');
      const refused = await stage.type(promote('staging'));
      expect(refused.code, refused.said).toBe(3);
      await expectLive('staging', 'v1');
      const looks = documented('docs/runbook.md', 'Refused')
        .filter((line) => !line.includes(' status '))
        .map((line) => on('staging', line));
      const said = await stage.alone(async () => {
        const each: string[] = [];
        for (const line of looks) each.push((await stage.works(line)).said.trim());
        return each;
      });
      expect(said).not.toContain('');
      expect(said.at(-1)).toMatch(/quarantine-add +v2\.0\.0/);
      await recovered('failed migration', 'staging', async () => {
        const [jobs = '', logs = '', ...again] = documented('docs/runbook.md', 'Failed migration').map((line) =>
          on('staging', line),
        );
        const pods = await kubectl([
          '-n',
          namespaceOf('staging'),
          'describe',
          'pods',
          '-l',
          'app.kubernetes.io/name=migration',
        ]);
        expect((await stage.works(jobs)).said, `${refused.said}\n${pods}`).toMatch(/^migrate-\S+ +Failed/m);
        expect((await stage.works(logs)).said).toContain('migration failed: relation "accounts" already exists');
        await psql('staging', 'DROP TABLE _migrations; ALTER TABLE mislaid RENAME TO _migrations');
        const release = await stage.releasing('v2', 'v2');
        await stage.alone(async () => {
          for (const line of again) await stage.works(line, release);
        });
      });
      return {};
    });
    await expectLive('staging', 'v2');
  });

  it.sequential('a bad release that has settled: rolled back within five minutes', async () => {
    await unnoticed('staging', async () => {
      await recovered('quick rollback', 'staging', async () => {
        await stage.works(documented('.github/workflows/rollback.yml', 'rollback', 'staging'));
        await stage.alone(() => stage.works(pull));
        await stage.works(healthCheck('staging'));
      });
      return {};
    });
    await expectLive('staging', 'v1');
  });

  it.sequential('promoter killed: the same line again takes the release live', async () => {
    await applied('staging', 'v3', 'v3');
    await unnoticed('staging', async () => {
      const killed = await stage.type(promote('staging'), {
        heard: (said, signal) => {
          if (said.includes(': switching')) signal('SIGKILL');
        },
      });
      expect(killed.code, killed.said).toBe(-1);
      await recovered('promoter killed', 'staging', () => stage.works(promote('staging')));
      return {};
    });
    await expectLive('staging', 'v3');
  });

  it.sequential('stuck promotion: one member was promoted by hand, and abort brings it back', async () => {
    await applied('staging', 'v4', 'v4');
    const namespace = namespaceOf('staging');
    for (const member of ['backend', 'web'])
      await kubectl([
        '-n',
        namespace,
        'wait',
        `rollout/${member}`,
        '--for=jsonpath={.status.phase}=Paused',
        '--timeout=60s',
      ]);
    await stage.works(documented('README.md', 'Use it on a real cluster', 'argo rollouts promote'));
    await until('backend to be live on v4', 30, async () => (await truthOf(namespace, 'backend')).live === 'v4');
    await recovered('stuck promotion', 'staging', async () => {
      expect((await stage.type(on('staging', documented('docs/runbook.md', 'Stuck promotion', 'status')))).code).toBe(
        1,
      );
      await stage.works(on('staging', documented('docs/runbook.md', 'Stuck promotion', 'abort')));
      await stage.alone(() => stage.works(pull));
    });
    await expectLive('staging', 'v3');
  });
});

describe.concurrent('on production', () => {
  it.sequential('lost cluster access: 8, and the same line again once it is back', async () => {
    // Images of its own: what fails in staging meanwhile is in quarantine for all.
    await applied('production', 'v4', 'v4');
    const tunnel = await openTunnel();
    const through = { env: { KUBECONFIG: tunnel.kubeconfig } };
    const version = documented('docs/runbook.md', 'Lost cluster access', 'kubectl version');
    await unnoticed('production', async () => {
      const lost = await stage.type(promote('production'), {
        ...through,
        heard: (said) => {
          if (said.includes(': switching')) tunnel.cut();
        },
      });
      expect(lost.code, lost.said).toBe(8);
      await recovered('lost cluster access', 'production', async () => {
        expect((await stage.type(version, through)).code).not.toBe(0);
        tunnel.mend();
        await stage.works(version, through);
        await stage.works(documented('docs/runbook.md', 'Lost cluster access', 'create token'), through);
        const again = documented('docs/runbook.md', 'Lost cluster access', 'npx moneywise-deploy promote');
        await stage.works(again, through);
      });
      return {};
    }).finally(tunnel.close);
    await expectLive('production', 'v4');
  });

  it.sequential('full rollback: the release before, with the data of the dump', async () => {
    await psql('production', "INSERT INTO accounts (name) VALUES ('kept')");
    for (const line of documented('docs/runbook.md', 'Backup before a release')) await stage.works(line);
    await applied('production', 'v5', 'v5');
    await stage.works(documented('.github/workflows/release.yml', 'production', 'promote'));
    await psql('production', "UPDATE accounts SET name = 'spoilt'");
    await recovered('full rollback', 'production', async () => {
      const [rollback = '', update = '', look = ''] = documented('docs/runbook.md', 'Quick rollback');
      await stage.works(rollback);
      await stage.alone(() => stage.works(update));
      await stage.works(look);
      for (const line of documented('docs/runbook.md', 'Full rollback')) await stage.works(line);
    });
    expect(await psql('production', 'SELECT name FROM accounts')).toBe('kept\n');
    await expectLive('production', 'v4');
  });

  it.sequential('whatever an alert says to look at can be seen', async () => {
    const lines = [
      ...documented('docs/on-call.md', 'Errors'),
      ...documented('docs/on-call.md', 'Cpu'),
      ...documented('docs/on-call.md', 'DiskLow'),
      ...documented('docs/on-call.md', 'DatabaseDown'),
      ...documented('docs/on-call.md', 'DatabaseConnections'),
      ...documented('docs/on-call.md', 'BackupUnproven'),
      ...documented('docs/on-call.md', 'CacheDown'),
    ];
    for (const line of documented('docs/commands.md', 'status').slice(1)) await stage.works(line);
    await stage.works(documented('docs/commands.md', 'promote', 'unneeded-config'));
    const watching = await stage.type(documented('docs/commands.md', 'status', '--watch'), {
      heard: (said, signal) => {
        if (said.includes('backend')) signal('SIGINT');
      },
    });
    expect(watching.said).toContain('web');
    for (const line of lines) expect((await stage.works(line)).said, line).not.toMatch(/^(No resources found|error)/im);
  });
});

// After both days: nothing of either environment could start meanwhile.
it('service down: no pod of the backend is left, and none can start', async () => {
  const namespace = namespaceOf('production');
  const node = (await kubectl(['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
  onTestFinished(async () => void (await kubectl(['uncordon', node])));
  await kubectl(['cordon', node]);
  await kubectl(['-n', namespace, 'delete', 'pods', '-l', 'app.kubernetes.io/name=backend', '--wait=false']);
  await until('the health check to fail', 60, async () => (await stage.type(healthCheck('production'))).code === 1);
  await recovered('service down', 'production', async () => {
    const [pods = '', events = '', nodes = '', uncordon = '', ...more] = documented('docs/runbook.md', 'Service down');
    expect((await stage.type(status('production'))).said).toMatch(/0\/\d+ available/);
    expect((await stage.works(pods)).said).toContain('Pending');
    expect((await stage.works(events)).said).toContain('unschedulable');
    expect((await stage.works(nodes)).said).toContain('SchedulingDisabled');
    await stage.works(filled(uncordon, { NODE: node }));
    await healthy('production');
    const starting = /^backend-\S+ +0\/1/m;
    await until('its pods to run', 60, async () => !starting.test((await stage.works(pods)).said));
    for (const line of more) await stage.works(line);
  });
  await expectLive('production', 'v4');
});

/** Lets a Job give up at its first failure, as it does by itself after some minutes. */
async function withoutRetries(environment: Environment): Promise<void> {
  const label = 'app.kubernetes.io/name=migration';
  const names = (await kubectl(['-n', namespaceOf(environment), 'get', 'jobs', '-l', label, '-o', 'name'])).split('\n');
  for (const name of names.filter(Boolean))
    await kubectl(['-n', namespaceOf(environment), 'patch', name, '--type=merge', '-p', '{"spec":{"backoffLimit":0}}']);
}
