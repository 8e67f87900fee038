import type { PodsVerdict } from '../gates/pods.ts';
import { holdEndsAt, judgeAnalysis } from './analysis.ts';
import { causeOf, enter, goBack, type Situation, type Step } from './decide.ts';
import { analysesOnTheWay, type MemberView, postAnalysisOf } from './member.ts';
import type { Verdict } from './observation.ts';
import { podsOf } from './pods.ts';
import { checkCause, checksToAsk, openChecks } from './prepare.ts';

/**
 * Every member is live on its new revision and can still be aborted. Collects the verdicts after the switch; only when
 * all pass, and every hold leaves time enough to end it, is it decided that the set stays.
 */
export function verify(s: Situation): Step {
  const { plan, views, journal, now } = s;
  const verdicts: { member: string; verdict: PodsVerdict }[] = [
    ...views.filter((v) => isJudged(v, s)).map((v) => ({ member: v.member.name, verdict: afterSwitch(v, s) })),
    ...views
      .filter((v) => journal.members[v.member.name]?.switched)
      .map((v) => ({ member: v.member.name, verdict: podsOf(v, s, journal.since) })),
  ];
  const failed = verdicts.find(({ verdict }) => verdict.final && verdict.verdict !== 'pass');
  if (failed) {
    const code = failed.verdict.verdict === 'fail' ? 'gate-failed' : 'gate-unknown';
    return goBack(s, { code, member: failed.member, message: `${failed.member}: ${failed.verdict.reason}` });
  }
  const cause = views.map(causeOf).find((c) => c !== undefined) ?? checkCause(s, 'after-switch');
  if (cause) return goBack(s, cause);

  const holds = views
    .map((v) => ({ member: v.member.name, at: holdEndsAt(postAnalysisOf(v, s.observation), plan.policy.holdMetric) }))
    .filter((hold): hold is { member: string; at: number } => hold.at !== undefined)
    .sort((a, b) => a.at - b.at);
  const holdDeadline = (holds[0]?.at ?? Number.POSITIVE_INFINITY) - plan.policy.holdMarginSeconds * 1000;
  const waiting = [
    ...views.filter((v) => v.stage !== 'held' && v.stage !== 'settled').map((v) => `${v.member.name}: ${v.reason}`),
    ...verdicts
      .filter(({ verdict }) => verdict.verdict !== 'pass')
      .map(({ member, verdict }) => `${member}: ${verdict.reason}`),
    ...openChecks(s, 'after-switch'),
  ];
  if (holds[0] && now >= holdDeadline) {
    const { member } = holds[0];
    const message = `${member}: its hold ends before the verdicts after the switch were in (${waiting[0] ?? 'just now'})`;
    return goBack(s, { code: 'hold-expiring', member, message });
  }
  const baked = verdicts.flatMap(({ verdict }) => (verdict.readyAt === undefined ? [] : [verdict.readyAt]));
  if (waiting.length === 0) return enter(journal, 'settling', now);
  const deadline = journal.since + plan.policy.timeouts.verifySeconds * 1000;
  if (now >= deadline)
    return goBack(s, { code: 'not-verified-in-time', message: `not verified in time: ${waiting.join('; ')}` });
  return { actions: checksToAsk(s, 'after-switch'), wakeAt: Math.min(deadline, holdDeadline, ...baked) };
}

/** The controller analyses what it switched: neither a member that was there already, nor a first deployment. */
function isJudged(view: MemberView, { journal }: Situation): boolean {
  const entry = journal.members[view.member.name];
  return view.member.analysedAfter && entry?.from !== undefined && !entry.unchanged;
}

function afterSwitch(view: MemberView, { observation, plan }: Situation): Verdict {
  const onTheWay = analysesOnTheWay(view, observation)
    .map((analysis) => judgeAnalysis(analysis))
    .find(({ verdict }) => verdict !== 'pass');
  if (onTheWay) return onTheWay;
  const run = postAnalysisOf(view, observation);
  const verdict = judgeAnalysis(run, plan.policy.holdMetric);
  const metrics = run?.spec.metrics ?? [];
  const onlyHolds = metrics.length > 0 && metrics.every((metric) => metric.name === plan.policy.holdMetric);
  return run && onlyHolds ? { verdict: 'pass', final: true, reason: `${run.metadata.name} only holds` } : verdict;
}
