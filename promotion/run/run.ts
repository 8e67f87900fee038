import { adviceOn } from '../cluster/advice.ts';
import { type Cluster, ClusterError } from '../cluster/port.ts';
import { openView, type View } from '../cluster/view.ts';
import { type Action, decide, interrupt, newJournal } from '../core/decide.ts';
import { EXIT_CODES, type Journal, type Outcome } from '../core/journal.ts';
import { type MemberView, viewOf } from '../core/member.ts';
import type { Observation, Verdict } from '../core/observation.ts';
import type { Plan } from '../plan/plan.ts';
import { type Emit, EVENTS, type EventCode, type Level, type Result } from '../report/events.ts';
import { ask } from './check.ts';
import { nextSteps } from './next-steps.ts';
import { send, type Write } from './writes.ts';

export interface RunOptions {
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly emit: Emit;
  /** Aborted when a person asks the run to stop. */
  readonly signal?: AbortSignal;
}

/** How long a run goes on without an answer of the cluster before it ends as `unreachable`, in milliseconds. */
const BLIND_LIMIT = 60_000;
/** The least time between two tries of the same act, in milliseconds: longer each time, up to the last. */
const RETRY = [500, 1000, 2000, 4000];
/** After so long an act counts as new again, in milliseconds. */
const FORGET = 30_000;

/**
 * Takes the set that `plan` asks for live, or leaves it where it was: observe, decide, act, read back, until the release
 * is over. Driven by what the cluster reports; never throws for anything that the cluster does.
 */
export async function promote({ plan, cluster, emit, signal }: RunOptions): Promise<Result> {
  const startedAt = cluster.now().getTime();
  const say = (code: EventCode, message: string, more: { member?: string; data?: unknown; level?: Level } = {}) =>
    emit({ time: cluster.now().toISOString(), code, level: EVENTS[code].level, message, ...more });
  say(
    'STARTED',
    `promoting ${plan.members.map((m) => m.name).join(', ')}${plan.policy.version ? ` to ${plan.policy.version}` : ''} in namespace ${cluster.namespace}`,
    {
      data: {
        release: plan.policy.release,
        version: plan.policy.version ?? null,
        namespace: cluster.namespace,
        members: plan.members.map((m) => m.name),
      },
    },
  );

  let journal = newJournal(startedAt);
  let views: readonly MemberView[] = [];
  const finish = (outcome: Outcome, message: string): Result => {
    for (const step of nextSteps(outcome, journal, views, cluster.namespace)) say('NEXT', step);
    const result: Result = {
      outcome,
      exitCode: EXIT_CODES[outcome],
      release: plan.policy.release,
      members: plan.members.map(({ name }) => {
        const view = views.find((v) => v.member.name === name);
        return {
          name,
          from: journal.members[name]?.from ?? null,
          to: journal.members[name]?.to ?? null,
          active: view?.active ?? null,
          stable: view?.stable ?? null,
        };
      }),
      durationMs: cluster.now().getTime() - startedAt,
      apiRequests: cluster.requests(),
    };
    say('RESULT', message, { data: result, level: result.exitCode === 0 ? 'info' : 'error' });
    return result;
  };

  let view: View;
  try {
    view = await openView(cluster);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return finish(error.code === 'unreachable' ? 'unreachable' : 'usage', `${error.message}; ${adviceOn(error)}`);
  }

  const checks = new Map<string, Verdict>();
  const asking = new Set<string>();
  const tries = new Map<string, { at: number; count: number }>();
  const stopChecks = new AbortController();
  let wake: () => void = () => {};
  const onSignal = () => wake();
  signal?.addEventListener('abort', onSignal);

  async function act(action: Action): Promise<void> {
    if (action.act === 'refresh') return attempt(action, () => view.refresh());
    if (action.act === 'check') return startCheck(action.check);
    await attempt(action, () => write(action));
  }

  /** Tries an act at most once per pause of RETRY, so that no answer of the cluster can make this a busy loop. */
  async function attempt(action: Action, perform: () => Promise<void>): Promise<void> {
    const now = cluster.now().getTime();
    const last = tries.get(keyOf(action));
    tries.set(keyOf(action), { at: now, count: last && now - last.at < FORGET ? last.count + 1 : 1 });
    try {
      await perform();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      const member = 'member' in action ? { member: action.member } : {};
      say(error.code === 'precondition' ? 'ACT_REFUSED' : 'ACT_FAILED', `${describe(action)}: ${error.message}`, {
        ...member,
        data: action,
      });
      if (error.code === 'precondition') await view.refresh().catch(ignoreClusterError);
    }
  }

  async function write(action: Write): Promise<void> {
    await send(action, cluster, view);
    say('ACT', describe(action), { member: action.member, data: action });
  }

  function startCheck(name: string): void {
    const check = plan.policy.healthChecks.find((c) => c.name === name);
    if (!check || asking.has(name)) return;
    asking.add(name);
    ask(check, cluster, stopChecks.signal).then(
      (verdict) => {
        if (stopChecks.signal.aborted) return;
        checks.set(name, verdict);
        say('CHECK', `health check ${name}: ${verdict.verdict}, ${verdict.reason}`, {
          data: { check: name, verdict: verdict.verdict },
          level: verdict.verdict === 'pass' ? 'info' : 'error',
        });
        wake();
      },
      (error) => queueMicrotask(() => Promise.reject(error)),
    );
  }

  function pauseUntil(action: Action): number {
    const last = tries.get(keyOf(action));
    return last ? last.at + (RETRY[Math.min(last.count, RETRY.length) - 1] as number) : 0;
  }

  function report(decided: readonly MemberView[], before: Journal): void {
    for (const v of decided) {
      const old = views.find((o) => o.member.name === v.member.name);
      if (old?.stage === v.stage && old.reason === v.reason) continue;
      say('MEMBER', `${v.member.name} is ${v.stage}: ${v.reason}`, {
        member: v.member.name,
        data: { stage: v.stage, current: v.current ?? null, stable: v.stable ?? null, active: v.active ?? null },
      });
    }
    if (journal.cause && journal.cause !== before.cause) {
      say('GOING_BACK', journal.cause.message, {
        ...(journal.cause.member ? { member: journal.cause.member } : {}),
        data: { cause: journal.cause },
      });
    }
    if (journal.phase !== before.phase && journal.phase !== 'over')
      say('PHASE', PHASE_WORDS[journal.phase], { data: { phase: journal.phase } });
  }

  try {
    for (;;) {
      const now = cluster.now().getTime();
      const changed = view.changed();
      const blindSince = view.blindSince();
      if (blindSince !== undefined) {
        if (now - blindSince >= BLIND_LIMIT) {
          return finish(
            'unreachable',
            `the cluster has not answered for ${BLIND_LIMIT / 1000} s; this is its last known state`,
          );
        }
        say('BLIND', 'the cluster does not answer; waiting for it', {
          data: { since: new Date(blindSince).toISOString() },
        });
        await waitFor(changed, blindSince + BLIND_LIMIT);
        continue;
      }
      const before = journal;
      if (signal?.aborted) journal = interrupt(journal, now);
      const observation: Observation = { ...view.objects, checks, listedAt: view.listedAt() };
      const decision = decide(plan, observation, journal, now);
      journal = decision.journal;
      report(decision.views, before);
      views = decision.views;
      if (journal.outcome) return finish(journal.outcome, resultWords(journal));
      const due = decision.actions.filter((action) => pauseUntil(action) <= now);
      if (due.length > 0) {
        const sent = await Promise.all(due.filter((a) => a.act !== 'check' || !asking.has(a.check)).map(act));
        if (sent.length > 0) continue;
      }
      const retries = decision.actions.map(pauseUntil).filter((at) => at > now);
      await waitFor(changed, Math.min(decision.wakeAt ?? Number.POSITIVE_INFINITY, ...retries));
    }
  } catch (error) {
    // A bug of ours: what the cluster looks like now matters more than where we were.
    const { message, stack } = error as Error;
    await view.refresh().catch(ignoreClusterError);
    views = plan.members.map((member) =>
      viewOf(member, { ...view.objects, checks, listedAt: 0 }, journal.members[member.name]),
    );
    say('BUG', message, { data: { error: message, stack, journal } });
    return finish(
      'internal',
      `a bug of this tool: ${message}; this is the state of the cluster now, run the same command to go on`,
    );
  } finally {
    signal?.removeEventListener('abort', onSignal);
    stopChecks.abort();
    view.close();
  }

  /** Waits for a change of the cluster, a verdict, a signal, or the time `until`. */
  async function waitFor(changed: Promise<void>, until: number): Promise<void> {
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (signal?.aborted && journal.phase !== 'settling' && journal.phase !== 'returning') return;
    const timer = Number.isFinite(until)
      ? [cluster.sleep(Math.max(0, until - cluster.now().getTime()), over.signal)]
      : [];
    await Promise.race([changed, woken, ...timer]);
    over.abort();
  }
}

