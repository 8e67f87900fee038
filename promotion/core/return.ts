import { POD_HASH, type ReplicaSet, type Rollout } from '../cluster/objects.ts';
import type { Plan } from '../plan/plan.ts';
import { type Action, end, type Situation, type Step } from './decide.ts';
import type { Cause, Journal, MemberJournal, Outcome } from './journal.ts';
import { isObserved, type MemberView, replicaSetOf, replicasOf } from './member.ts';
import { type Observation, ownedBy } from './observation.ts';
import { handOver } from './ownership.ts';
import { riddanceProblem, routedProblem, servingProblem } from './serving.ts';
import { endHoldOf } from './settle.ts';
import { promoteAction } from './switch.ts';
import { difference, templateOf } from './template.ts';

/** How long the controller has to bring a Service back by itself, in milliseconds; it needs well under one second. */
export const CONTROLLER_GRACE = 5_000;

/**
 * Brings every member back to its old revision: those not switched at once, the switched ones in reverse order. Where
 * the controller does not move the Service, the promoter does. Traffic counts as back when the live active Service
 * selects the old revision and its ready endpoints are of nothing else. Once that holds for all of them, evidence is collected of the
 * rejected ReplicaSets and they are retired, because `retry` or a re-apply would take them live past every gate while they are up; before,
 * that would keep API server and controller from the members whose traffic is not back, so it waits for them, but not for ever.
 */
export function giveBack(s: Situation): Step {
  const { plan, views, journal, now } = s;
  const deadline = journal.since + plan.policy.timeouts.returnSeconds * 1000;
  const steps = views.map((view) => ({ view, step: memberStep(view, s) }));
  const open = steps.filter(({ step }) => !step.done);
  if (open.length === 0) return end(s, outcomeOf(journal));
  if (now >= deadline) {
    // Traffic is what was promised; an abort that nobody acknowledged (no controller) is told, not waited for.
    return end(s, open.every(({ step }) => step.trafficIsBack) ? outcomeOf(journal) : 'stuck');
  }
  const last = Math.max(
    ...open.filter(({ view, step }) => isSwitched(view, s) && !step.trafficIsBack).map(({ view }) => view.member.order),
  );
  const inOrder = (view: MemberView) =>
    !isSwitched(view, s) || view.member.order >= last || now >= journal.since + CONTROLLER_GRACE;
  const cleanUpAt = steps.every(({ step }) => step.trafficIsBack) ? now : journal.since + partOf(0.25, plan);
  const mayAct = ({ view, step }: (typeof open)[number]) => inOrder(view) && (!step.cleansUp || now >= cleanUpAt);
  return {
    actions: open.filter(mayAct).flatMap(({ step }) => step.actions),
    wakeAt: Math.min(
      deadline,
      ...open.map(({ step }) => (step.cleansUp && now < cleanUpAt ? cleanUpAt : (step.wakeAt ?? deadline))),
    ),
  };
}

/** That part of the time to return, in milliseconds. */
const partOf = (part: number, { policy }: Plan): number => part * policy.timeouts.returnSeconds * 1000;

interface MemberStep {
  readonly done: boolean;
  readonly trafficIsBack: boolean;
  readonly actions: readonly Action[];
  /** Its traffic is back, and what is left is to do away with what was rejected. */
  readonly cleansUp?: true;
  readonly wakeAt?: number;
}

const DONE: MemberStep = { done: true, trafficIsBack: true, actions: [] };

