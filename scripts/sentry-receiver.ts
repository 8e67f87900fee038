import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command, InvalidArgumentError } from 'commander';
import { redactText } from '../promotion/evidence/redact.ts';
import { credentialsFor, secretOf, VARIABLES } from '../promotion/notify/access.ts';
import { realClock } from '../promotion/notify/clock.ts';
import { failure } from '../promotion/notify/notifier.ts';
import { newReceiver } from '../promotion/notify/sentry/receiver.ts';
import { newResponder } from '../promotion/notify/sentry/respond.ts';
import { openSinks } from '../promotion/notify/sinks.ts';
import { readManifests } from '../promotion/plan/folder.ts';
import { policyOf } from '../promotion/plan/plan.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import { jsonReport, plainReport } from '../promotion/report/plain.ts';
import { sayTo } from '../promotion/run/say.ts';
import { folderOf, onManifests, outputOf, type ReleaseOptions, stopSignal } from './options.ts';

interface Options extends Pick<ReleaseOptions, 'manifests' | 'output'> {
  readonly listen: { readonly host: string; readonly port: number };
}

/** How long an alert is tried to be passed on, in milliseconds. */
const PATIENCE = 600_000;
/** How long what was taken over may still take after SIGTERM, in milliseconds: less than the 30 s that a pod has. */
const END_LIMIT = 15_000;
/** Alerts that wait; more are refused, so that Sentry shows that they were lost. */
const MOST_WAITING = 1000;

export function sentryReceiverCommand(): Command {
  return onManifests(new Command('sentry-receiver'))
    .description('receive alerts of Sentry: one GitHub issue for each fingerprint, a page for critical ones')
    .option('--listen <address>', 'where to listen', address, { host: '127.0.0.1', port: 8080 })
    .addHelpText(
      'after',
      `
A server for the webhooks of an internal integration of Sentry (docs/notifications.md). Where issues and pages go is the overlay's
release policy (notifications.github, notifications.pagerduty). Runs until SIGTERM or Ctrl-C, and then finishes what it has taken over.

Exit codes: 0 ended by a signal, 2 bad arguments, manifests or a secret that is missing, 70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<void> {
  const { github, pagerduty } = policyOf(await readManifests(await folderOf(overlay, options.manifests))).notifications;
  if (!github && !pagerduty)
    throw new UsageError('the release policy has neither notifications.github nor notifications.pagerduty: name one');
  const wanted = { github, pagerduty };
  const credentials = credentialsFor(wanted, process.env);
  const [lack] = credentials.lacks;
  if (lack) throw new UsageError(`${lack.sink}: ${lack.message}`);
  const secret = clientSecret();

  const write = (line: string) => process.stdout.write(`${line}\n`);
  const report = outputOf(options) === 'json' ? jsonReport(write) : plainReport(write);
  const say = sayTo(report, () => new Date());
  const known = [secret, ...credentials.known];
  const sinks = openSinks({
    wanted,
    credentials: { ...credentials, known },
    clock: realClock,
    patience: PATIENCE,
    onGivenUp: (sink, what, why) => report(failure(realClock, sink, why, `${sink} was not told "${what}": ${why}`)),
  });
  const respond = newResponder(sinks, realClock);
  const server = newReceiver({
    secret,
    isFull: () => sinks.size() >= MOST_WAITING,
    onRefused: (why) => say('SENTRY_REFUSED', `refused a request: ${why}`),
    take(alert, delivery) {
      const { fingerprint, is, isCritical, title } = alert;
      say('SENTRY', `taken over: ${redactText(title, known)}`, { data: { fingerprint, is, isCritical, delivery } });
      respond(alert, delivery);
    },
  });
  const { signal, release } = stopSignal();
  const { host, port } = await listening(server, options.listen);
  say('SENTRY', `listening on ${host}:${port}`);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  say('SENTRY', `ending: ${sinks.size()} to be passed on`);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  await sinks.close(END_LIMIT);
  release();
}

function clientSecret(): string {
  try {
    return secretOf(process.env, VARIABLES.sentrySecret);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function listening(server: Server, { host, port }: Options['listen']): Promise<Options['listen']> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new UsageError(`cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => resolve({ host, port: (server.address() as AddressInfo).port }));
  });
}

function address(value: string): Options['listen'] {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(value) ?? [];
  if (!host || Number(port) > 65_535)
    throw new InvalidArgumentError('It must be an address and a port, e.g. 127.0.0.1:8080.');
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
