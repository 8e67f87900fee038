import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { connect, loadKubeconfig, type RealCluster } from '../promotion/cluster/kubernetes.ts';
import type { Plan } from '../promotion/plan/plan.ts';
import { UsageError } from '../promotion/plan/usage.ts';

/** Where `cdk8s synth` writes, one folder an overlay. */
export const RENDERED = 'dist';

/** The folder in it that is no overlay: what Argo CD is told. */
const GITOPS = 'gitops';

export type Output = 'tty' | 'plain' | 'json';

/** What every command on a release in a cluster takes. */
export interface ReleaseOptions {
  readonly manifests?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly output?: Output;
}

/** Adds the overlay and the options of `ReleaseOptions` to a command. */
export function onRelease(command: Command): Command {
  return onManifests(command)
    .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, ~/.kube/config, or the pod’s own account)')
    .option('--context <name>', 'context of the kubeconfig')
    .option(
      '-n, --namespace <name>',
      'namespace of the Rollouts (default: the one the manifests name, else the context’s)',
    );
}

/** Adds the overlay, the folder and the report to a command that needs no cluster. */
export function onManifests(command: Command): Command {
  return command
    .argument('[overlay]', `a folder of ${RENDERED}/, e.g. production`)
    .option('--manifests <dir>', 'take this folder of manifests instead of an overlay')
    .addOption(
      new Option('-o, --output <format>', 'how to report (default: tty on a terminal, else plain)').choices([
        'tty',
        'plain',
        'json',
      ]),
    );
}

/** The folder that an overlay or `--manifests` stands for. Throws `UsageError`. */
export async function folderOf(overlay: string | undefined, manifests: string | undefined): Promise<string> {
  if (overlay !== undefined && manifests !== undefined) {
    throw new UsageError(`overlay "${overlay}" and --manifests ${manifests} are both given: leave one out`);
  }
  if (manifests !== undefined) return manifests;
  const folders = await readdir(RENDERED).catch((): string[] => []);
  const known = folders.filter((name) => name !== GITOPS);
  const choice = known.join(', ') || 'nothing yet, run npx cdk8s synth';
  if (overlay === undefined) {
    throw new UsageError(`name an overlay (${RENDERED}/ has ${choice}) or a folder with --manifests DIR`);
  }
  if (!known.includes(overlay)) throw new UsageError(`unknown overlay "${overlay}": ${RENDERED}/ has ${choice}`);
  return join(RENDERED, overlay);
}

/** The cluster that the options name, for the plan's namespace. Throws `UsageError`; asks the cluster nothing yet. */
export function clusterOf(plan: Pick<Plan, 'namespace'>, options: ReleaseOptions): RealCluster {
  const config = loadKubeconfig(options);
  const namespace =
    options.namespace ?? plan.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return connect(config, namespace);
}

/** How to report when nothing is said. */
export function outputOf({ output = process.stdout.isTTY ? 'tty' : 'plain' }: Pick<ReleaseOptions, 'output'>): Output {
  return output;
}

export function positiveSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0, e.g. 600.');
  return seconds;
}

/** Aborted by Ctrl-C and SIGTERM, which then do not end the process, until `release`. */
export function stopSignal(): { signal: AbortSignal; release: () => void } {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { signal: stop.signal, release: () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal) };
}
