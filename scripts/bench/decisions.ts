import { removeFolders, writeManifests } from '../../e2e/support/folder.ts';
import { kubectl } from '../../e2e/support/kubectl.ts';
import { openProxy } from '../../e2e/support/proxy.ts';
import { connect, loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import { type Cluster, RESOURCES } from '../../promotion/cluster/port.ts';
import { openView } from '../../promotion/cluster/view.ts';
import { messageOf, type Say } from '../../testbed/run.ts';
import { newBarrier } from './barrier.ts';
import {
  type Acted,
  bareController,
  type Contender,
  pluginLoop,
  promoter,
  type Release,
  type Way,
} from './contenders.ts';
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
 * Up to so many members the controllers are as they come. By the default of 40 requests a second of Argo Rollouts, and 20 of each
 * of the controller manager's, a release of more is mostly their wait for their own limits, whoever acts, so that nothing else would be
 * compared.
 */
export const FEW = 8;
export const MANY_QPS = 400;

/** How long nothing has changed in a set that is at rest, in milliseconds. */
const QUIET = 1000;

/** What is measured of each release. */
export const DECISION = 'promote decision to last active selector';
/** The parts of a way up or back, those of all groups together; where nothing was repeated they are the whole. */
const PARTS_OF_WAY = ['asked', 'switched', 'known'] as const;
type PartOfWay = (typeof PARTS_OF_WAY)[number];
export const PARTS_OF_DECISION = {
  asked: 'of that, until the promotes of a group are answered',
  switched: 'of that, until the selectors of a group have followed',
  known: 'of that, until it is known that they have and the next group has its turn',
} as const;
export const BACK = 'failing verdict to all selectors back';
export const PARTS_OF_BACK = {
  decided: 'of the way back, until it is decided',
  asked: 'of the way back, until the aborts of a group are answered',
  switched: 'of the way back, until the selectors of a group have followed',
  known: 'of the way back, until it is known that they have and the next group has its turn',
} as const;
const GOES_BACK = 'API requests of a release that goes back';
export const SETTLES = 'API requests of a release that settles';

/** A promoter that is started on a set that is prepared: it claims the members just before their switch. */
const LATE = 'promoter, started when all is prepared';

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
  const barrier = await newBarrier();
  const fleet: Fleet = {
    namespace: `fleet-${members}`,
    members,
    url: `${config.getCurrentCluster()?.server}/version`,
    barrier: barrier.url,
  };
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
      const release = await apply('counted', 'fail');
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
        const release = await apply(`${who.replaceAll(' ', '-')}-${run}`, 'fail');
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
    const settled = members <= FEW ? n : Math.ceil(n / 10);
    for (let run = 0; run < settled; run += 1) {
      say(`decisions: ${at}, ${run + 1} of ${settled} that settle`);
      const release = await apply(`settled-${run}`, 'pass');
      await release.ready;
      barrier.open();
      // It is open already: what would open it later might do so for the next release.
      const acted = await promoter({ ...release, open: async () => {} }, cluster).finally(release.watch.stop);
      noteUp(LATE, acted, release);
      if (acted.requests !== undefined) samples.add({ what: SETTLES, at, who: 'promoter' }, 'requests', acted.requests);
      await atRest();
    }
  } catch (error) {
    // What was measured until then, perhaps for hours, is not lost with it.
    say(`decisions: ${at}, stopped: ${messageOf(error)}`);
    stopped.push({ what: 'stopped before its end', at, who: 'benchmark', why: messageOf(error) });
  } finally {
    view.close();
    barrier.close();
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

  function noteUp(who: string, { up }: Acted, { watch }: Release): void {
    const { switched } = watch.seen();
    const [first, last] = [Math.min(...switched.values()), Math.max(...switched.values())];
    samples.add({ what: DECISION, at, who }, 'ms', last - up.decided);
    noteParts(who, PARTS_OF_DECISION, up, switched);
    samples.add({ what: 'both versions live', at, who }, 'ms', last - first);
  }

  function noteParts(who: string, names: Record<PartOfWay, string>, way: Way, seen: ReadonlyMap<string, number>): void {
    const parts = partsOf(way, seen);
    for (const part of PARTS_OF_WAY) if (parts) samples.add({ what: names[part], at, who }, 'ms', parts[part]);
  }

  function note(who: string, acted: Acted, release: Release): void {
    const { switched, back, verdict } = release.watch.seen();
    // The verdict was in before the whole set had switched: then this measures something else.
    if (switched.size < members || back.size < members || verdict === undefined) {
      say(`decisions: ${at}, ${who}: not measured, ${switched.size} of ${members} were live when the verdict came`);
      return;
    }
    noteUp(who, acted, release);
    samples.add({ what: BACK, at, who }, 'ms', Math.max(...back.values()) - verdict);
    if (acted.back) {
      samples.add({ what: PARTS_OF_BACK.decided, at, who }, 'ms', acted.back.decided - verdict);
      noteParts(who, PARTS_OF_BACK, acted.back, back);
    }
    if (acted.requests !== undefined) samples.add({ what: GOES_BACK, at, who }, 'requests', acted.requests);
  }

  /** Applies a version to every member at once. */
  async function apply(version: string, verdict: 'pass' | 'fail'): Promise<Release> {
    barrier.shut();
    const folder = await writeManifests('version', manifestsOf(fleet, version, verdict));
    const watch = watchMembers(view, names);
    await Promise.all(
      names.map((name, at) => {
        const value = annotationsOf(version, at === names.length - 1 ? verdict : 'pass');
        return cluster.patch(RESOURCES.rollouts, name, [
          { op: 'replace', path: '/spec/template/metadata/annotations', value },
        ]);
      }),
    );
    return { fleet, folder, verdict, view, watch, ready: prepared(), open };
  }

  async function open(): Promise<void> {
    await barrier.reached();
    await quiet(view, QUIET);
    barrier.open();
  }

  async function prepared(): Promise<void> {
    await when(view, 'all members to be prepared', REST, () => names.every((name) => isPrepared(view, name)));
    // A change that comes while the controller is at a member may be lost: everybody begins on a set that is at rest.
    await quiet(view, QUIET);
  }
}

/** How long each part took, in milliseconds; the last group is not waited for any more. */
function partsOf({ decided, groups }: Way, seen: ReadonlyMap<string, number>): Record<PartOfWay, number> | undefined {
  if (!groups) return undefined;
  const parts = { asked: 0, switched: 0, known: 0 };
  let since = decided;
  for (const [at, { members, known, ...group }] of groups.entries()) {
    // Of members that the controller aborts by itself nothing is asked.
    const asked = Math.max(since, group.asked);
    const followed = Math.max(asked, ...members.map((member) => seen.get(member) ?? asked));
    parts.asked += asked - since;
    parts.switched += followed - asked;
    if (at < groups.length - 1) parts.known += known - followed;
    since = known;
  }
  return parts;
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

async function abortAll(cluster: Cluster, view: Watching, names: readonly string[]): Promise<void> {
  const abort = [{ op: 'add', path: '/status/abort', value: true }] as const;
  await Promise.all(names.map((name) => cluster.patch(RESOURCES.rollouts, name, abort, 'status')));
  const isBack = (name: string) => liveHash(view, name) === view.objects.rollouts.get(name)?.status?.stableRS;
  await when(view, 'all members to be back', REST, () => names.every(isBack));
}
