import { adviceOn } from '../cluster/advice.ts';
import { type Cluster, ClusterError, RESOURCES } from '../cluster/port.ts';
import { openView, type View } from '../cluster/view.ts';
import { begin } from '../core/begin.ts';
import { type Decision, decide, interrupt, newJournal } from '../core/decide.ts';
import { highestEpoch } from '../core/fence.ts';
import { type Ask, EXIT_CODES, type Journal, type Outcome } from '../core/journal.ts';
import { type MemberView, viewOf } from '../core/member.ts';
import type { Observation } from '../core/observation.ts';
import { afterLapse, contradictionIn } from '../core/resume.ts';
import type { Folder } from '../evidence/folder.ts';
import { type Keeper, newKeeper } from '../evidence/keeper.ts';
import { freezeAt } from '../plan/freeze.ts';
import type { Plan } from '../plan/plan.ts';
import type { Emit, Result } from '../report/events.ts';
import { type Acts, ignoreClusterError, newActs } from './acts.ts';
import { acquire, type Holder, type Lock } from './lock.ts';
import { nextSteps } from './next-steps.ts';
import { FIRST_CONTACT, persist } from './persist.ts';
import { type Found, type Record as Journaling, openRecord, readRecord, TakenOver } from './record.ts';
import { type Say, sayTo } from './say.ts';
import { tidy } from './tidy.ts';
import { describe, PHASE_WORDS, resultWords, startWords } from './words.ts';

export interface RunOptions {
  /** What is asked of the release. @default 'promote' */
  readonly ask?: Ask;
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly emit: Emit;
  /** Who runs this, for others who find the release locked: unique to the run. */
  readonly holder: string;
  /** How long to wait for another run that is alive, in milliseconds. @default 0 */
  readonly lockPatience?: number;
  /** Where the evidence of the run is kept. @default none is kept */
  readonly evidence?: Folder;
  /** Keeps Git and its controller in step with the release. @default nothing does */
  readonly companion?: (run: CompanionRun) => Companion;
  /** Aborted when a person asks the run to stop. */
  readonly signal?: AbortSignal;
  /** Why a promotion goes on in a freeze of the policy. @default none: a freeze refuses it */
  readonly breakGlass?: string;
  /** Writes nothing: tells what the run would begin with. @default false */
  readonly isDryRun?: boolean;
}

/** What a run offers its companion. */
export interface CompanionRun {
  readonly epoch: number;
  readonly say: Say;
  readonly view: View;
  readonly signal?: AbortSignal | undefined;
}

/** What keeps step with a release beside the cluster: Git, and whatever syncs from it. It tells what it cannot do, and never throws. */
export interface Companion {
  /** Before a release begins anew: ends what an earlier run may have left in the way of it. */
  readonly begin: () => Promise<void>;
  /** Before the first act by which the cluster asks for something else than Git: keeps that from being undone. */
  readonly hold: () => Promise<void>;
  /** Once the release has ended so, while nobody else may act on it. */
  readonly over: (journal: Journal, outcome: Outcome, plan: Plan, o: Observation) => Promise<InStep>;
  readonly close: () => void;
}

/** Whether a person has to see to Git: not where the companion has, or has said what is to be done. */
export type InStep = 'seen-to' | 'not-concerned';

/** How long a run goes on without an answer of the cluster before it ends as `unreachable`, in milliseconds. */
const BLIND_LIMIT = 60_000;
/** How long to wait before the journal is written again after it could not be, in milliseconds. */
const SAVE_AGAIN = 1_000;

/** How a run ends, in a word and a sentence. */
interface End {
  readonly outcome: Outcome;
  readonly message: string;
}

/**
 * Takes a release, as a set, where `ask` wants it, or leaves it where it was; first ends what an earlier run left unfinished.
 * Observe, decide, write down, act, read back, until the release is over. Driven by what the cluster reports; never throws
 * for anything that the cluster does.
 */