function keyOf(action: Action): string {
  return [
    action.act,
    'member' in action ? action.member : '',
    'check' in action ? action.check : '',
    'hash' in action ? action.hash : '',
    'run' in action ? action.run : '',
  ].join(' ');
}

function ignoreClusterError(error: unknown): void {
  if (!(error instanceof ClusterError)) throw error;
}

const PHASE_WORDS: Readonly<Record<Exclude<Journal['phase'], 'over'>, string>> = {
  preparing: 'waiting until every member is prepared',
  switching: 'every member is prepared: switching',
  verifying: 'every member is live on its new revision: verifying',
  settling: 'every verdict is in: the set stays, ending the holds',
  returning: 'bringing every member back to its old revision',
};

function describe(action: Action): string {
  switch (action.act) {
    case 'forget-run':
      return `delete ${action.run}, the analysis of an earlier try of ${action.member}`;
    case 'retry':
      return `give ${action.member}, revision ${action.hash}, another try through its gates`;
    case 'promote':
      return `promote ${action.member}, revision ${action.hash} only`;
    case 'abort':
      return `abort ${action.member}, revision ${action.hash} only`;
    case 'end-hold':
      return `end the hold of ${action.member} (${action.run})`;
    case 'point-service':
      return `put Service ${action.service} on revision ${action.hash} without the controller`;
    case 'restore-template':
      return `put the old template back into ${action.member}`;
    case 'retire':
      return `scale the rejected ReplicaSet ${action.replicaSet} to 0`;
    case 'nudge':
      return `make the controller look at ${action.member} again`;
    case 'check':
      return `ask health check ${action.check}`;
    case 'refresh':
      return 'list everything afresh';
  }
}

function resultWords({ outcome, cause }: Journal): string {
  switch (outcome) {
    case 'promoted':
      return 'promoted: every member is live and stable on its new revision';
    case 'unchanged':
      return 'unchanged: every member is already live and stable on the wanted revision';
    case 'refused':
      return `refused: ${cause?.message}`;
    case 'rolled-back':
      return `rolled back: ${cause?.message}; every member is back on its old revision`;
    case 'superseded':
      return `superseded: ${cause?.message}; nothing of the newer revision was promoted`;
    case 'interrupted':
      return 'interrupted before the first switch: every member is where it was, run the same command to go on';
    case 'stuck':
      return `stuck: ${cause?.message}; neither all new nor all old, a person must act`;
    default:
      return `${outcome}${cause ? `: ${cause.message}` : ''}`;
  }
}
