import { questionsOf, titleOf } from '../plan/policy.ts';
import { analysesOf } from './analysis.ts';
import { type Action, causeOf, end, enter, goBack, type Situation, type Step } from './decide.ts';
import { failedJob, unfinishedJobs } from './jobs.ts';
import type { Cause } from './journal.ts';
import { isObserved, type MemberView, replicaSetOf } from './member.ts';
import { handOver } from './ownership.ts';
import { pin } from './pin.ts';
import { podsOf } from './pods.ts';
import { retireAction } from './return.ts';
import { wayBack } from './way-back.ts';

/**
 * Waits until every member is prepared, then has the whole set judged once more on a fresh listing before the first
 * write. Nothing public has changed until then, except by a controller that gates nothing: a first deployment.
 */
export function prepare(s: Situation): Step {
  const { plan, views, journal, observation, now } = s;
  if (views.every((v) => v.stage === 'settled' && journal.members[v.member.name]?.unchanged))
    return end(s, 'unchanged');
  const absent = views.find((v) => v.stage === 'absent');
  if (absent) {
    return end(s, 'usage', {
      cause: {
        code: 'gate-failed',
        member: absent.member.name,
        message: `${absent.reason}: apply these manifests first`,
      },
    });
  }
  const retries = views.filter((view) => isRetriable(view, s));
  const cause =
    views
      .filter((view) => !retries.includes(view))
      .map(causeOf)
      .find((c) => c !== undefined) ??
    failedJob(s) ??
    crashedPod(s) ??
    checkCause(s, 'before-switch');
  if (cause) return goBack(s, cause);

  const waiting = [
    ...views.filter((v) => !isReady(v)).map((v) => `${v.member.name}: ${v.reason}`),
    ...views.filter((v) => handOver(v).length > 0).map((v) => `${v.member.name}: its template is handed over`),
    ...unfinishedJobs(s),
    ...openChecks(s, 'before-switch'),
  ];
  // Only when nothing else is missing: nobody's autoscaler is kept still for longer than a switch needs.
  const pins = waiting.length === 0 ? views.flatMap((view) => pin(view, s)) : [];
  waiting.push(...pins.map(({ name }) => `HorizontalPodAutoscaler ${name} is not kept still yet`));
  if (waiting.length > 0) {
    const deadline = journal.since + plan.policy.timeouts.prepareSeconds * 1000;
    if (now >= deadline) {
      return goBack(s, {
        code: 'not-prepared-in-time',
        message: `not prepared after ${plan.policy.timeouts.prepareSeconds} s: ${waiting.join('; ')}`,
      });
    }
    const { preparedAt: _, ...unprepared } = journal;
    return {
      journal: journal.preparedAt === undefined ? journal : unprepared,
      actions: [
        ...retries.flatMap((view) => retry(view, s)),
        ...views.flatMap(handOver),
        ...(journal.ask === 'rollback' ? views.flatMap((view) => restore(view, s)) : []),
        ...pins,
        ...(views.every(isReady) ? checksToAsk(s, 'before-switch') : []),
      ],
      wakeAt: deadline,
    };
  }
  const back = wayBack(s);
  if ('cause' in back) return goBack(s, back.cause);
  if (back.actions.length > 0) return { actions: back.actions };
  if (journal.preparedAt === undefined)
    return { journal: { ...journal, preparedAt: now }, actions: [{ act: 'refresh' }] };
  if (observation.listedAt < journal.preparedAt) return { actions: [{ act: 'refresh' }] };
  return enter(journal, 'switching', now);
}

/** Aborted by an earlier release and not yet tried again by this one. */
function isRetriable({ member, stage, rollout }: MemberView, { journal }: Situation): boolean {
  const entry = journal.members[member.name];
  if (stage !== 'aborted' || !entry?.wasAborted) return false;
  // Asked for and still the same abort: the request was lost on its way.
  return entry.asked.retry === undefined || (rollout?.status?.abortedAt ?? '') === entry.abortedAt;
}

/**
 * Takes the abort back, but only with no pod of the revision left and no analysis of it. While its ReplicaSet is up, the
 * controller would take it live past every gate; an earlier AnalysisRun it would take for the judgement of this try, the
 * failed ones, which abort at once, and the terminated ones, which count as Successful.
 */
function retry(view: MemberView, s: Situation): Action[] {
  const { rollout, current, member } = view;
  if (!rollout?.metadata.uid || !rollout.status?.abortedAt || !current) return [];
  const { name } = member;
  const retiring = retireAction(name, replicaSetOf(s.observation, rollout, current));
  if (retiring.length > 0) return retiring;
  const runs = analysesOf(s.observation, rollout, current);
  return runs.length > 0
    ? runs.map(({ metadata }) => ({ act: 'forget-run', member: name, run: metadata.name, uid: metadata.uid ?? '' }))
    : [{ act: 'retry', member: name, uid: rollout.metadata.uid, hash: current }];
}

/**
 * In a rollback through the gates: puts the wanted template into the Rollout, but only with no pod of that revision left.
 * While its ReplicaSet has some, the controller would take this member live at once, past every gate and alone.
 */
function restore(view: MemberView, { journal, observation }: Situation): Action[] {
  const { member, stage, rollout, current } = view;
  if (stage !== 'outdated' || !rollout?.metadata.uid || !current || !isObserved(rollout)) return [];
  const { generation = 1, uid } = rollout.metadata;
  if (uid !== journal.members[member.name]?.uid) return [];
  const retiring = retireAction(member.name, replicaSetOf(observation, rollout, member.revision ?? ''));
  if (retiring.length > 0) return retiring;
  return [{ act: 'restore-template', member: member.name, uid, generation, hash: current, template: member.template }];
}

/** Ready for the set to switch: prepared, or already where it should be. */
function isReady(view: MemberView): boolean {
  return ['prepared', 'switching', 'held', 'settled'].includes(view.stage);
}

/** A pod of a prepared member that has crashed would bring the set back after the switch; so it does not switch. */
function crashedPod(s: Situation): Cause | undefined {
  for (const view of s.views.filter(({ stage }) => stage === 'prepared')) {
    const { reason, verdict } = podsOf(view, s, s.now);
    const member = view.member.name;
    if (verdict === 'fail') return { code: 'gate-failed', member, message: `${member}: ${reason}` };
  }
  return undefined;
}

type When = 'before-switch' | 'after-switch';

/** What has not passed yet of the policy's questions of that time, in words. */
export function openChecks({ plan, observation }: Situation, when: When): string[] {
  return questionsOf(plan.policy)
    .filter((question) => question.when === when && observation.checks.get(question.name)?.verdict !== 'pass')
    .map((question) => `${titleOf(question)} has not passed yet`);
}

/** The first of the policy's questions of that time whose verdict is final and not a pass. */
export function checkCause({ plan, observation }: Situation, when: When): Cause | undefined {
  for (const question of questionsOf(plan.policy)) {
    const verdict = question.when === when ? observation.checks.get(question.name) : undefined;
    if (verdict?.final && verdict.verdict !== 'pass') {
      return {
        code: verdict.verdict === 'fail' ? 'gate-failed' : 'gate-unknown',
        message: `${titleOf(question)}: ${verdict.reason}`,
      };
    }
  }
  return undefined;
}

/** Asks each question of that time that has no answer yet; asking again while one is under way does nothing. */
export function checksToAsk({ plan, observation }: Situation, when: When) {
  return questionsOf(plan.policy)
    .filter((question) => question.when === when && !observation.checks.has(question.name))
    .map((question) => ({ act: 'check' as const, check: question.name }));
}
