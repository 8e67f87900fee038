import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { carryOut, isPhase, isStage } from '../../e2e/support/promoter.ts';
import { type Cluster, type JsonPatch, RESOURCES } from '../../promotion/cluster/port.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { type Fleet, groupsOf, namesOf } from './fleet.ts';
import { isPrepared, newHash, type Watching, type watchMembers, when, whenEach } from './watcher.ts';

/** A release that was applied. */
export interface Release {
  /** Resolves once it is prepared and at rest. */
  readonly ready: Promise<void>;
  /** Lets a promoter switch once it waits for that, and all is at rest. */
  readonly open: () => Promise<void>;
  readonly fleet: Fleet;
  readonly folder: string;
  /** What is to be found of it after its switch. */
  readonly verdict: 'pass' | 'fail';
  readonly view: Watching;
  readonly watch: ReturnType<typeof watchMembers>;
}

/** What a contender says of itself. */
export interface Acted {
  readonly up: Way;
  /** Where it went back, and that can be told apart. */
  readonly back?: Way;
  /** To the API server; undefined where the contender does not count them. */
  readonly requests?: number;
  /** Promotes and aborts that had to be repeated, or brought to the controller's mind, because it had lost them. */
  readonly repeated: number;
}

/** How a contender took the members live, or back. */
export interface Way {
  /** When it was decided to, in milliseconds since 1970. */
  readonly decided: number;
  /** What it did with each group in turn, where that can be told apart. */
  readonly groups?: readonly GroupActed[];
}

/** When a contender was through with what it does for a group, in milliseconds since 1970. */
export interface GroupActed {
  readonly members: readonly string[];
  /** The last promote, or abort, of it was answered. */
  readonly asked: number;
  /** It knew that the last of it was live, or back, and so turned to the next; of the last group this means nothing. */
  readonly known: number;
}

/** Takes a release live once it is ready and, when an analysis has failed, all of it back; by that kubeconfig, if any. */
export type Contender = (release: Release, cluster: Cluster, kubeconfig?: string) => Promise<Acted>;

/** How long a step may take, in milliseconds. */
const limitOf = ({ members }: Fleet) => 60_000 + members * 3000;
/** After how long without progress it is asked for again, in milliseconds. */
const STALL = 10_000;

/** This project's: one process that decides both by itself, and is there from the apply on. */
export const promoter: Contender = async ({ folder, fleet, verdict, ready, open }) => {
  // One that ends before says why itself.
  void ready.finally(open).catch(() => {});
  const { events, result, stderr } = await carryOut('promote', folder);
  const decided = events.find((event) => isPhase(event, 'switching'));
  if (!decided || !result)
    throw new Error(`${fleet.members} members: the promoter did not switch: ${events.at(-1)?.message ?? stderr}`);
  if (result.outcome !== (verdict === 'pass' ? 'promoted' : 'rolled-back'))
    throw new Error(`${fleet.members} members: ended as ${result.outcome}`);
  const actsOf = (act: string) =>
    events.filter(({ code, data }) => code === 'ACT' && (data as { act: string }).act === act);
  const timesOf = (members: readonly string[], found: readonly RunEvent[]) =>
    found.filter(({ member }) => members.includes(member ?? '')).map(({ time }) => Date.parse(time));
  const lastOf = (members: readonly string[], found: readonly RunEvent[]) => Math.max(...timesOf(members, found));
  const [promotes, aborts] = [actsOf('promote'), actsOf('abort')];
  const repeated = promotes.length - new Set(promotes.map(({ member }) => member)).size;
  const held = events.filter((event) => isStage(event, 'held'));
  const up = {
    decided: Date.parse(decided.time),
    groups: groupsOf(fleet).map((members) => ({
      members,
      asked: lastOf(members, promotes),
      known: lastOf(members, held),
    })),
  };
  const returning = events.find((event) => isPhase(event, 'returning'));
  const downwards = groupsOf(fleet).toReversed();
  const back = returning && {
    decided: Date.parse(returning.time),
    // That a group is back is no event of its own: the first abort of the next one tells.
    groups: downwards.map((members, at) => ({
      members,
      asked: lastOf(members, aborts),
      known: Math.min(...timesOf(downwards[at + 1] ?? [], aborts)),
    })),
  };
  return { up, ...(back && { back }), requests: result.apiRequests, repeated };
};

