import { removeFolders, writeManifests } from '../../e2e/support/folder.ts';
import { kubectl } from '../../e2e/support/kubectl.ts';
import { carryOut } from '../../e2e/support/promoter.ts';
import { openProxy } from '../../e2e/support/proxy.ts';
import { connect, loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import { type Cluster, RESOURCES } from '../../promotion/cluster/port.ts';
import { openView } from '../../promotion/cluster/view.ts';
import { messageOf, type Say } from '../../testbed/run.ts';
import { type Acted, bareController, type Contender, pluginLoop, promoter } from './contenders.ts';
import { annotationsOf, type Fleet, manifestsOf, namesOf } from './fleet.ts';
import { type Figure, newSamples } from './results.ts';
import {
  extraSets,
  isAtRest,
  isPrepared,
  liveHash,
  quiet,
  WATCHED,
  type Watching,
  watchMembers,
  when,
} from './watcher.ts';

// How long decisions take. Each contender in turn takes the same release live, whose last member an analysis then finds to be bad, and
// takes all of it back: what is measured is seen by one watcher, whoever acts.

export interface DecisionsOptions {
  /** How many releases of each contender. */
  readonly n: number;
  /** Numbers of members. */
  readonly sizes: readonly number[];
  readonly say: Say;
}

const CONTENDERS: Readonly<Record<string, Contender>> = {
  promoter,
  'plugin in a loop': pluginLoop,
  'bare controller': bareController,
};

/**
 * Up to so many members the controller is as it comes. By its default of 40 requests a second a release of more is mostly its wait
 * for its own limit, whoever acts, so that nothing else would be compared.
 */
export const FEW = 8;
export const MANY_QPS = 400;

/** How long nothing has changed in a set that is at rest, in milliseconds. */
const QUIET = 1000;

/** What is measured of each release. */
export const DECISION = 'promote decision to last active selector';
export const BACK = 'failing verdict to all selectors back';
const GOES_BACK = 'API requests of a release that goes back';

/** How long until nothing of a release is left, in milliseconds. */
const REST = 300_000;

/** Inside a testbed of kind fake. */
export async function decisions({ n, sizes, say }: DecisionsOptions): Promise<Figure[]> {
  try {
    const figures: Figure[] = [];
    for (const members of sizes) figures.push(...(await ofSize(members, n, say)));
    return figures;
  } finally {
    await removeFolders();
  }
}

async function ofSize(members: number, n: number, say: Say): Promise<Figure[]> {
  const config = loadKubeconfig({});
  const fleet: Fleet = { namespace: `fleet-${members}`, members, url: `${config.getCurrentCluster()?.server}/version` };
  const names = namesOf(fleet);
  const at = `${members} members`;
  const cluster = connect(config, fleet.namespace);
  await kubectl(['create', 'namespace', fleet.namespace]);
  await kubectl(['create', '-f', await writeManifests('first', manifestsOf(fleet, 'v0', 'pass'))]);
  const view: Watching = await openView(cluster, WATCHED);
  const atRest = async () => {
    const extra = names.flatMap((name) => extraSets(view, name));
    const none = [{ op: 'replace', path: '/spec/replicas', value: 0 }] as const;
    await Promise.all(extra.map((set) => cluster.patch(RESOURCES.replicaSets, set, none)));
    await when(view, 'nothing but the live version', REST, () => names.every((name) => isAtRest(view, name)));
  };
  const samples = newSamples();
  const repeated = new Map<string, { count: number; of: number }>();
  const incomplete = new Map<string, { count: number; of: number }>();
  const stopped: Figure[] = [];
  try {
    await atRest();
    say(`decisions: ${at}, the requests of the plugin`);
    const counted = await requestsOf(async (kubeconfig) => {
      const release = await applied(fleet, cluster, view, 'counted', 'fail');
      await pluginLoop(release, cluster, kubeconfig).finally(release.watch.stop);
    }).catch(async (error) => {
      say(`decisions: ${at}, not counted: ${messageOf(error)}`);
      await abortAll(cluster, view, names);
    });
    if (counted) samples.add({ what: GOES_BACK, at, who: 'plugin in a loop' }, 'requests', counted);
    await atRest();
    for (let run = 0; run < n; run += 1) {
      for (const [who, act] of inTurn(run)) {
        say(`decisions: ${at}, ${run + 1} of ${n}, ${who}`);
        const release = await applied(fleet, cluster, view, `${who.replaceAll(' ', '-')}-${run}`, 'fail');
        const ended = incomplete.get(who) ?? { count: 0, of: 0 };
        incomplete.set(who, { ...ended, of: ended.of + 1 });
        try {
          const acted = await act(release, connect(config, fleet.namespace));
          note(who, acted, release);
          const so = repeated.get(who) ?? { count: 0, of: 0 };
          repeated.set(who, { count: so.count + acted.repeated, of: so.of + members });
        } catch (error) {
          // One that does not come to its end is told, and the next begins on a set that is whole again.
          say(`decisions: ${at}, ${who}: ${messageOf(error)}`);
          incomplete.set(who, { count: ended.count + 1, of: ended.of + 1 });
          await abortAll(cluster, view, names);
        } finally {
          release.watch.stop();
        }
        await atRest();
      }
    }
    const settled = Math.ceil(n / 10);
    for (let run = 0; run < settled; run += 1) {
      say(`decisions: ${at}, ${run + 1} of ${settled} that settle`);
      const { folder, watch } = await applied(fleet, cluster, view, `settled-${run}`, 'pass');
      const { result } = await carryOut('promote', folder);
      watch.stop();
      if (result?.outcome !== 'promoted') throw new Error(`${at}: ended as ${result?.outcome}`);
      samples.add(
        { what: 'API requests of a release that settles', at, who: 'promoter' },
        'requests',
        result.apiRequests,
      );
      await atRest();
    }
  } catch (error) {
    // What was measured until then, perhaps for hours, is not lost with it.
    say(`decisions: ${at}, stopped: ${messageOf(error)}`);
    stopped.push({ what: 'stopped before its end', at, who: 'benchmark', why: messageOf(error) });
  } finally {
    view.close();
    await kubectl(['delete', 'namespace', fleet.namespace, '--wait=false']);
  }
  const lost = [...repeated].map(([who, so]) => ({
    what: 'promotes and aborts that were lost and repeated',
    at,
    who,
    ...so,
  }));
  const broken = [...incomplete].map(([who, so]) => ({ what: 'releases left in part', at, who, ...so }));
  return [...samples.figures(), ...lost, ...broken, ...stopped];

  function note(who: string, { decided, requests }: Acted, { watch }: Awaited<ReturnType<typeof applied>>): void {
    const { switched, back, verdict } = watch.seen();
    const [first, last] = [Math.min(...switched.values()), Math.max(...switched.values())];
    // The verdict was in before the whole set had switched: then this measures something else.
    if (switched.size < members || back.size < members || verdict === undefined) {
      say(`decisions: ${at}, ${who}: not measured, ${switched.size} of ${members} were live when the verdict came`);
      return;
    }
    samples.add({ what: DECISION, at, who }, 'ms', last - decided);
    samples.add({ what: 'both versions live', at, who }, 'ms', last - first);
    samples.add({ what: BACK, at, who }, 'ms', Math.max(...back.values()) - verdict);
    if (requests !== undefined) samples.add({ what: GOES_BACK, at, who }, 'requests', requests);
  }
}

/** How many requests something sends that is given a kubeconfig. What counts them takes time, so nothing else is measured meanwhile. */
async function requestsOf(act: (kubeconfig: string) => Promise<void>): Promise<number> {
  let count = 0;
  const proxy = await openProxy(async () => {
    count += 1;
    return undefined;
  });
  await act(proxy.kubeconfig).finally(proxy.close);
  return count;
}

/** All contenders, each time another one first. */
function inTurn(run: number): [string, Contender][] {
  const all = Object.entries(CONTENDERS);
  return all.map((_, at) => all[(at + run) % all.length] as [string, Contender]);
}

/** Applies a version to every member at once, and waits until all of them are prepared. */
async function applied(fleet: Fleet, cluster: Cluster, view: Watching, version: string, verdict: 'pass' | 'fail') {
  const folder = await writeManifests('version', manifestsOf(fleet, version, verdict));
  const names = namesOf(fleet);
  const watch = watchMembers(view, names);
  await Promise.all(
    names.map((name, at) => {
      const value = annotationsOf(version, at === names.length - 1 ? verdict : 'pass');
      return cluster.patch(RESOURCES.rollouts, name, [
        { op: 'replace', path: '/spec/template/metadata/annotations', value },
      ]);
    }),
  );
  await when(view, 'all members to be prepared', REST, () => names.every((name) => isPrepared(view, name)));
  // A change that comes while the controller is at a member may be lost: everybody begins on a set that is at rest.
  await quiet(view, QUIET);
  return { fleet, folder, view, watch };
}

async function abortAll(cluster: Cluster, view: Watching, names: readonly string[]): Promise<void> {
  const abort = [{ op: 'add', path: '/status/abort', value: true }] as const;
  await Promise.all(names.map((name) => cluster.patch(RESOURCES.rollouts, name, abort, 'status')));
  const isBack = (name: string) => liveHash(view, name) === view.objects.rollouts.get(name)?.status?.stableRS;
  await when(view, 'all members to be back', REST, () => names.every(isBack));
}
