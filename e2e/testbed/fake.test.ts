import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find as findObject, type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { labelsOfMetric } from '../../test/charts/queries.ts';
import { documented } from '../../test/documents/documented.ts';
import { sample } from '../../test/overlays/samples.ts';
import { binaries } from '../../testbed/binaries.ts';
import { stateOf } from '../../testbed/paths.ts';
import { run, until } from '../../testbed/run.ts';
import { down, find, type Testbed, up } from '../../testbed/testbed.ts';
import { tracesOf } from './host.ts';
import { apply, createNamespace, inside, kubectl } from './inside.ts';
import { podSpec, service } from './manifests.ts';

const names = ['e2ef', 'e2eg'] as const;
let testbeds: Testbed[];

const script = join(import.meta.dirname, '../../scripts/testbed.ts');
const command = (...args: string[]): string[] => [process.execPath, '--import', 'tsx', script, ...args];

/** The command, run without any of root's capabilities. */
const unprivileged = (argv: string[]): string[] =>
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...argv] : argv;

beforeAll(async () => {
  for (const name of names) await down(name);
  const byCommand = run(unprivileged(command('up', '--name', names[0], '--kind', 'fake')));
  const second = await up({ name: names[1], kind: 'fake' });
  await byCommand;
  const first = await find(names[0]);
  if (!first) throw new Error('the first testbed is not up');
  testbeds = [first, second];
  await Promise.all(testbeds.map((testbed) => createNamespace(testbed)));
});

afterAll(async () => {
  for (const name of names) await down(name);
});

const rollout = (image: string, strategy: object = {}) => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    strategy: { blueGreen: { activeService: 'web', previewService: 'web-preview', ...strategy } },
    template: { metadata: { labels: { app: 'web' } }, spec: podSpec(1000, { image }) },
  },
});

const read = (testbed: Testbed, object: string, path: string) =>
  kubectl(testbed, 'get', object, '-o', `jsonpath={${path}}`);

test('the real controller brings a Rollout of two fake pods to Healthy, one testbed knowing nothing of the other', async () => {
  const [one, other] = testbeds as [Testbed, Testbed];
  await apply(one, rollout('web:v1'), service('web', 'web', 80), service('web-preview', 'web', 80));
  await until('Healthy', 60, async () => (await read(one, 'rollout/web', '.status.phase')) === 'Healthy');
  expect(await read(one, 'rollout/web', '.status.readyReplicas')).toBe('2');
  expect(await read(one, 'service/web', '.spec.selector.rollouts-pod-template-hash')).toBe(
    await read(one, 'rollout/web', '.status.stableRS'),
  );
  expect(await kubectl(other, 'get', 'rollouts,pods', '-o', 'name')).toBe('');
});

describe('what the controller tells Prometheus of a Rollout', () => {
  let url: string;
  beforeAll(async () => {
    const pids = (await readFile(join(stateOf(names[0]), 'pids'), 'utf8')).split('\n').filter(Boolean);
    const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    url = `http://127.0.0.1:${/--metricsPort\0(\d+)/.exec(commands.join('\n'))?.[1]}/metrics`;
  });

  /** Waits until the alert of that name, and no other, would be about the Rollout; none waits until no alert is. */
  const alerts = (rollout: string, alert?: string) =>
    until(`${alert ?? 'no alert'} for ${rollout}`, 60, async () => {
      const lines = (await (await fetch(url)).text()).split('\n');
      const line = lines.find((each) => each.startsWith('rollout_info{') && each.includes(`name="${rollout}"`));
      const phase = /phase="(\w+)"/.exec(line ?? '')?.[1] ?? '';
      const about = ['RolloutDegraded', 'RolloutStuck'].filter((name) => phasesOf(name).test(phase));
      const hasLabels = labelsOfMetric('rollout_info').every((label) => line?.includes(`${label}="`));
      return hasLabels && about.join() === (alert ?? '');
    });

  test('no alert is about a Rollout that is well', async () => {
    await alerts('web');
  });

  test('one is about a Rollout that waits, another about one that was aborted, or is invalid', async () => {
    const [one] = testbeds as [Testbed];
    const held = rollout('web:v2', { autoPromotionEnabled: false });
    await apply(one, held);
    await alerts('web', 'RolloutStuck');
    const abort = JSON.stringify({ status: { abort: true } });
    await kubectl(one, 'patch', 'rollout', 'web', '--subresource=status', '--type=merge', '-p', abort);
    await alerts('web', 'RolloutDegraded');
    await apply(one, {
      ...held,
      metadata: { name: 'lost' },
      spec: { ...held.spec, strategy: { blueGreen: { activeService: 'none' } } },
    });
    await alerts('lost', 'RolloutDegraded');
  });
});

