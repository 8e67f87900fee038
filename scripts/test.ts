import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaries, buildBinaries } from '../testbed/binaries.ts';
import { installHostPackages, installPackages, missingPackages } from '../testbed/host.ts';
import { buildImages, images } from '../testbed/images.ts';
import { messageOf, stopwatch } from '../testbed/run.ts';
import { down, type Kind, ownCluster, type Testbed, up } from '../testbed/testbed.ts';

// `npm test`: everything that needs Node alone, then the suites that need a cluster. Those run always in CI, where
// whatever is missing is built or is a failure, and otherwise when a testbed is built or TESTBED_KUBECONFIG is set.

const say = stopwatch(console.log);

interface Counts {
  passed: number;
  failed: number;
}

/** Runs one of vitest's projects, in a cluster if there is one, and counts its tests. */
async function suite(project: string, testbed?: Testbed): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'moneywise-test-'));
  const report = join(folder, 'report.json');
  const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', project];
  const argv = [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  say(`suite ${project}`);
  try {
    const code = await spawned(testbed ? testbed.argv(argv) : argv);
    const { numPassedTests = 0, numFailedTests = 0 } = JSON.parse(await readFile(report, 'utf8').catch(() => '{}'));
    // A suite that did not even begin has failed, too.
    const failed = code === 0 && numPassedTests > 0 ? numFailedTests : Math.max(1, numFailedTests);
    return { passed: numPassedTests, failed };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function spawned([command = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Brings up a testbed for some suites, one after the other, and takes it down whatever happens. */
async function suitesIn(kind: Kind, projects: readonly string[]): Promise<Counts[]> {
  const name = `test-${kind}`.replace('-', '');
  await down(name); // what a killed run may have left
  const testbed = await up({ name, kind, say });
  try {
    const counts: Counts[] = [];
    for (const project of projects) counts.push(await suite(project, testbed));
    return counts;
  } finally {
    await down(name);
  }
}

async function isBuilt(): Promise<boolean> {
  try {
    await Promise.all([binaries('node'), binaries('fake'), images()]);
    return true;
  } catch {
    return false;
  }
}

async function clusterSuites(): Promise<Counts[]> {
  const own = ownCluster();
  if (own) return [await suite('api', own)];
  if (process.env.CI === 'true') {
    await installHostPackages(say);
    await buildImages(say);
    await buildBinaries('node', say);
    await buildBinaries('fake', say);
  } else if (!(await isBuilt())) {
    say(
      'not run: the cluster suites (api, testbed, node, outage); `npm run testbed -- build` as root on Linux enables them',
    );
    return [];
  }
  return [
    ...(await suitesIn('fake', ['api'])),
    await suite('testbed'),
    ...(await suitesIn('node', ['node', 'outage'])),
  ];
}

/** What real data stores and a real Alertmanager are made of: always there in CI, and otherwise run if they are. */
const serverPackages = [
  'postgresql-15',
  'redis-server',
  'prometheus-postgres-exporter',
  'prometheus-redis-exporter',
  'prometheus-alertmanager',
];

async function dataSuite(): Promise<Counts[]> {
  if (process.env.CI === 'true') await installPackages(serverPackages, say);
  const missing = await missingPackages(serverPackages);
  if (missing.length === 0) return [await suite('data')];
  say(`not run: the data suite; as root: apt-get install ${missing.join(' ')}`);
  return [];
}

async function checksSuite(): Promise<Counts[]> {
  if (process.env.CI === 'true') await buildBinaries('checks', say);
  const built = await binaries('checks').then(
    () => true,
    () => false,
  );
  if (built) return [await suite('checks')];
  say('not run: the checks suite; `npm run testbed -- build` enables it');
  return [];
}

try {
  const counts = [
    await suite('unit'),
    await suite('campaign'),
    ...(await dataSuite()),
    ...(await checksSuite()),
    ...(await clusterSuites()),
  ];
  const sum = (of: keyof Counts) => counts.reduce((total, count) => total + count[of], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
} catch (error) {
  console.error(`test: ${messageOf(error)}`);
  process.exitCode = 1;
}
