import type { Job, Pod } from '../cluster/objects.ts';
import { VALUES_CHECK, VALUES_WRONG } from '../plan/plan.ts';
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
  const job = plan.jobs.map((name) => observation.jobs.get(name)).find((found) => isJob(found, 'Failed'));
  if (!job) return undefined;
  const pods = [...observation.pods.values()].filter((pod) => ownedBy(pod, job.metadata.uid));
  return { code: 'gate-failed', message: `Job ${job.metadata.name} failed: ${whyFailed(job, pods)}` };
}

/** Whether a Job has that condition: `Complete` or `Failed`. */
export function isJob(job: Job | undefined, type: 'Complete' | 'Failed'): boolean {
  return (job?.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
}

/** Why a Job has failed, as far as its pods tell it without a look at their logs, and what to do. */
export function whyFailed({ metadata: { name, namespace } }: Job, pods: readonly Pod[]): string {
  const rules = brokenRules(pods);
  const kubectl = namespace === undefined ? 'kubectl' : `kubectl -n ${namespace}`;
  // It has failed for good, and stays as it is when it is applied again.
  return rules.length > 0
    ? `${rules.join('; ')}: put them right in their Secrets, then ${kubectl} delete job ${name} and apply these manifests again`
    : `${kubectl} logs job/${name} --all-containers`;
}

/**
 * What the check of the application's values in a Job's pods says is wrong: a sentence for each rule that is broken, which
 * names the variable. Of that container alone, and of its verdict alone: what else is written at an end may hold anything.
 */
export function brokenRules(pods: readonly Pod[]): string[] {
  const said = pods.flatMap(({ status }) =>
    (status?.initContainerStatuses ?? []).flatMap(({ name, state }) =>
      name === VALUES_CHECK && state?.terminated?.exitCode === VALUES_WRONG
        ? (state.terminated.message ?? '').split('\n')
        : [],
    ),
  );
  return [...new Set(said.map((line) => line.trim()).filter(Boolean))];
}
