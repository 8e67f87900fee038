import { isIP } from 'node:net';
import { Command, InvalidArgumentError } from 'commander';
import { type HealthFinding, healthOf, publicPathsOf } from '../promotion/health/health.ts';
import { visit } from '../promotion/health/visit.ts';
import { type Finding, tellFinding } from '../promotion/notify/finding.ts';
import { readManifests } from '../promotion/plan/folder.ts';
import { policyOf } from '../promotion/plan/plan.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { folderOf, onManifests, outputOf, positiveSeconds, type ReleaseOptions } from './options.ts';
import { type Row, table } from './table.ts';

interface Options extends Pick<ReleaseOptions, 'manifests' | 'output'> {
  readonly timeout: number;
  readonly warnDays: number;
  readonly resolve: ReadonlyMap<string, string>;
  readonly notify?: true;
}

export function healthCheckCommand(): Command {
  return onManifests(new Command('health-check'))
    .description('ask backend and web through their public hosts: answer, version, certificate, redirect')
    .option('--timeout <seconds>', 'how long one answer may take', positiveSeconds, 10)
    .option('--warn-days <days>', 'warn of a certificate that is valid for less', positiveDays, 14)
    .option(
      '--resolve <host:port:address>',
      'go to this address for that host and port, whatever DNS says; as of curl, may be given several times',
      addAddress,
      new Map(),
    )
    .option(
      '--notify',
      'tell those whom the overlay names: an incident while something is not well, its end when all is',
    )
    .addHelpText(
      'after',
      `
What to ask is publicPaths of the manifests’ release policy; without any, its health checks that go by URL. Needs no cluster.
An authority of your own is trusted when NODE_EXTRA_CA_CERTS names its file. With --output json each line is one event HEALTH
(docs/events.md).

Exit codes: 0 all healthy (a certificate that soon runs out is a warning), 1 something is not, also where nothing answers at all,
2 bad arguments or manifests, 70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<number> {
  const folder = await folderOf(overlay, options.manifests);
  const manifests = await readManifests(folder);
  const policy = policyOf(manifests);
  const paths = publicPathsOf(policy);
  if (paths.length === 0)
    throw new UsageError(`${folder} names no public path to ask: add publicPaths to its ConfigMap release-policy`);
  const unused = [...options.resolve.keys()].find((host) => !paths.some((path) => hostsOf(path).includes(host)));
  if (unused !== undefined)
    throw new UsageError(`--resolve ${unused} is of no path: they go to ${paths.flatMap(hostsOf).join(', ')}`);
  const findings = await healthOf(paths, {
    timeoutSeconds: options.timeout,
    warnDays: options.warnDays,
    now: () => new Date(),
    visit: (url, timeout) => visit(url, timeout, options.resolve),
  });
  const output = outputOf(options);
  const lines =
    output === 'json'
      ? findings.map((finding) => JSON.stringify(eventOf(finding)))
      : [...table(findings.map(rowOf), output), '', summary(findings)];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (options.notify) {
    const namespace = manifests.map(({ metadata }) => metadata.namespace).find(Boolean) ?? policy.release;
    await tellFinding(incidentOf(policy.release, findings), {
      policy,
      namespace,
      environment: process.env,
      warn: ({ message }) => process.stderr.write(`${message}\n`),
    });
  }
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

/** `host:port` of what is asked of a path. */
function hostsOf({
  url,
  redirectFrom,
}: {
  readonly url: string;
  readonly redirectFrom?: string | undefined;
}): string[] {
  return [url, ...(redirectFrom === undefined ? [] : [redirectFrom])].map((each) => {
    const { hostname, port, protocol } = new URL(each);
    return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  });
}

function eventOf(finding: HealthFinding): RunEvent {
  return {
    time: new Date().toISOString(),
    code: 'HEALTH',
    level: finding.verdict === 'fail' ? 'error' : finding.verdict === 'warning' ? 'warning' : 'info',
    message: `${finding.path} ${finding.aspect}: ${finding.message}`,
    data: finding,
  };
}

/** What is told of a health check: what is not well, in the words of the report. */
function incidentOf(release: string, findings: readonly HealthFinding[]): Finding {
  const [bad, ...more] = findings.filter(({ verdict }) => verdict === 'fail');
  const said = bad && `${bad.path} ${bad.aspect}: ${bad.message}`;
  return {
    about: 'health-check',
    isGood: bad === undefined,
    title: `${release}: ${said ?? 'every public path is well'}${more.length > 0 ? ` (and ${more.length} more)` : ''}`,
    text: [...table(findings.map(rowOf), 'plain'), summary(findings)].join('\n'),
    next: [`npx moneywise-deploy status ${release}`],
  };
}

const SIGNS = { pass: '✔', warning: '!', fail: '✖' } as const;

function rowOf({ path, aspect, verdict, message, milliseconds }: HealthFinding): Row {
  const took = milliseconds === undefined ? '' : `, ${milliseconds} ms`;
  return { sign: SIGNS[verdict], cells: [path, aspect, message + took] };
}

function summary(findings: readonly HealthFinding[]): string {
  const count = (verdict: HealthFinding['verdict']) => findings.filter((each) => each.verdict === verdict).length;
  return `${count('pass')} well, ${count('warning')} to look at, ${count('fail')} not well`;
}

function positiveDays(value: string): number {
  const days = Number(value);
  if (!(days >= 0 && days < 10_000) || value.trim() === '')
    throw new InvalidArgumentError('It must be a number of days, e.g. 14.');
  return days;
}

function addAddress(value: string, previous: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, host = '', port = '', address = ''] = /^([^:]+):(\d+):\[?([^\]]+)\]?$/.exec(value) ?? [];
  if (isIP(address) === 0)
    throw new InvalidArgumentError('It must be HOST:PORT:ADDRESS, e.g. api.moneywise.app:443:203.0.113.7.');
  return new Map([...previous, [`${host.toLowerCase()}:${port}`, address]]);
}
