import { Chalk } from 'chalk';
import { Command } from 'commander';
import { readDraft } from '../promotion/plan/folder.ts';
import { type Check, preflight } from '../promotion/preflight/preflight.ts';
import { factsOf } from '../promotion/preflight/real-facts.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { clusterOf, folderOf, onRelease, outputOf, type ReleaseOptions } from './options.ts';

export function preflightCommand(): Command {
  return onRelease(new Command('preflight'))
    .description('look whether a cluster has what a release needs, before anything is applied')
    .addHelpText(
      'after',
      `
Looks at image pins, the CRDs and the controller of Argo Rollouts, what you may do, the Secrets that pods name (by the names
of their keys, never their values; what the release's Job has found their values to be), the Services of the live set, and
quotas; writes nothing. A ? is what cannot be seen from here, and is no finding. With --output json each line is one event PREFLIGHT (docs/events.md).

Exit codes: 0 nothing is missing, 1 something is, 2 bad arguments or manifests, 8 cluster unreachable, 70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: ReleaseOptions) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: ReleaseOptions): Promise<number> {
  const { plan, objects } = await readDraft(await folderOf(overlay, options.manifests));
  const cluster = clusterOf(plan, options);
  const checks = await preflight(plan, objects, factsOf(cluster));
  const output = outputOf(options);
  const paint = output === 'tty' ? new Chalk() : new Chalk({ level: 0 });
  const lines =
    output === 'json' ? checks.map((check) => JSON.stringify(eventOf(check, cluster.now()))) : table(checks, paint);
  process.stdout.write(`${lines.join('\n')}\n`);
  return checks.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

function eventOf(check: Check, now: Date): RunEvent {
  return {
    time: now.toISOString(),
    code: 'PREFLIGHT',
    level: check.verdict === 'fail' ? 'error' : check.verdict === 'unknown' ? 'warning' : 'info',
    message: `${check.subject}: ${check.message}`,
    data: check,
  };
}

function table(checks: readonly Check[], paint: InstanceType<typeof Chalk>): string[] {
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  const count = (verdict: Check['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  return [
    ...checks.map(({ area, subject, verdict, message }) => {
      const line = `${SIGNS[verdict]} ${area.padEnd(10)}  ${subject.padEnd(width)}  ${message}`;
      return verdict === 'pass' ? line : verdict === 'fail' ? paint.red(line) : paint.yellow(line);
    }),
    '',
    `${count('pass')} good, ${count('fail')} missing, ${count('unknown')} not to be seen from here`,
  ];
}

const SIGNS = { pass: '✔', fail: '✖', unknown: '?' } as const;