function memberStep(view: MemberView, s: Situation): MemberStep {
  const entry = s.journal.members[view.member.name];
  const { rollout, current, stable } = view;
  const { canary, name: member } = view.member;
  const isUntouched = !hasShareOfPods(view) && !entry?.switched;
  // Before the first switch a signal only stops the run, but for a canary that has some of the traffic by then.
  if (s.journal.cause?.code === 'interrupted' && !anySwitched(s.journal) && isUntouched) return DONE;
  // There is no way back from a first deployment.
  if (!entry?.from || !rollout || entry.unchanged || entry.uid !== rollout.metadata.uid) return DONE;
  const { from, to, uid } = entry;
  const { generation = 1 } = rollout.metadata;
  // What is superseded before its switch stays prepared: the newer release may ask for just this revision of the member.
  if (s.journal.cause?.code === 'superseded' && isUntouched && current === to) return DONE;
  const trafficIsBack = isBack(view, entry, s);
  // Its Service first: with no hash there, any change of the Rollout takes the new revision live, an abort as well.
  if (view.stage === 'unguarded') return { done: false, trafficIsBack, ...pointService(view, entry, s, { grace: 0 }) };
  // Aborted before the controller has taken it up, it would come up later with nobody to abort it.
  if (!to && s.journal.ask === 'abort' && view.stage === 'unobserved')
    return { done: false, trafficIsBack, actions: [] };
  // What is asked of the revision before it might meet the newer one.
  if (to && isTemplatePending(view, rollout, to, s.observation))
    return { done: false, trafficIsBack, ...(trafficIsBack ? { actions: [] } : withoutController(view, entry, s)) };
  if (!to || (current !== to && current !== from)) {
    // Not taken up yet, or a newer revision: neither is ours to abort. The traffic is, and what was judged must not come
    // back ungated while its pods are still up.
    if (!trafficIsBack) return { done: false, trafficIsBack, ...withoutController(view, entry, s) };
    return to ? retire(view, to, s) : DONE;
  }
  if (current === from) {
    // The old revision was good before this release, so a settled canary goes back past its steps.
    if (canary && stable !== from) {
      const full: Action[] = rollout.status?.promoteFull
        ? []
        : [{ act: 'promote-full', member, uid, generation, hash: from }];
      return { done: false, trafficIsBack, actions: full };
    }
    const paused = rollout.status?.pauseConditions?.[0]?.reason === 'BlueGreenPause' && view.active !== from;
    if (paused) return { done: false, trafficIsBack, actions: promoteAction(view, uid) };
    if (!trafficIsBack) return { done: false, trafficIsBack, ...withoutController(view, entry, s) };
    // The old revision was good before this release: nothing is to be verified, and its hold would bring the new one back.
    if (stable !== from) return { done: false, trafficIsBack, actions: endHoldOf(view, s.observation) };
    const handover = handOver(view);
    if (handover.length > 0) return { done: false, trafficIsBack, actions: handover };
    return refilled(view, entry, s) ?? retire(view, to, s);
  }
  if (stable === to) {
    const set = replicaSetOf(s.observation, rollout, from);
    const restore: Action[] =
      set?.spec.template && isObserved(rollout)
        ? [{ act: 'restore-template', member, uid, generation, hash: to, template: templateOf(set) }]
        : [];
    return { done: false, trafficIsBack, actions: restore };
  }
  const { abort, abortedAt } = rollout.status ?? {};
  if (!abort && !abortedAt)
    return { done: false, trafficIsBack, actions: [{ act: 'abort', member, uid, generation, hash: to }] };
  if (trafficIsBack && abortedAt) return refilled(view, entry, s) ?? retire(view, to, s);
  return { done: false, trafficIsBack, ...withoutController(view, entry, s) };
}

/**
 * Whether the Rollout has a template that the controller has not taken up yet. That it has observed the spec does not say so: of one
 * apply it takes up a change of replicas first, still under the old hash.
 */
function isTemplatePending({ current, stage }: MemberView, rollout: Rollout, to: string, o: Observation): boolean {
  if (stage === 'superseded') return !isObserved(rollout) || current === to;
  const { template } = rollout.spec;
  const set = template && replicaSetOf(o, rollout, current ?? '');
  return set?.spec.template !== undefined && difference(templateOf(set), template) !== undefined;
}

/** Whether a member's traffic is back on its old revision, or, where a newer one came in, off the rejected one. */
function isBack(view: MemberView, { from, to }: MemberJournal, s: Situation): boolean {
  const { active, current, member, rollout } = view;
  if (!from || active !== from) return false;
  // A newer canary has its own share by then, which is its own release's to judge.
  const isNewer = hasShareOfPods(view) && to && current !== from && current !== to;
  if (isNewer) return riddanceProblem(s.observation, member, to) === undefined;
  if (servingProblem(s.observation, member, from)) return false;
  const isRouted = member.canary?.routed !== undefined;
  return !isRouted || !rollout || !to || routedProblem(s.observation, member, rollout, to) === undefined;
}

/** Whether it is a canary that gets its traffic by its number of pods: with its first pod, and for as long as it has one. */
function hasShareOfPods({ member: { canary } }: MemberView): boolean {
  return canary !== undefined && canary.routed === undefined;
}

/** What is waited for while the old revision of a canary has its traffic back, but not the pods that it had given away. */
function refilled(view: MemberView, entry: MemberJournal, s: Situation): MemberStep | undefined {
  const { rollout } = view;
  const set = rollout && replicaSetOf(s.observation, rollout, entry.from ?? '');
  if (!hasShareOfPods(view) || !rollout || (set?.status?.availableReplicas ?? 0) >= replicasOf(rollout))
    return undefined;
  return { done: false, trafficIsBack: true, ...movePods(view, entry, s) };
}

/** What the promoter does itself where the controller does not bring the traffic back. */
function withoutController(
  view: MemberView,
  entry: MemberJournal,
  s: Situation,
): Pick<MemberStep, 'actions' | 'wakeAt'> {
  if (hasShareOfPods(view)) return movePods(view, entry, s);
  const { activeService, previewService } = view.member;
  const isRouted = view.member.canary?.routed !== undefined;
  // With a router each of the two Services has its part of the traffic: whatever the weights, they lead to the old revision then.
  const steps = [activeService, ...(isRouted && previewService ? [previewService] : [])].map((service) =>
    pointService(view, entry, s, { service }),
  );
  const wakeAt = steps.flatMap((step) => step.wakeAt ?? []);
  return {
    actions: steps.flatMap(({ actions }) => actions),
    ...(wakeAt.length > 0 ? { wakeAt: Math.min(...wakeAt) } : {}),
  };
}

