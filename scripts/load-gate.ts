import { Command, InvalidArgumentError, Option } from 'commander';
import type { Finding } from '../promotion/performance/gate.ts';
import type { Judgement } from '../promotion/performance/load.ts';
import type { Answer } from '../promotion/performance/share.ts';
import { sayer, withOutput } from './git-change.ts';
import { type Output, positiveSeconds } from './options.ts';

interface Options {
  readonly preview: URL;
  readonly stable: URL;
  readonly path: readonly string[];
  readonly rate: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly timeout: number;
  readonly p95: number;
  readonly errors: number;
  readonly slowdown: number;
  readonly errorProbability: number;
  readonly output?: Output;
}

/** That it is not known is no pass: the Job that runs this fails. */
const EXIT_CODES: Readonly<Record<Answer, number>> = { pass: 0, fail: 1, unknown: 3 };

export function loadGateCommand(): Command {
  return withOutput(new Command('load-gate'))
    .description(
      'ask a new version and the stable one the same under load, and judge the new one (docs/performance-gate.md)',
    )
    .requiredOption('--preview <url>', 'where the new version answers, by http', serviceOf)
    .requiredOption('--stable <url>', 'where the stable version answers, by http', serviceOf)
    .addOption(
      new Option('--path <path>', 'what both are asked for; may be given several times')
        .argParser((path: string, before: readonly string[] = []) => [...before, pathOf(path)])
        .makeOptionMandatory(),
    )
    .option('--rate <number>', 'requests a second to each of the two', positive, 25)
    .option('--seconds <seconds>', 'unknown after so long', positiveSeconds, 120)
    .option('--warm-up <seconds>', 'ask the new version for so long before it is judged', positive, 5)
    .option('--timeout <seconds>', 'how long one answer may take, in whole seconds', wholeSeconds, 5)
    .option('--p95 <seconds>', 'what 95 of 100 requests may take', positive, 1)
    .option('--errors <percent>', 'the share of failed requests that is too much', percent, 5)
    .option(
      '--slowdown <number>',
      'how many times as long as those of the stable version 95 of 100 may take',
      positive,
      1.5,
    )
    .option('--error-probability <number>', 'how probable a wrong verdict may be', probability, 0.01)
    .addHelpText(
      'after',
      `
What a Job of the analysis before the switch runs, where the overlay has strategy.performance.

Exit codes: 0 pass, 1 fail, 3 unknown (too few answers, or none of the stable version), 2 bad arguments, 70 a bug of this tool.`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const say = sayer(options);
  const { errorProbability, errors, p95, path: paths, preview, rate, seconds, slowdown, stable, timeout } = options;
  const at = (service: URL) => paths.map((path) => new URL(path, service).href);
  // No other command has to wait for the load generator.
  const { judgedUnderLoad } = await import('../promotion/performance/load.ts');
  const judgement = await judgedUnderLoad(
    {
      preview: at(preview),
      stable: at(stable),
      requestsPerSecond: rate,
      seconds,
      warmUpSeconds: options.warmUp,
      timeoutSeconds: timeout,
    },
    { errorPercent: errors, p95Seconds: p95, slowdown, errorProbability },
  );
  for (const finding of judgement.findings) {
    const level = finding.verdict === 'pass' ? 'info' : finding.verdict === 'fail' ? 'error' : 'warning';
    say('PERFORMANCE', sentence(finding), { level, data: finding });
  }
  const { verdict } = judgement;
  const exitCode = EXIT_CODES[verdict];
  say('RESULT', summary(judgement, errorProbability), {
    level: exitCode === 0 ? 'info' : 'error',
    data: { outcome: verdict, exitCode, release: null, ...judgement },
  });
  process.exitCode = exitCode;
}

function sentence({ limit, question, samples, value, verdict }: Finding): string {
  const digits = { errors: 1, duration: 3, ratio: 2 }[question];
  if (value === null) {
    const why = samples === 0 ? 'nothing to judge' : 'no figure, since more than 5 of 100 requests failed';
    return `${question} ${verdict}: ${why}`;
  }
  const measured = value.toFixed(digits);
  const words = {
    errors: `${measured} % of ${samples} requests failed (${limit} % is too much)`,
    duration: `95 of 100 requests took ${measured} s at most (allowed: ${limit} s; ${samples} judged)`,
    ratio: `that is ${measured} times as long as with the stable version (allowed: ${limit}; ${samples} pairs told them apart)`,
  };
  return `${question} ${verdict}: ${words[question]}`;
}

function summary({ requests, seconds, verdict, why }: Judgement, errorProbability: number): string {
  const after = `${verdict} after ${requests} requests to each and ${seconds.toFixed(1)} s`;
  return why === undefined
    ? `${after}, wrong with a probability of ${100 * errorProbability} % at most`
    : `${after}: ${why}`;
}

function serviceOf(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  // The load generator checks no certificates; and a password would be in the manifest.
  if (url?.protocol !== 'http:' || url.username || url.pathname !== '/' || url.search)
    throw new InvalidArgumentError('It must be an http URL without path and login, e.g. http://backend-preview:3001.');
  return url;
}

function pathOf(value: string): string {
  if (!/^\/(?!\/)\S*$/.test(value)) throw new InvalidArgumentError('It must begin with one slash, e.g. /api/health.');
  return value;
}

function numberIn(value: string, isFine: (number: number) => boolean, fix: string): number {
  const number = Number(value);
  if (value.trim() === '' || !isFine(number)) throw new InvalidArgumentError(fix);
  return number;
}

const positive = (value: string) => numberIn(value, (n) => n > 0 && n < 1e6, 'It must be a number above 0, e.g. 25.');
const percent = (value: string) => numberIn(value, (n) => n > 0 && n < 100, 'It must be between 0 and 100, e.g. 5.');
const probability = (value: string) =>
  numberIn(value, (n) => n > 0 && n < 0.5, 'It must be between 0 and 0.5, e.g. 0.01.');
const wholeSeconds = (value: string) =>
  numberIn(value, (n) => Number.isInteger(n) && n >= 1 && n <= 600, 'It must be whole seconds from 1 to 600, e.g. 5.');
