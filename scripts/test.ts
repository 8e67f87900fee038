import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binaries, buildBinaries, type Purpose } from '../testbed/binaries.ts';
import { gitopsPackages } from '../testbed/gitops.ts';
import { checkPackages, dataPackages, hostPackages, installPackages, missingPackages } from '../testbed/host.ts';
import { buildImages, images } from '../testbed/images.ts';
import { buildPythonTools, pythonTool } from '../testbed/python.ts';
import { messageOf, stopwatch } from '../testbed/run.ts';
import { down, type Extra, type Kind, ownCluster, type Testbed, up } from '../testbed/testbed.ts';
import { EXIT_INTERRUPTED, Interrupted, runChild } from './child.ts';

// `npm test`: in CI, what the suites need is built first, and what cannot be built is a failure; elsewhere the suites run that have
// what they need, and the others are named. Then in two lanes at once: the suites that need a cluster mostly wait for its clocks,
// and those that compute have the processors meanwhile, at a lower priority.

const isCi = process.env.CI === 'true';
const say = stopwatch(console.log);
/** Ends the suites; what was brought up for them is taken down. */
const interrupt = new AbortController();

interface Counts {
  passed: number;
  /** One text for each: the test's name and the first lines of why, or why a suite did not run. */
  failures: string[];
}

/** What is read of vitest's JSON report. */
interface Report {
  numPassedTests?: number;
  testResults?: {
    name: string;
    message?: string;
    status: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
}

const linesOfWhy = 12;

/** The failed tests of a report, and the files that failed outside of any test. */
function failuresIn(project: string, { testResults = [] }: Report): string[] {
  const why = (text = '') => text.split('\n').slice(0, linesOfWhy).join('\n  ');
  return testResults.flatMap((file) => {
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    const failures = tests.map((test) => `${project}: ${test.fullName}\n  ${why(test.failureMessages?.join('\n'))}`);
    return failures.length === 0 && file.status === 'failed'
      ? [`${project}: ${file.name}\n  ${why(file.message)}`]
      : failures;
  });
}

/** What suites are made of beyond Node and npm's packages. */
interface Need {
  /** Of Debian. */
  packages: readonly string[];
  binaries: readonly Purpose[];
  images?: true;
  /** Of PyPI. */
  tools?: true;
}

const needs = {
  data: { packages: dataPackages, binaries: [] },
  checks: { packages: checkPackages, binaries: ['checks'], tools: true },
  cluster: { packages: hostPackages, binaries: ['node', 'fake'], images: true },
  gitops: { packages: gitopsPackages, binaries: ['gitops'] },
} satisfies Record<string, Need>;

/** Whether these suites can run: in CI by building what they need, elsewhere by looking. */
async function has(name: keyof typeof needs): Promise<boolean> {
  const need: Need = needs[name];
  if (isCi) {
    await installPackages(need.packages, say);
    if (need.images) await buildImages(say);
    for (const purpose of need.binaries) await buildBinaries(purpose, say);
    if (need.tools) await buildPythonTools(say);
    return true;
  }
  try {
    const missing = await missingPackages(need.packages);
    if (missing.length > 0) throw new Error(`as root: apt-get install ${missing.join(' ')}`);
    for (const purpose of need.binaries) await binaries(purpose);
    if (need.images) await images();
    if (need.tools) await pythonTool('zizmor');
    return true;
  } catch (error) {
    say(`not run: the ${name} suites; ${messageOf(error)}`);
    return false;
  }
}

interface SuiteOptions {
  /** Where it runs; default: on this host. */
  testbed?: Testbed;
  /** Gives way to all else, and says what it has to say when it has ended. */
  isBehind?: boolean;
}

/** Runs one of vitest's projects and counts its tests. */
async function suite(project: string, { testbed, isBehind = false }: SuiteOptions = {}): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'moneywise-test-'));
  const report = join(folder, 'report.json');
  const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', project];
  const argv = [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  say(`suite ${project}`);
  try {
    const code = await runChild(testbed ? testbed.argv(argv) : argv, { stop: interrupt.signal, isBehind });
    const results: Report = JSON.parse(await readFile(report, 'utf8').catch(() => '{}'));
    const { numPassedTests: passed = 0 } = results;
    const failures = failuresIn(project, results);
    // A suite that did not even begin has failed, too.
    if (failures.length === 0 && (code !== 0 || passed === 0)) {
      failures.push(`${project}: vitest ended with ${code} after ${passed} tests that passed`);
    }
    say(`suite ${project} ended: ${passed} passed, ${failures.length} failed`);
    return { passed, failures };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Brings up a testbed for some suites, one after the other, and takes it down whatever happens. */
async function suitesIn(kind: Kind, projects: readonly string[], extras: readonly Extra[] = []): Promise<Counts[]> {
  if (interrupt.signal.aborted) throw new Interrupted();
  const name = ['test', kind, ...extras].join('').slice(0, 12);
  await down(name); // what a killed run may have left
  const testbed = await up({ name, kind, with: extras, say });
  try {
    const counts: Counts[] = [];
    for (const project of projects) counts.push(await suite(project, { testbed }));
    return counts;
  } finally {
    await down(name);
  }
}

async function clusterSuites(hasCluster: boolean, hasGitops: boolean): Promise<Counts[]> {
  const own = ownCluster();
  if (own) return [await suite('api', { testbed: own })];
  if (!hasCluster) return [];
  return [
    ...(await suitesIn('fake', ['api'])),
    await suite('testbed'),
    ...(await suitesIn('node', ['node', 'outage', 'gameday'])),
    ...(hasGitops ? await suitesIn('node', ['gitops'], ['gitops']) : []),
  ];
}

async function otherSuites(hasData: boolean, hasChecks: boolean): Promise<Counts[]> {
  const projects = ['unit', 'campaign', ...(hasData ? ['data'] : []), ...(hasChecks ? ['checks'] : [])];
  const counts: Counts[] = [];
  for (const project of projects) counts.push(await suite(project, { isBehind: true }));
  return counts;
}

function failed(error: unknown): Counts[] {
  say(`failed: ${messageOf(error)}`);
  return [{ passed: 0, failures: [messageOf(error)] }];
}

try {
  const [hasData, hasChecks] = [await has('data'), await has('checks')];
  const hasCluster = !ownCluster() && (await has('cluster'));
  const hasGitops = hasCluster && (await has('gitops'));
  // Ctrl-C comes twice, from the terminal and from npm, so that a second one is nothing new.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort());
  // Both lanes come to their end, also if one cannot bring up its cluster: nothing that was started is left alone.
  const lanes = [clusterSuites(hasCluster, hasGitops), otherSuites(hasData, hasChecks)].map((lane) =>
    lane.catch(failed),
  );
  const counts = (await Promise.all(lanes)).flat();
  const passed = counts.reduce((total, count) => total + count.passed, 0);
  const failures = counts.flatMap((count) => count.failures);
  // The suites ran at once and said much: what failed is said again where the output ends.
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = interrupt.signal.aborted ? EXIT_INTERRUPTED : failures.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`test: ${messageOf(error)}`);
  process.exitCode = 1;
}
