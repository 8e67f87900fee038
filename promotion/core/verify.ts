import { holdEndsAt, judgeAnalysis } from './analysis.ts';
import { causeOf, enter, goBack, type Situation, type Step } from './decide.ts';
import { type MemberView, postAnalysisOf } from './member.ts';
import type { Verdict } from './observation.ts';
import { checkCause, checksToAsk } from './prepare.ts';

/**
 * Every member is live on its new revision and can still be aborted. Collects the verdicts after the switch; only when
 * all pass, and every hold leaves time enough to end it, is it decided that the set stays.
 */
export function verify(s: Situation): Step {
  const { plan, views, journal, now } = s;
  const verdicts = views
    .filter((v) => isJudged(v, s))
    .map((v) => ({ member: v.member.name, verdict: afterSwitch(v, s) }));
  const failed = verdicts.find(({ verdict }) => verdict.final && verdict.verdict !== 'pass');
  if (failed) {
    const code = failed.verdict.verdict === 'fail' ? 'gate-failed' : 'gate-unknown';
    return goBack(s, { code, member: failed.member, message: `${failed.member}: ${failed.verdict.reason}` });
  }
  const cause = views.map(causeOf).find((c) => c !== undefined) ?? checkCause(s, 'after-switch');
  if (cause) return goBack(s, cause);

  const holds = views
    .map((v) => holdEndsAt(postAnalysisOf(v, s.observation), plan.policy.holdMetric))
    .filter((at) => at !== undefined);
  const holdDeadline = Math.min(...holds) - plan.policy.holdMarginSeconds * 1000;
  if (now >= holdDeadline) {
    return goBack(s, { code: 'hold-expiring', message: 'a hold ends before the verdicts after the switch were in' });
  }
  const waiting = [
    ...views.filter((v) => v.stage !== 'held' && v.stage !== 'settled').map((v) => `${v.member.name}: ${v.reason}`),
    ...verdicts
      .filter(({ verdict }) => verdict.verdict !== 'pass')
      .map(({ member, verdict }) => `${member}: ${verdict.reason}`),
    ...plan.policy.healthChecks
      .filter((c) => c.when === 'after-switch' && s.observation.checks.get(c.name)?.verdict !== 'pass')
      .map((c) => `health check ${c.name} has not passed yet`),
  ];
  if (waiting.length === 0) return enter(journal, 'settling', now);
  const deadline = journal.since + plan.policy.timeouts.verifySeconds * 1000;
  if (now >= deadline)
    return goBack(s, { code: 'not-verified-in-time', message: `not verified in time: ${waiting.join('; ')}` });
  return { actions: checksToAsk(s, 'after-switch'), wakeAt: Math.min(deadline, holdDeadline) };
}

/** The controller analyses what it switched: neither a member that was there already, nor a first deployment. */
function isJudged(view: MemberView, { journal }: Situation): boolean {
  const entry = journal.members[view.member.name];
  return view.member.analysedAfter && entry?.from !== undefined && !entry.unchanged;
}

function afterSwitch(view: MemberView, { observation, plan }: Situation): Verdict {
  const run = postAnalysisOf(view, observation);
  const verdict = judgeAnalysis(run, plan.policy.holdMetric);
  const metrics = run?.spec.metrics ?? [];
  const onlyHolds = metrics.length > 0 && metrics.every((metric) => metric.name === plan.policy.holdMetric);
  return run && onlyHolds ? { verdict: 'pass', final: true, reason: `${run.metadata.name} only holds` } : verdict;
}
