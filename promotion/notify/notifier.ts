import type { Folder } from '../evidence/folder.ts';
import { secretsIn } from '../evidence/redact.ts';
import { SUMMARY } from '../evidence/summary.ts';
import type { Plan } from '../plan/plan.ts';
import type { Emit, RunEvent } from '../report/events.ts';
import { credentialsFor, type SinkName } from './access.ts';
import { type Clock, realClock } from './clock.ts';
import { changeBy, shortSummary } from './incident.ts';
import { type Message, newTeller } from './message.ts';
import { openSinks } from './sinks.ts';

/**
 * Tells others of one run. None of this throws or is waited for while the run goes on, and at its end for `END_LIMIT` at most:
 * whatever becomes of a sink, the release goes on, and ends with the same exit code.
 */
export interface Notifier {
  /** Hears what the run tells. */
  readonly hear: Emit;
  /** The same folder, whose summary goes into the incident. */
  readonly keep: (folder: Folder) => Folder;
  /** Delivers what is still to be told; `enough` ends that at once. */
  readonly end: (enough?: AbortSignal) => Promise<void>;
}

export interface NotifierOptions {
  readonly plan: Plan;
  /** The run's, unique: what is sent carries it, so that it is taken once. */
  readonly id: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears, as events NOTIFY_FAILED, who could not be told. */
  readonly warn: Emit;
  /** @default the real one */
  readonly clock?: Clock;
}

/** How much later a command ends at most because somebody is still to be told, in milliseconds. */
export const END_LIMIT = 10_000;

/** Undefined where the policy names nobody. */
export function newNotifier({ plan, id, environment, warn, clock = realClock }: NotifierOptions): Notifier | undefined {
  const wanted = plan.policy.notifications;
  if (Object.keys(wanted).length === 0) return undefined;
  const { access, lacks, known: own } = credentialsFor(wanted, environment);
  const known = [...own, ...secretsIn(plan)];
  const say = (sink: SinkName, reason: string, message: string) => warn(failure(clock, sink, reason, message));
  const sinks = openSinks({
    wanted,
    credentials: { access, known },
    clock,
    onGivenUp: (sink, what, why) => say(sink, why, `${sink} was not told "${what}": ${why}`),
  });
  const teller = newTeller(id, runIn(environment));
  let summary: string | undefined;

  function pass(message: Message): void {
    sinks.tell(message);
    if (message.moment !== 'ended') return;
    const change = changeBy(message, summary ?? shortSummary(message), wanted);
    if (change?.is === 'open') sinks.open(change.incident);
    if (change?.is === 'over') sinks.recover(change.recovery);
  }

  return {
    hear(event) {
      if (event.code === 'STARTED') {
        for (const { sink, message } of lacks) say(sink, message, `${sink} will not be told: ${message}`);
      }
      try {
        const message = teller(event);
        if (message) pass(message);
      } catch (error) {
        // A bug in what only tells must not end the release.
        const { message } = error as Error;
        warn(
          failure(
            clock,
            'every sink',
            message,
            `a bug of this tool, please send it: nobody was told of ${event.code}: ${message}`,
          ),
        );
      }
    },
    keep: (folder) => ({
      path: folder.path,
      write(name, text) {
        // Whether or not the disk takes it.
        if (name === SUMMARY) summary = text;
        return folder.write(name, text);
      },
    }),
    end: (enough) => sinks.close(END_LIMIT, enough),
  };
}

export function failure(clock: Clock, sink: SinkName | 'every sink', reason: string, message: string): RunEvent {
  const time = new Date(clock.now()).toISOString();
  return { time, code: 'NOTIFY_FAILED', level: 'warning', message, data: { sink, reason } };
}

/** Where the run can be looked at, when it is one of GitHub Actions. */
export function runIn({ GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id }: Environment) {
  return server && repository && id ? `${server}/${repository}/actions/runs/${id}` : undefined;
}

type Environment = NotifierOptions['environment'];
