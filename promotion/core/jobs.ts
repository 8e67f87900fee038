import type { Job, Pod } from '../cluster/objects.ts';
import { VALUES_CHECK } from '../plan/plan.ts';
import type { Situation } from './decide.ts';
import type { Cause } from './journal.ts';
import { ownedBy } from './observation.ts';

/** Jobs of the release that are not complete, in words. */
export function unfinishedJobs({ plan, observation }: Situation): string[] {
  return plan.jobs
    .filter((name) => !isJob(observation.jobs.get(name), 'Complete'))
    .map((name) => `Job ${name} is not complete`);
}

/** The first Job of the release that has failed, with the rules that its check of values found broken. */
export function failedJob({ plan, observation }: Situation): Cause | undefined {
  const name = plan.jobs.find((job) => isJob(observation.jobs.get(job), 'Failed'));
  if (name === undefined) return undefined;
  const pods = [...observation.pods.values()].filter((pod) => ownedBy(pod, observation.jobs.get(name)?.metadata.uid));
  const rules = brokenRules(pods);
  const why = rules.length > 0 ? `${rules.join('; ')}: ${mending(name)}` : `kubectl logs job/${name} --all-containers`;
  return { code: 'gate-failed', message: `Job ${name} failed: ${why}` };
}

/** Whether a Job has that condition: `Complete` or `Failed`. */
export function isJob(job: Job | undefined, type: 'Complete' | 'Failed'): boolean {
  return (job?.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
}

/**
 * What the check of the application's values in a Job's pods says is wrong: a sentence for each rule that is broken, which
 * names the variable. Of that container alone: what others write at their end may hold anything.
 */
export function brokenRules(pods: readonly Pod[]): string[] {
  const said = pods.flatMap(({ status }) =>
    (status?.initContainerStatuses ?? []).flatMap(({ name, state }) =>
      name === VALUES_CHECK ? (state?.terminated?.message ?? '').split('\n') : [],
    ),
  );
  return [...new Set(said.map((line) => line.trim()).filter(Boolean))];
}

/** What to do once a Job has found a value wrong. It has failed for good, and stays as it is when it is applied again. */
export function mending(job: string): string {
  return `put them right in their Secrets, then kubectl delete job ${job} and apply these manifests again`;
}