/**
 * Gives the old revision of a canary its pods back, and takes those of the new one once they are there. Only where the
 * controller does not do it: it has not taken up the newest spec or the abort, or somebody has paused the Rollout.
 */
function movePods({ member, rollout }: MemberView, { asked, from, to }: MemberJournal, s: Situation) {
  if (!rollout || !from || !to) return { actions: [] };
  const { abort, abortedAt } = rollout.status ?? {};
  if (isObserved(rollout) && !rollout.spec.paused && (!abort || abortedAt)) return { actions: [] };
  const since = (asked.abort ?? s.journal.since) + CONTROLLER_GRACE;
  if (s.now < since) return { actions: [], wakeAt: since };
  const old = replicaSetOf(s.observation, rollout, from);
  const wanted = replicasOf(rollout);
  if ((old?.status?.availableReplicas ?? 0) >= wanted)
    return { actions: retireAction(member.name, replicaSetOf(s.observation, rollout, to)) };
  const { name, uid, resourceVersion } = old?.metadata ?? {};
  const isFull = (old?.spec.replicas ?? 0) >= wanted;
  if (isFull || !name || !uid || !resourceVersion) return { actions: [] };
  const refill: Action = {
    act: 'refill',
    member: member.name,
    replicaSet: name,
    uid,
    resourceVersion,
    replicas: wanted,
  };
  return { actions: [refill] };
}

/** Moves a Service without the controller, once that had its time. */
function pointService(
  view: MemberView,
  entry: MemberJournal,
  s: Situation,
  { grace = CONTROLLER_GRACE, service: name = view.member.activeService } = {},
): { actions: Action[]; wakeAt?: number } {
  const service = s.observation.services.get(name);
  const { uid, resourceVersion } = service?.metadata ?? {};
  const selected = service?.spec.selector?.[POD_HASH];
  if (!service || !uid || !resourceVersion || !entry.from || selected === entry.from) return { actions: [] };
  if (isWorse(view, entry.from, selected, s)) return { actions: [] };
  const since = entry.asked.abort ?? entry.asked['restore-template'] ?? s.journal.since;
  if (s.now < since + grace) return { actions: [], wakeAt: since + grace };
  return {
    actions: [
      {
        act: 'point-service',
        member: view.member.name,
        service: service.metadata.name,
        uid,
        resourceVersion,
        selector: service.spec.selector ?? {},
        hash: entry.from,
      },
    ],
  };
}

/** Whether the old revision has no available pod while what the Service selects now has some: that would be an outage. */
function isWorse(
  { rollout }: MemberView,
  from: string,
  selected: string | undefined,
  { observation }: Situation,
): boolean {
  if (!rollout) return false;
  const available = (hash: string) => replicaSetOf(observation, rollout, hash)?.status?.availableReplicas ?? 0;
  // A Service without a hash selects the pods of every revision.
  const hasSome = selected
    ? available(selected) > 0
    : [...observation.replicaSets.values()].some(
        (set) => ownedBy(set, rollout.metadata.uid) && (set.status?.availableReplicas ?? 0) > 0,
      );
  return available(from) === 0 && hasSome;
}

/** Retires what was rejected, once it is known what its pods leave behind. */
function retire(view: MemberView, to: string, { observation, journal, plan, now }: Situation): MemberStep {
  const set = view.rollout && replicaSetOf(observation, view.rollout, to);
  const actions = retireAction(view.member.name, set);
  if (!set || actions.length === 0) return DONE;
  // The second half of the time to return is for retiring, whatever is still being collected.
  const collectUntil = journal.since + partOf(0.5, plan);
  const isCollected = observation.collected?.has(set.metadata.name) ?? true;
  if (!isCollected && now < collectUntil) {
    const collect = { act: 'collect', member: view.member.name, replicaSet: set.metadata.name } as const;
    return { done: false, trafficIsBack: true, cleansUp: true, actions: [collect], wakeAt: collectUntil };
  }
  return { done: false, trafficIsBack: true, cleansUp: true, actions };
}

function isSwitched(view: MemberView, { journal }: Situation): boolean {
  return journal.members[view.member.name]?.switched === true;
}

function anySwitched(journal: Journal): boolean {
  return Object.values(journal.members).some((member) => member.switched);
}

function outcomeOf(journal: Journal): Outcome {
  const code: Cause['code'] | undefined = journal.cause?.code;
  if (code === 'asked') return 'restored';
  if (code === 'superseded') return 'superseded';
  if (anySwitched(journal)) return 'rolled-back';
  return code === 'interrupted' ? 'interrupted' : 'refused';
}

/** Scales a ReplicaSet of a member to 0, if it is still as it was seen; nothing where it is down already, or gone. */
export function retireAction(member: string, set: ReplicaSet | undefined): Action[] {
  const { name, uid, resourceVersion } = set?.metadata ?? {};
  const isUp = (set?.spec.replicas ?? 0) > 0;
  return isUp && name && uid && resourceVersion
    ? [{ act: 'retire', member, replicaSet: name, uid, resourceVersion }]
    : [];
}
