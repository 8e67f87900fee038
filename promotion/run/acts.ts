import { type Cluster, ClusterError } from '../cluster/port.ts';
import type { View } from '../cluster/view.ts';
import type { Action } from '../core/decide.ts';
import { targetOf } from '../core/fence.ts';
import type { Verdict } from '../core/observation.ts';
import { memberAskedFor, neededToGoBack } from '../core/way-back.ts';
import type { Keeper } from '../evidence/keeper.ts';
import { type Policy, questionsOf, titleOf } from '../plan/policy.ts';
import { ask } from './check.ts';
import type { Say } from './say.ts';
import { askWayBack } from './way-back.ts';
import { describe } from './words.ts';
import { send } from './writes.ts';

/** Carries out what was decided, with pauses between tries of the same act. */
export interface Acts {
  /** Answers of the health checks and queries so far. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Carries an act out, asking what that policy says; one that the cluster refuses or fails is told and left to the next decision. */
  readonly perform: (action: Action, policy: Policy) => Promise<void>;
  /** From when on an act may be tried, in milliseconds since 1970; never for a question while it is asked. */
  readonly dueAt: (action: Action) => number;
  readonly stop: () => void;
}

/** The least time between two tries of the same act, in milliseconds: longer each time, up to the last. */
const RETRY = [500, 1000, 2000, 4000];
/** After so long an act counts as new again, in milliseconds. */
const FORGET = 30_000;

/** `onVerdict` hears when a question has its verdict, or something was collected. */
export function newActs(
  cluster: Cluster,
  view: View,
  epoch: number,
  say: Say,
  onVerdict: () => void,
  keeper?: Keeper,
): Acts {
  const verdicts = new Map<string, Verdict>();
  const asking = new Set<string>();
  const collecting = new Set<string>();
  const tries = new Map<string, { at: number; count: number }>();
  const stopped = new AbortController();

  async function attempt(action: Exclude<Action, { act: 'check' | 'collect' }>): Promise<void> {
    const now = cluster.now().getTime();
    const last = tries.get(keyOf(action));
    tries.set(keyOf(action), { at: now, count: last && now - last.at < FORGET ? last.count + 1 : 1 });
    const about = 'member' in action ? { member: action.member, data: action } : { data: action };
    try {
      if (action.act === 'refresh') return await view.refresh();
      await send(action, epoch, cluster, view);
      if (action.act !== 'claim') say('ACT', describe(action), about);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      const isRefused = error.code === 'precondition' || error.code === 'not-found';
      if (action.act !== 'claim')
        say(isRefused ? 'ACT_REFUSED' : 'ACT_FAILED', `${describe(action)}: ${error.message}`, about);
      // The view was behind, or it would not have been asked for.
      const target = targetOf(action);
      if (isRefused && target) await view.refetch(target.kind, target.name).catch(ignoreClusterError);
    }
  }

  function startCheck(name: string, policy: Policy): void {
    const question = questionsOf(policy).find((q) => q.name === name);
    const member = memberAskedFor(name);
    if (asking.has(name) || (!question && member === undefined)) return;
    asking.add(name);
    const answer = question
      ? ask(question, keeper?.hear(name, cluster) ?? cluster, stopped.signal)
      : askWayBack(neededToGoBack(member ?? '', view.objects), cluster, stopped.signal);
    answer.then(
      (verdict) => {
        if (stopped.signal.aborted) return;
        // A decision asks again only for what has no answer, or none that is fresh.
        asking.delete(name);
        verdicts.set(name, { ...verdict, at: cluster.now().getTime() });
        say('CHECK', `${question ? titleOf(question) : name}: ${verdict.verdict}, ${verdict.reason}`, {
          data: { check: name, verdict: verdict.verdict },
          level: verdict.verdict === 'pass' ? 'info' : 'error',
        });
        onVerdict();
      },
      (error) => queueMicrotask(() => Promise.reject(error)),
    );
  }

  function startCollecting(replicaSet: string): void {
    if (collecting.has(replicaSet)) return;
    collecting.add(replicaSet);
    keeper?.collect(replicaSet).then(onVerdict);
  }

  return {
    verdicts,
    async perform(action, policy) {
      if (action.act === 'check') startCheck(action.check, policy);
      else if (action.act === 'collect') startCollecting(action.replicaSet);
      else await attempt(action);
    },
    dueAt(action) {
      if (action.act === 'check') return asking.has(action.check) ? Number.POSITIVE_INFINITY : 0;
      if (action.act === 'collect') return collecting.has(action.replicaSet) ? Number.POSITIVE_INFINITY : 0;
      const last = tries.get(keyOf(action));
      return last ? last.at + (RETRY[Math.min(last.count, RETRY.length) - 1] as number) : 0;
    },
    stop: () => stopped.abort(),
  };
}

/** Acts of one key are tries of the same. */
function keyOf(action: Action): string {
  const { act, member, name, hash, run, resourceVersion } = action as Partial<{ [field: string]: string }>;
  // What is claimed or scaled and has changed meanwhile is another act.
  const isOfVersion = act === 'claim' || act === 'refill' || act === 'retire';
  return [act, member, name, hash, run, isOfVersion ? resourceVersion : ''].join(' ');
}

export function ignoreClusterError(error: unknown): void {
  if (!(error instanceof ClusterError)) throw error;
}