/** The phases that an alert is about. */
function phasesOf(alert: string): RegExp {
  const { groups } = findObject(objectsOf(sample()), 'PrometheusRule', 'moneywise').spec;
  const rules: KubeObject[] = groups.flatMap((group: KubeObject) => group.rules);
  const { expr } = rules.find((rule) => rule.alert === alert);
  return new RegExp(`^(${/phase=~?"([^"]+)"/.exec(expr)?.[1]})$`);
}

test('a claim of a volume is bound once a pod asks for it', async () => {
  const [one] = testbeds as [Testbed];
  const spec = podSpec(999, { image: 'postgres:15', mounts: { '/data': 'data' } }, { data: null });
  const claims = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await apply(one, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'postgres' },
    spec: {
      serviceName: 'postgres',
      selector: { matchLabels: { app: 'postgres' } },
      template: { metadata: { labels: { app: 'postgres' } }, spec },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claims }],
    },
  });
  await kubectl(one, 'rollout', 'status', 'statefulset/postgres', '--timeout=60s');
  expect(await read(one, 'pvc/data-postgres-0', '.status.phase')).toBe('Bound');
});

test('a command gets the kubeconfig and the tools of its testbed', async () => {
  for (const testbed of testbeds) {
    expect(await inside(testbed, ['printenv', 'KUBECONFIG'])).toBe(testbed.kubeconfig);
    expect(await inside(testbed, ['kubectl', 'get', 'nodes', '-o', 'name'])).toBe(`node/testbed-${testbed.name}`);
  }
});

test("the exit code of `exec` is the command's", async () => {
  await expect(run(command('exec', '--name', names[0], '--', 'sh', '-c', 'exit 7'))).rejects.toThrow('ended with 7');
});

test('a cluster of the user is taken as it is by every command that the README tells', async () => {
  const PATH = `${dirname((await binaries('fake')).of('kubectl'))}:${process.env.PATH}`;
  const env = { ...process.env, PATH, TESTBED_KUBECONFIG: testbeds[0]?.kubeconfig };
  const type = (line: string, input = '') => run(['sh', '-c', line], { env, input });
  expect(await type(documented('testbed/README.md', 'The testbed', '-- up'))).toContain('nothing to bring up');
  expect(await type(documented('testbed/README.md', 'The testbed', '-- exec'))).toContain('NAMESPACE');
  expect(await run(command('exec', '--', 'printenv', 'KUBECONFIG'), { env })).toBe(`${env.TESTBED_KUBECONFIG}\n`);
  const shell = documented('testbed/README.md', 'The testbed', '-- shell');
  expect(await type(shell, 'kubectl config view --minify\n')).toContain('current-context');
  expect(await type(documented('testbed/README.md', 'The testbed', '-- status'))).toContain(env.TESTBED_KUBECONFIG);
  expect(await type(documented('testbed/README.md', 'The testbed', '-- down'))).toContain('nothing to take down');
});

test('`up` refuses a name that is taken', async () => {
  await expect(up({ name: names[0], kind: 'fake' })).rejects.toThrow('exists: run `npm run testbed -- down');
});

test('`down` ends the processes and deletes the files of one testbed, and of no other', async () => {
  const [one, other] = names;
  await run(unprivileged(command('down', '--name', one)));
  expect(await tracesOf(one)).toEqual([]);
  expect(await find(one)).toBeUndefined();
  expect(await kubectl(testbeds[1] as Testbed, 'get', 'namespace', 'app', '-o', 'name')).toBe('namespace/app');
  await down(other);
  expect(await tracesOf(other)).toEqual([]);
});
