import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binaries, binaries, type Extra, type Kind } from './binaries.ts';
import { fakeClient, fakePlace, upFake } from './fake.ts';
import { startGitops } from './gitops.ts';
import { checkHost } from './host.ts';
import { hasNetwork } from './network.ts';
import { insideOf, nodeClient, nodePlace, upNode } from './node.ts';
import { checkName, clusters, idOf, stateOf } from './paths.ts';
import { deleteNamespaces, endProcesses, processesOf, remainsOf } from './remains.ts';
import { messageOf, type Say } from './run.ts';

export type { Extra, Kind } from './binaries.ts';

/** A cluster that is up. */
export interface Testbed {
  name: string;
  /** `own`: a cluster of the user's, named by TESTBED_KUBECONFIG. */
  kind: Kind | 'own';
  /** The path of a kubeconfig whose user may do everything. For a real node it works only inside: see `argv`. */
  kubeconfig: string;
  /** A command, turned into the same one run where the cluster can be reached, with KUBECONFIG and PATH set. */
  argv(command: readonly string[]): string[];
}

export interface UpOptions {
  name: string;
  kind: Kind;
  /** What a real node has besides; default: nothing. */
  with?: readonly Extra[];
  /** How long kube-proxy of a real node may put off what it is told of endpoints, e.g. `10ms`; default: its own, 1 s. */
  proxyDelay?: string;
  /** How many requests a second each controller of a fake node may send; default: their own, 20, and 40 of Argo Rollouts. */
  qps?: number;
  /** Default: says nothing. */
  say?: Say;
}

/** The kind that this user of this host can have without further ado. */
export const defaultKind = (): Kind => (process.platform === 'linux' && process.getuid?.() === 0 ? 'node' : 'fake');

/** The user's own cluster, if TESTBED_KUBECONFIG names one: then nothing is brought up or taken down. */
export function ownCluster(): Testbed | undefined {
  const kubeconfig = process.env.TESTBED_KUBECONFIG;
  if (!kubeconfig) return undefined;
  return { name: 'own', kind: 'own', kubeconfig, argv: (command) => ['env', `KUBECONFIG=${kubeconfig}`, ...command] };
}

const recordOf = (name: string): string => join(stateOf(name), 'testbed.json');

const testbedOf = (name: string, kind: Kind, binaries: Binaries): Testbed => ({
  name,
  kind,
  kubeconfig: join(stateOf(name), 'kubeconfig'),
  argv: (kind === 'node' ? nodeClient : fakeClient)(name, binaries),
});

/** @throws in a cluster's network, from where what belongs to a cluster cannot be seen. */
function checkOutside(): void {
  if (insideOf())
    throw new Error(`inside the testbed ${insideOf()} none can be brought up or taken down: do it outside`);
}

/**
 * Brings up a cluster. One that does not come up is taken down again.
 * @throws when the name is taken, this host cannot have the kind, or something of it does not start in time.
 */
export async function up(options: UpOptions): Promise<Testbed> {
  const { name, kind, with: extras = [], proxyDelay, qps, say = () => {} } = options;
  const own = ownCluster();
  if (own) return own;
  checkOutside();
  checkName(name);
  if (kind === 'node') checkHost(stateOf(name));
  else if (extras.length > 0) throw new Error(`${extras.join(', ')} needs a real node: use \`--kind node\``);
  if (existsSync(stateOf(name)) || hasNetwork(idOf(name))) {
    throw new Error(`the testbed ${name} exists: run \`npm run testbed -- down --name ${name}\` first`);
  }
  const built = await binaries(kind);
  const argoCd = extras.includes('gitops') ? await binaries('gitops') : undefined;
  await mkdir(clusters(), { recursive: true });
  await mkdir(stateOf(name)); // fails for the second of two that begin at once
  const record = { name, kind, since: new Date().toISOString() };
  try {
    await writeFile(recordOf(name), JSON.stringify({ ...record, up: false }));
    if (kind === 'node') {
      const place = nodePlace(name, built);
      await upNode(place, say, proxyDelay);
      if (argoCd) await startGitops(place, argoCd, say);
    } else await upFake(await fakePlace(name, built), say, qps);
    await writeFile(recordOf(name), JSON.stringify({ ...record, up: true }));
  } catch (error) {
    await down(name).catch((more) => {
      throw new Error(`${messageOf(error)}\n${messageOf(more)}`);
    });
    throw error;
  }
  return testbedOf(name, kind, built);
}

/**
 * Takes down whatever there is of a cluster, also after a crash at any point, and looks that nothing is left.
 * @throws an Error that names what is left.
 */
export async function down(name: string): Promise<void> {
  if (ownCluster()) return;
  checkOutside();
  checkName(name);
  await endProcesses(name);
  await deleteNamespaces(name);
  const remains = await remainsOf(name);
  if (remains.length > 0)
    throw new Error(`left of ${name}: ${remains.join(', ')} (its files are kept in ${stateOf(name)})`);
  await rm(stateOf(name), { recursive: true, force: true });
}

/** @returns the cluster of that name if it is up. */
export async function find(name: string): Promise<Testbed | undefined> {
  const own = ownCluster();
  if (own) return own;
  const state = (await list()).find((state) => state.name === name && state.up);
  return state && testbedOf(name, state.kind, await binaries(state.kind));
}

export interface State {
  name: string;
  kind: Kind;
  /** When `up` began; ISO 8601. */
  since: string;
  /** False while `up` runs, and after a crash. */
  up: boolean;
}

/** All clusters of this user. */
export async function list(): Promise<State[]> {
  const names = await readdir(clusters()).catch(() => []);
  const unknown = { kind: defaultKind(), since: '', up: false };
  return Promise.all(
    names.map(async (name) => {
      // A crash may have left none, or half of one.
      const record = await readFile(recordOf(name), 'utf8')
        .then(JSON.parse)
        .catch(() => ({}));
      const state: State = { ...unknown, ...record, name };
      return { ...state, up: state.up && (insideOf() === name || (await processesOf(name)).length > 0) };
    }),
  );
}
