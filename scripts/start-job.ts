import { Command } from 'commander';
import { connect, loadKubeconfig } from '../promotion/cluster/kubernetes.ts';
import type { KubeObject } from '../promotion/cluster/objects.ts';
import { ClusterError, RESOURCES } from '../promotion/cluster/port.ts';
import { UsageError } from '../promotion/plan/usage.ts';

export function startJobCommand(): Command {
  return new Command('start-job')
    .description(
      'make a Job once: what an applied release runs in the cluster to start the promoter (docs/in-cluster.md)',
    )
    .argument('<manifest>', 'the Job, as JSON, in its namespace')
    .requiredOption('--for <uid>', 'who asks for it; asked again by the same, the Job is there already')
    .addHelpText(
      'after',
      '\nExit codes: 0 the Job is there, 2 bad arguments or rights, 8 cluster unreachable, 70 a bug of this tool.',
    )
    .action(run);
}

async function run(manifest: string, { for: asker }: { for: string }): Promise<void> {
  const job = jobOf(manifest, asker);
  const { name, namespace } = job.metadata;
  const cluster = connect(loadKubeconfig({}), namespace ?? 'default');
  const isMade = await cluster.create(RESOURCES.jobs, job).then(
    () => true,
    async (error) => {
      const isTaken = error instanceof ClusterError && error.code === 'precondition';
      if (!isTaken || !(await cluster.exists(RESOURCES.jobs, name))) throw error;
      return false;
    },
  );
  process.stdout.write(`Job ${namespace}/${name} ${isMade ? 'made' : 'is there already'}\n`);
}

/** The Job under a name of who asks for it. Throws `UsageError`. */
function jobOf(manifest: string, asker: string): KubeObject {
  let job: Partial<KubeObject>;
  try {
    job = JSON.parse(manifest);
  } catch (error) {
    throw new UsageError(`the manifest is not JSON: ${(error as Error).message}`);
  }
  if (job?.kind !== 'Job' || !job.metadata?.name) throw new UsageError('the manifest is no Job with a name');
  const suffix = asker.slice(0, 8);
  if (!/^[0-9a-z]{4,8}$/.test(suffix)) throw new UsageError(`--for ${asker}: it must be the uid of an object`);
  return { ...job, metadata: { ...job.metadata, name: `${job.metadata.name}-${suffix}` } } as KubeObject;
}
