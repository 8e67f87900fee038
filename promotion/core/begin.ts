import { SCALE_DOWN_DEADLINE } from '../cluster/objects.ts';
import type { Member, Plan } from '../plan/plan.ts';
import type { Policy } from '../plan/policy.ts';
import { newJournal } from './decide.ts';
import { type History, releaseBefore } from './history.ts';
import type { Ask, Cause, Journal, MemberJournal } from './journal.ts';
import { isObserved, type MemberView, replicaSetOf, replicasOf, viewOf } from './member.ts';
import type { Observation } from './observation.ts';
import { livePlan, planToEnd, resumed, toBeEnded } from './resume.ts';
import { templateOf } from './template.ts';

/** How a run begins. */
export type Beginning =
  /** With that journal, by the plan as it is at each moment; `isBefore`: to end what another run left, then begin again. */
  | {
      readonly journal: Journal;
      readonly planAt: (o: Observation) => Plan;
      readonly isBefore?: true;
      readonly isResumed?: true;
    }
  /** Not at all, and nothing is written. */
  | { readonly outcome: 'usage' | 'refused'; readonly message: string };

/** What a run begins from. `left` is what an earlier run did not end, and whether it was of these same manifests. */
export interface Start {
  readonly plan: Plan;
  readonly observation: Observation;
  readonly left: { readonly journal: Journal; readonly isSamePlan: boolean } | undefined;
  readonly history: History;
  readonly now: number;
}

const BEGINNINGS: Readonly<Record<Ask, (start: Start) => Beginning>> = { promote, abort, rollback, settle };

/** How a run of that command begins: a pure function of what is seen and of what runs before it left. */
export function begin(ask: Ask, start: Start): Beginning {
  return BEGINNINGS[ask](start);
}

function promote({ plan, left, now }: Start): Beginning {
  const fresh = { journal: newJournal(now), planAt: () => plan };
  if (!left) return fresh;
  if (left.isSamePlan && left.journal.ask !== 'rollback')
    return { journal: resumed(left.journal, now), planAt: () => plan, isResumed: true };
  const unfinished = toBeEnded(left.journal, now);
  return unfinished ? ending(plan, unfinished) : fresh;
}

/** Ends what another run left, by a plan made of what the Rollouts run. */
function ending(plan: Plan, journal: Journal): Beginning {
  return { journal, planAt: (o) => planToEnd(plan, journal, o), isBefore: true, isResumed: true };
}

const ASKED: Cause = { code: 'asked', message: 'a person asked for it' };

function abort({ plan, observation, left, now }: Start): Beginning {
  if (left?.journal.phase === 'settling') {
    return usage(
      'it is decided already that this release stays, it is settling: `rollback` takes a settled release back',
    );
  }
  const members: Record<string, MemberJournal> = {};
  for (const view of viewsOf(plan, observation)) {
    const { name } = view.member;
    const known = left?.journal.members[name];
    const { rollout, current, stable } = view;
    if (!rollout?.metadata.uid) return usage(`no Rollout ${name} in the cluster: nothing to abort`);
    const isKnown = known?.uid === rollout.metadata.uid && (current === known.to || current === known.from);
    if (isKnown && known.from && known.from !== known.to) members[name] = known;
    else if (stable && (current !== stable || !isObserved(rollout)))
      members[name] = {
        uid: rollout.metadata.uid,
        from: stable,
        ...(isObserved(rollout) && current ? { to: current } : {}),
        switched: view.active === current,
        unchanged: false,
        asked: {},
      };
  }
  if (Object.keys(members).length === 0) {
    return usage('nothing to abort: no member is between two revisions; `rollback` takes a settled release back');
  }
  const journal: Journal = { ...newJournal(now, 'abort'), phase: 'returning', members, cause: ASKED };
  return { journal, planAt: (o) => livePlan(plan, o), ...(left ? { isResumed: true } : {}) };
}

function settle(start: Start): Beginning {
  const { plan, observation, left, now } = start;
  if (left?.journal.phase === 'returning') return usage('this release is going back: `promote` or `abort` ends that');
  if (left?.journal.phase === 'settling') return promote(start);
  const known = left?.isSamePlan ? left.journal.members : {};
  const views = plan.members.map((member) => viewOf(member, observation, known[member.name]));
  const notLive = views.filter(({ stage }) => !['held', 'settling', 'settled'].includes(stage));
  if (notLive.length > 0) {
    const states = notLive.map(({ member, stage, reason }) => `${member.name} is ${stage} (${reason})`);
    return usage(
      `only a set that is live on these manifests can settle: ${states.join('; ')}; \`promote\` takes it live`,
    );
  }
  if (views.every(({ stage }) => stage === 'settled'))
    return { journal: newJournal(now, 'settle'), planAt: () => plan };
  const journal: Journal = { ...newJournal(now, 'settle'), phase: 'verifying', members: known };
  return { journal, planAt: () => plan };
}

