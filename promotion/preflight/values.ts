import type { KubeObject } from '../cluster/objects.ts';
import { brokenRules, isJob, whyFailed } from '../core/jobs.ts';
import { VALUES_CHECK } from '../plan/plan.ts';
import type { Facts } from './facts.ts';
import type { Check } from './preflight.ts';

interface JobManifest extends KubeObject {
  readonly spec?: {
    readonly template?: { readonly spec?: { readonly initContainers?: readonly { readonly name: string }[] } };
  };
}

/**
 * What the Jobs of these manifests have found out about the values of the application's Secrets. They run in the
 * application's own environment; nothing here reads a value.
 */
export async function checkValues(objects: readonly KubeObject[], facts: Facts): Promise<Check[]> {
  const jobs = (objects as readonly JobManifest[]).filter(
    ({ kind, spec }) =>
      kind === 'Job' && spec?.template?.spec?.initContainers?.some((container) => container.name === VALUES_CHECK),
  );
  return Promise.all(jobs.map(({ metadata }) => checkValuesOf(metadata.name, facts)));
}

async function checkValuesOf(name: string, facts: Facts): Promise<Check> {
  const at = { area: 'secrets', subject: `values, by Job ${name}` } as const;
  const job = await facts.job(name);
  if (job === 'hidden') return { ...at, verdict: 'unknown', message: 'this user may not see the Job' };
  if (job === 'absent')
    return { ...at, verdict: 'unknown', message: 'the Job looks at them once these manifests are applied' };
  if (isJob(job, 'Complete'))
    return { ...at, verdict: 'pass', message: 'every value kept the rules of the backend when the Job looked at them' };
  const pods = await facts.podsOfJob(name);
  const seen = typeof pods === 'string' ? [] : pods;
  return isJob(job, 'Failed') || brokenRules(seen).length > 0
    ? { ...at, verdict: 'fail', message: whyFailed(job, seen) }
    : { ...at, verdict: 'unknown', message: 'the Job has not ended yet' };
}
