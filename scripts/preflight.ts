import { Command } from 'commander';
import { readDraft } from '../promotion/plan/folder.ts';
import { type Check, preflight } from '../promotion/preflight/preflight.ts';
import { factsOf } from '../promotion/preflight/real-facts.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { clusterOf, folderOf, type Output, onRelease, outputOf, type ReleaseOptions } from './options.ts';
import { table } from './table.ts';

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
  const checks = await preflight(plan, objects, factsOf(cluster), process.env);
  const output = outputOf(options);
  const told =
    output === 'json' ? checks.map((check) => JSON.stringify(eventOf(check, cluster.now()))) : lines(checks, output);
  process.stdout.write(`${told.join('\n')}\n`);
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

/** A count of each verdict under the checks. */
function lines(checks: readonly Check[], output: Output): string[] {
  const count = (verdict: Check['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  const rows = checks.map(({ area, subject, verdict, message }) => ({
    sign: SIGNS[verdict],
    cells: [area, subject, message],
  }));
  return [
    ...table(rows, output),
    '',
    `${count('pass')} good, ${count('fail')} missing, ${count('unknown')} not to be seen from here`,
  ];
}

const SIGNS = { pass: '✔', fail: '✖', unknown: '?' } as const;