/** The least time that old pods must stay up for going back to them at once, in milliseconds. */
const LEAST_TIME_UP = 15_000;

function rollback(start: Start): Beginning {
  const { plan, observation: o, left, history, now } = start;
  if (left?.journal.phase === 'settling' && left.journal.ask !== 'rollback')
    return ending(plan, resumed(left.journal, now));
  if (left && left.journal.ask !== 'rollback')
    return usage('a release is under way, and has not settled: `abort` brings it back');
  if (left?.journal.phase === 'returning')
    return { journal: resumed(left.journal, now), planAt: (at) => planToEnd(plan, left.journal, at), isResumed: true };
  const views = viewsOf(plan, o);
  const unsettled = views.find(
    ({ rollout, current, stable }) => !rollout || !isObserved(rollout) || current !== stable,
  );
  if (unsettled && !left) {
    return usage(
      `${unsettled.member.name} is ${unsettled.stage} (${unsettled.reason}): only a settled set is rolled back; \`abort\` brings back one that is not`,
    );
  }
  const known = left?.journal.members ?? {};
  const live = Object.fromEntries(
    views.map(({ member: { name }, stable = '' }) => [name, known[name]?.from ?? stable]),
  );
  const target = releaseBefore(history, live);
  if (!target) {
    return usage(
      'no release is known to have settled before this one: apply the manifests of the version to go back to, and promote them',
    );
  }
  const targets = views.map((view) => targetOf(view, target.revisions[view.member.name], o, now));
  const lost = targets.flatMap(({ problem }) => problem ?? []);
  if (lost.length > 0) {
    const message = `refused: there is no way back to ${target.version ?? 'the release before'}: ${lost.join('; ')}; apply the manifests of that version, and promote them`;
    return { outcome: 'refused', message };
  }
  // At once where all old pods are still up; otherwise the whole set goes through its gates, because together is only
  // possible in one of the two ways.
  if (left || !targets.every((t) => t.isUp)) {
    const wanted = { ...plan, members: targets.map((t) => t.member), policy: ofAnyVersion(plan.policy) };
    const journal = left ? resumed(left.journal, now) : newJournal(now, 'rollback');
    return { journal, planAt: () => wanted, ...(left ? { isResumed: true } : {}) };
  }
  const members = Object.fromEntries(targets.map((t) => [t.member.name, t.entry]));
  const journal: Journal = { ...newJournal(now, 'rollback'), phase: 'returning', members, cause: ASKED };
  return { journal, planAt: (at) => planToEnd(plan, journal, at) };
}

/** The policy with health checks that do not insist on the version of these manifests: it is the one that goes. */
function ofAnyVersion(policy: Policy): Policy {
  const healthChecks = policy.healthChecks.map(({ expect: { version: _, ...expect }, ...check }) => ({
    ...check,
    expect,
  }));
  return { ...policy, healthChecks };
}

/** One member of a rollback: what it goes back to, and whether its pods are still up. */
function targetOf(view: MemberView, hash: string | undefined, o: Observation, now: number) {
  const { rollout, stable } = view;
  const set = rollout && hash ? replicaSetOf(o, rollout, hash) : undefined;
  const isThere = stable === hash;
  const deadline = Date.parse(set?.metadata.annotations?.[SCALE_DOWN_DEADLINE] ?? '');
  const member: Member = {
    ...view.member,
    ...(set ? { template: templateOf(set) } : {}),
    ...(hash ? { revision: hash } : {}),
  };
  const entry: MemberJournal = {
    uid: rollout?.metadata.uid ?? '',
    ...(hash ? { from: hash } : {}),
    ...(stable ? { to: stable } : {}),
    switched: !isThere,
    unchanged: isThere,
    asked: {},
  };
  return {
    member,
    entry,
    isUp:
      isThere ||
      (rollout !== undefined &&
        (set?.status?.availableReplicas ?? 0) >= replicasOf(rollout) &&
        (Number.isNaN(deadline) || deadline - now > LEAST_TIME_UP)),
    ...(set?.spec.template
      ? {}
      : { problem: `the ReplicaSet of ${view.member.name}'s revision ${hash ?? 'then'} is gone` }),
  };
}

function viewsOf(plan: Plan, o: Observation): MemberView[] {
  return livePlan(plan, o).members.map((member) => viewOf(member, o, undefined));
}

function usage(message: string): Beginning {
  return { outcome: 'usage', message };
}
