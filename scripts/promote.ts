import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { connect, loadKubeconfig } from '../promotion/cluster/kubernetes.ts';
import { readManifests } from '../promotion/plan/folder.ts';
import { type Plan, planOf, UsageError } from '../promotion/plan/plan.ts';
import type { Emit } from '../promotion/report/events.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { terminalReport } from '../promotion/report/terminal.ts';
import { promote } from '../promotion/run/run.ts';

type Output = 'tty' | 'plain' | 'json';

interface Options {
  readonly manifests?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly timeout?: number;
  readonly output?: Output;
}

/** Where `cdk8s synth` writes, one folder an overlay. */
const RENDERED = 'dist';

export function promoteCommand(): Command {
  return new Command('promote')
    .description('take a release live as a set: all of its Rollouts, or none')
    .argument('[overlay]', `a folder of ${RENDERED}/, e.g. production`)
    .option('--manifests <dir>', 'promote the release of this folder of manifests instead of an overlay')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, ~/.kube/config, or the pod’s own account)')
    .option('--context <name>', 'context of the kubeconfig')
    .option(
      '-n, --namespace <name>',
      'namespace of the Rollouts (default: the one the manifests name, else the context’s)',
    )
    .option(
      '--timeout <seconds>',
      'how long the members may take to be prepared (default: the release policy’s)',
      positiveSeconds,
    )
    .addOption(
      new Option('-o, --output <format>', 'how to report (default: tty on a terminal, else plain)').choices([
        'tty',
        'plain',
        'json',
      ]),
    )
    .addHelpText(
      'after',
      `
Apply the manifests first (kubectl apply --server-side -f ${RENDERED}/<overlay>, or a Git commit that Argo CD syncs), then promote.
Before the first switch Ctrl-C only stops the run; after it the set is brought back first.

Exit codes: 0 promoted or unchanged, 2 bad arguments or manifests, 3 refused, 4 rolled back, 5 stuck: a person must act,
6 superseded by a newer revision, 8 cluster unreachable, 70 a bug of this tool, 130 interrupted before the first switch.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<number> {
  const plan = withTimeout(planOf(await readManifests(await folderOf(overlay, options.manifests))), options.timeout);
  const config = loadKubeconfig(options);
  const namespace =
    options.namespace ?? plan.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const { emit, close } = reporter(options.output);
  try {
    const { exitCode } = await promote({
      plan,
      cluster: connect(config, namespace),
      emit,
      holder: holder(),
      signal: stop.signal,
    });
    return exitCode;
  } finally {
    close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function folderOf(overlay: string | undefined, manifests: string | undefined): Promise<string> {
  if ((overlay === undefined) === (manifests === undefined)) {
    throw new UsageError('name either an overlay (promote production) or a folder (promote --manifests DIR)');
  }
  if (manifests !== undefined) return manifests;
  const known = await readdir(RENDERED).catch((): string[] => []);
  if (!known.includes(overlay as string)) {
    throw new UsageError(
      `unknown overlay "${overlay}": ${RENDERED}/ has ${known.join(', ') || 'nothing yet, run npx cdk8s synth'}`,
    );
  }
  return join(RENDERED, overlay as string);
}

/** Who runs this, as others are told who find the release locked. */
function holder(): string {
  return `${userInfo().username}@${hostname()}, process ${process.pid}, ${randomUUID().slice(0, 8)}`;
}

function withTimeout(plan: Plan, seconds: number | undefined): Plan {
  if (seconds === undefined) return plan;
  return { ...plan, policy: { ...plan.policy, timeouts: { ...plan.policy.timeouts, prepareSeconds: seconds } } };
}

function reporter(output: Output = process.stdout.isTTY ? 'tty' : 'plain'): { emit: Emit; close: () => void } {
  if (output === 'tty') return terminalReport(process.stdout);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  return { emit: output === 'json' ? jsonReport(write) : plainReport(write), close: () => {} };
}

function positiveSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds > 0)) throw new InvalidArgumentError('a number of seconds above 0, e.g. 600.');
  return seconds;
}