/**
 * The least that a client can do: one guarded patch a member, those of a group together, and a watch that says when the next group
 * has its turn. What it takes is the controller's own time.
 */
export const bareController: Contender = async ({ fleet, view, watch, ready }, cluster) => {
  await ready;
  const patch = (member: string, operation: JsonPatch[number]) => {
    const rollout = view.objects.rollouts.get(member);
    const guard = [
      { op: 'test', path: '/metadata/uid', value: rollout?.metadata.uid },
      { op: 'test', path: '/status/currentPodHash', value: newHash(rollout) },
    ] as const;
    return cluster.patch(RESOURCES.rollouts, member, [...guard, operation], 'status');
  };
  const promote = (member: string) => patch(member, { op: 'remove', path: '/status/pauseConditions' });
  // A change that the controller has missed is seen with the next one.
  const touch = (member: string) => {
    const at = { op: 'add', path: '/metadata/annotations/touched-at', value: new Date().toISOString() } as const;
    return cluster.patch(RESOURCES.rollouts, member, [at]);
  };
  const before = cluster.requests();
  const up = { decided: Date.now(), groups: [] as GroupActed[] };
  let repeated = 0;
  for (const group of groupsOf(fleet)) {
    await Promise.all(group.map(promote));
    const asked = Date.now();
    await whenEach(view, 'a group to be live', limitOf(fleet), group, watch.isLive, {
      stall: STALL,
      again: (lost) => {
        repeated += lost.length;
        return Promise.all(lost.map((member) => (isPrepared(view, member) ? promote(member) : touch(member))));
      },
    });
    up.groups.push({ members: group, asked, known: Date.now() });
  }
  await failed(fleet, view, watch);
  const back = { decided: Date.now(), groups: [] as GroupActed[] };
  for (const group of groupsOf(fleet).toReversed()) {
    await Promise.all(group.map((member) => patch(member, { op: 'add', path: '/status/abort', value: true })));
    const asked = Date.now();
    await isBack(fleet, view, watch, group, (lost) => {
      repeated += lost.length;
      return Promise.all(lost.map(touch));
    });
    back.groups.push({ members: group, asked, known: Date.now() });
  }
  // The four kinds of its watch, which is the benchmark's own, are listed once and watched.
  return { up, back, requests: cluster.requests() - before + 8, repeated };
};

/**
 * What people do who have the plugin alone: `kubectl argo rollouts promote` in a loop, and `abort` in a loop at once when it goes wrong.
 * A promote that the controller has lost is typed again, although that changes nothing: the plugin sees no pause any more.
 */
export const pluginLoop: Contender = async (
  { fleet, view, watch, ready },
  _,
  kubeconfig = process.env.KUBECONFIG ?? '',
) => {
  await ready;
  const names = namesOf(fleet);
  let repeated = 0;
  const typed = async (verb: 'promote' | 'abort', members: readonly string[]) => {
    for (const member of members) {
      const args = ['argo', 'rollouts', '--kubeconfig', kubeconfig, '-n', fleet.namespace, verb, member];
      await promisify(execFile)('kubectl', args);
    }
  };
  const decided = Date.now();
  await typed('promote', names);
  await whenEach(view, 'all members to be live', limitOf(fleet), names, watch.isLive, {
    stall: STALL,
    again: (lost) => {
      repeated += lost.length;
      return typed('promote', lost);
    },
  });
  await failed(fleet, view, watch);
  await typed('abort', names.toReversed());
  await isBack(fleet, view, watch, names, (lost) => {
    repeated += lost.length;
    return typed('abort', lost);
  });
  return { up: { decided }, repeated };
};

const failed = (fleet: Fleet, view: Watching, watch: Release['watch']) =>
  when(view, 'a verdict', limitOf(fleet), () => watch.seen().verdict !== undefined);

const isBack = (
  fleet: Fleet,
  view: Watching,
  watch: Release['watch'],
  members: readonly string[],
  again: (lost: readonly string[]) => Promise<unknown>,
) =>
  whenEach(view, 'all members to be back', limitOf(fleet), members, (member) => !watch.isLive(member), {
    stall: STALL,
    again,
  });