export async function carryOut({
  ask = 'promote',
  plan,
  cluster,
  emit,
  holder,
  lockPatience = 0,
  evidence,
  companion: companionOf,
  signal,
  breakGlass,
  isDryRun = false,
}: RunOptions): Promise<Result> {
  const startedAt = cluster.now().getTime();
  const say = sayTo((event) => {
    keeper?.note(event);
    emit(event);
  }, cluster.now);
  const keeper: Keeper | undefined = evidence && newKeeper(plan, cluster, evidence, say);
  const names = plan.members.map((member) => member.name);
  const { release, version } = plan.policy;
  say('STARTED', startWords(ask, plan, cluster.namespace), {
    data: { ask, release, version: version ?? null, namespace: cluster.namespace, members: names },
  });

  let isToldUnreadable = false;
  let journal = newJournal(startedAt);
  let views: readonly MemberView[] = [];
  let view: View | undefined;
  let lock: Lock | undefined;
  let acts: Acts | undefined;
  let companion: Companion | undefined;
  let inStep: InStep = 'not-concerned';
  let wake: () => void = () => {};
  const onSignal = () => wake();
  signal?.addEventListener('abort', onSignal);

  try {
    const end = await run();
    const isSettled = ask !== 'abort' && ['promoted', 'unchanged', 'restored'].includes(end.outcome);
    if (isSettled) await tidy({ plan, cluster, say, isDryRun, signal });
    return await finish(end);
  } catch (error) {
    return await finish(await explain(error));
  } finally {
    signal?.removeEventListener('abort', onSignal);
    acts?.stop();
    companion?.close();
    view?.close();
    await lock?.release();
  }

  async function run(): Promise<End> {
    const seen = await openView(cluster, RESOURCES, (perform) => persist(cluster, perform, FIRST_CONTACT));
    view = seen;
    const found = believed(await persist(cluster, () => readRecord(cluster, plan)), observe(seen));
    const now = cluster.now().getTime();
    const first = begin(ask, { ...found, plan, observation: observe(seen), now });
    if ('outcome' in first) return first;
    const decision = decide(first.planAt(observe(seen)), observe(seen), first.journal, now, 0);
    // What needs no write needs no lock.
    if (decision.journal.outcome === 'usage' || (decision.journal.outcome && !found.left))
      return over(decision.journal);
    // A release that has begun is ended, whatever the day: left half-way it would be worse off.
    const frozen = ask === 'promote' && !found.left ? freezeAt(plan.policy.freezes, cluster.now()) : undefined;
    if (frozen && breakGlass === undefined) {
      const why = `release ${release} is frozen until ${frozen.until}: ${frozen.reason}`;
      return {
        outcome: 'refused',
        message: `refused, nothing was written: ${why}; if it cannot wait, --break-glass "the reason"`,
      };
    }
    if (frozen)
      say('FROZEN', `going on in a freeze (until ${frozen.until}: ${frozen.reason}): ${breakGlass}`, { data: frozen });
    if (isDryRun) return tryOut(decision);

    const above = highestEpoch(decision.views, observe(seen));
    // Whoever asks to abort means it, whatever another run is doing: the fence shuts that one out.
    const patience = ask === 'abort' ? 'none' : lockPatience;
    const onWait = (other: Holder) =>
      say('LOCK_WAIT', `waiting for ${other.holder}, acting on release ${release} since ${other.since}`, {
        data: other,
      });
    const taken = await acquire(cluster, { release, holder, above, patience, signal, onWait });
    if ('holder' in taken) {
      return {
        outcome: 'locked',
        message: `locked: ${taken.holder} has been acting on release ${release} since ${taken.since}`,
      };
    }
    lock = taken;
    acts = newActs(cluster, seen, taken.epoch, say, () => wake(), keeper);
    companion = companionOf?.({ epoch: taken.epoch, say, view: seen, signal });
    const record = await persist(cluster, () => openRecord(cluster, plan, taken.epoch));
    for (let { left } = believed(record.found, observe(seen)); ; left = undefined) {
      // Others may have acted until the lock was taken; a promotion lists everything afresh before its first write anyway.
      if (ask !== 'promote' || left !== record.found.left) await seen.refresh((perform) => persist(cluster, perform));
      const beginning = begin(ask, {
        plan,
        observation: observe(seen),
        left,
        history: record.history(),
        now: cluster.now().getTime(),
      });
      if ('outcome' in beginning) return beginning;
      journal = beginning.journal;
      const { isResumed, isBefore, planAt } = beginning;
      if (isResumed) {
        const what = isBefore ? 'first ending what an earlier run left' : 'going on where an earlier run stopped';
        say('RESUMED', `${what}: ${PHASE_WORDS[journal.phase as 'returning']}`, { data: { phase: journal.phase } });
      } else if (ask !== 'rollback') await companion?.begin();
      keeper?.begin();
      const end = await drive(seen, acts, taken, record, planAt);
      if (!isBefore || !['promoted', 'restored', 'superseded', 'rolled-back', 'refused'].includes(end.outcome))
        return end;
    }
  }

  /** What earlier runs wrote down, without a journal that cannot be believed: the live objects tell what it would. */
  function believed(found: Found, observation: Observation): Found {
    const problem = found.unreadable ?? (found.left && contradictionIn(found.left.journal, observation));
    if (problem === undefined) return found;
    if (!isToldUnreadable)
      say(
        'JOURNAL_UNREADABLE',
        `the journal of release ${release} cannot be believed (${problem}): judging by the live objects`,
      );
    isToldUnreadable = true;
    return { ...found, left: undefined };
  }

  /** What the run would do first, in words. */
  function tryOut(decision: Decision): End {
    report(decision.views, journal);
    const acts = decision.actions.filter(({ act }) => !['claim', 'refresh', 'nudge'].includes(act));
    for (const action of acts) say('WOULD', `would ${describe(action)}`, { data: action });
    const { cause } = decision.journal;
    if (cause && ask === 'promote')
      return { outcome: 'refused', message: `dry run, nothing was written: it would be refused: ${cause.message}` };
    const next = decision.journal.phase === 'over' ? '' : `; next: ${PHASE_WORDS[decision.journal.phase]}`;
    return { outcome: 'unchanged', message: `dry run, nothing was written${next}` };
  }

  /** Runs the release from where `journal` is until it is over. */
  async function drive(
    view: View,
    acts: Acts,
    lock: Lock,
    record: Journaling,
    planAt: (o: Observation) => Plan,
  ): Promise<End> {
    /** Since when this run cannot keep its lock, or write down what it decides: it may not act, and must not wait for ever. */
    let unheldSince: number | undefined;
    let unsaved: { since: number; why: string } | undefined;
    let isSaved = false;
    let [isHolding, isOver] = [false, false];
    let lapsed = lock.lapsed();
    for (;;) {
      const now = cluster.now().getTime();
      // Made before anything is looked at, so that what happens meanwhile is not slept through.
      const changed = Promise.race([view.changed(), woken()]);
      const takenBy = lock.takenBy();
      if (takenBy !== undefined) return takenOver(takenBy);
      unheldSince = lock.isHeld() ? undefined : (unheldSince ?? now);
      const blindSince = view.blindSince() ?? unheldSince ?? unsaved?.since;
      const why = view.blindTo() ?? (unheldSince === undefined ? unsaved?.why : lock.problem()) ?? 'no answer';
      if (blindSince !== undefined && now - blindSince >= BLIND_LIMIT) {
        const message = `the cluster has not answered for ${BLIND_LIMIT / 1000} s (${why}); this is its last known state, run the same command to go on`;
        return { outcome: 'unreachable', message };
      }
      if (blindSince !== undefined && blindSince !== unsaved?.since) {
        say('BLIND', `the cluster does not answer, waiting for it: ${why}`, {
          data: { since: new Date(blindSince).toISOString() },
        });
        await waitFor(changed, Math.min(blindSince + BLIND_LIMIT, now + SAVE_AGAIN));
        continue;
      }
      const before = journal;
      journal = afterLapse(journal, lock.lapsed() - lapsed);
      lapsed = lock.lapsed();
      if (signal?.aborted) journal = interrupt(journal, now);
      const observation = observe(view);
      const current = planAt(observation);
      const decision = decide(current, observation, journal, now, lock.epoch);
      if (highestEpoch(decision.views, observation) > lock.epoch) return takenOver('a later run');
      journal = decision.journal;
      report(decision.views, before);
      views = decision.views;
      keeper?.see(observation);
      const saved: Promise<void> | undefined = journal.cause && !isSaved ? keeper?.save(journal, views) : undefined;
      if (saved) isSaved = true;
      // Not over in the journal before Git is seen to: a run that is killed meanwhile is gone on with.
      if (journal.outcome && companion && !isOver) {
        await saved;
        inStep = await companion.over(journal, journal.outcome, current, observation);
        isOver = true;
      }
      try {
        await Promise.all([record.save(journal), saved]);
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        say('ACT_FAILED', `write the journal: ${error.message}`);
        unsaved = { since: unsaved?.since ?? now, why: error.message };
        await waitFor(changed, now + SAVE_AGAIN);
        continue;
      }
      unsaved = undefined;
      if (journal.outcome) return over(journal);
      const due = decision.actions.filter((action) => acts.dueAt(action) <= now);
      if (companion && !isHolding && due.some(({ act }) => act === 'restore-template')) {
        await companion.hold();
        isHolding = true;
        continue;
      }
      if (due.length > 0 && lock.isHeld()) {
        await Promise.all(due.map((action) => acts.perform(action, current.policy)));
        continue;
      }
      const later = decision.actions.map((action) => acts.dueAt(action)).filter((at) => at > now);
      await waitFor(changed, Math.min(decision.wakeAt ?? Number.POSITIVE_INFINITY, ...later));
    }
  }

  function observe(view: View): Observation {
    return {
      ...view.objects,
      checks: acts?.verdicts ?? new Map(),
      ...(keeper ? { collected: keeper.collected } : {}),
      listedAt: view.listedAt(),
    };
  }

  /** Resolves at the next verdict or signal. */
  function woken(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
    });
  }

  /** Waits for a change of the cluster, a verdict, a signal, or the time `until`. */
  async function waitFor(changed: Promise<void>, until: number): Promise<void> {
    const cancel = new AbortController();
    if (signal?.aborted && journal.phase !== 'settling' && journal.phase !== 'returning') return;
    const timer = Number.isFinite(until)
      ? [cluster.sleep(Math.max(0, until - cluster.now().getTime()), cancel.signal)]
      : [];
    await Promise.race([changed, ...timer]);
    // A reason of its own, so that none is made with a stack each time.
    cancel.abort('over');
  }

  function report(decided: readonly MemberView[], before: Journal): void {
    for (const v of decided) {
      const old = views.find((o) => o.member.name === v.member.name);
      const isNews = (['stage', 'reason', 'active', 'stable'] as const).some((field) => old?.[field] !== v[field]);
      if (!isNews) continue;
      say('MEMBER', `${v.member.name} is ${v.stage}: ${v.reason}`, {
        member: v.member.name,
        data: { stage: v.stage, current: v.current ?? null, stable: v.stable ?? null, active: v.active ?? null },
      });
    }
    const { cause, phase } = journal;
    if (cause && cause !== before.cause) {
      say('GOING_BACK', cause.message, { ...(cause.member ? { member: cause.member } : {}), data: { cause } });
    }
    if (phase !== before.phase && phase !== 'over') say('PHASE', PHASE_WORDS[phase], { data: { phase } });
  }

  function takenOver(by: string): End {
    return {
      outcome: 'locked',
      message: `locked: ${by} has taken release ${release} over from this run, which stopped acting`,
    };
  }

  /** What an error means for the run: something about the cluster, or a bug of ours. */
  async function explain(error: unknown): Promise<End> {
    if (error instanceof TakenOver) return takenOver('a later run');
    if (error instanceof ClusterError) {
      return {
        outcome: error.code === 'unreachable' ? 'unreachable' : 'usage',
        message: `${error.message}; ${adviceOn(error)}`,
      };
    }
    // What the cluster looks like now matters more than where we were.
    const { message, stack } = error as Error;
    if (view) {
      await view.refresh().catch(ignoreClusterError);
      const observation = observe(view);
      views = plan.members.map((member) => viewOf(member, observation, journal.members[member.name]));
    }
    say('BUG', message, { data: { error: message, stack, journal } });
    return {
      outcome: 'internal',
      message: `a bug of this tool: ${message}; this is the state of the cluster now, run the same command to go on`,
    };
  }

  async function finish({ outcome, message }: End): Promise<Result> {
    const durationMs = cluster.now().getTime() - startedAt;
    for (const step of nextSteps(outcome, journal, views, cluster.namespace, inStep === 'seen-to')) say('NEXT', step);
    if (view && !['unchanged', 'interrupted', 'unreachable', 'locked'].includes(outcome)) await collectRest();
    const result: Result = {
      outcome,
      exitCode: EXIT_CODES[outcome],
      release,
      members: names.map((name) => {
        const seen = views.find((v) => v.member.name === name);
        const known = journal.members[name];
        return {
          name,
          from: known?.from ?? null,
          to: known?.to ?? null,
          active: seen?.active ?? null,
          stable: seen?.stable ?? null,
        };
      }),
      durationMs,
      apiRequests: cluster.requests(),
    };
    await keeper?.finish(result, message);
    say('RESULT', message, { data: result, level: result.exitCode === 0 ? 'info' : 'error' });
    return result;
  }

  /** Of what was not retired, pods are there still: those that went live, or that nobody gates. */
  async function collectRest(): Promise<void> {
    const sets = Object.entries(journal.members).flatMap(([name, { to }]) => (to ? [`${name}-${to}`] : []));
    await Promise.all(sets.map((replicaSet) => keeper?.collect(replicaSet)));
  }
}

function over(journal: Journal): End {
  return { outcome: journal.outcome ?? 'internal', message: resultWords(journal) };
}
