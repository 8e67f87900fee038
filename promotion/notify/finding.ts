import { randomUUID } from 'node:crypto';
import { block, code } from '../evidence/markdown.ts';
import type { Policy } from '../plan/policy.ts';
import type { Emit } from '../report/events.ts';
import { credentialsFor } from './access.ts';
import { type Clock, realClock } from './clock.ts';
import type { Message } from './message.ts';
import { END_LIMIT, failure, runIn } from './notifier.ts';
import { openSinks } from './sinks.ts';

/** What a look at something has shown, e.g. a health check of the public paths. */
export interface Finding {
  /** What was looked at, e.g. `health-check`: one incident at a time for it, beside that of the release. */
  readonly about: string;
  readonly isGood: boolean;
  /** One line, e.g. `production: api-health answers 503`. */
  readonly title: string;
  /** What was found, for people; of several lines. */
  readonly text: string;
  /** What to do next. @default nothing */
  readonly next?: readonly string[];
  /** Whether somebody is woken up for it. @default false */
  readonly pages?: boolean;
}

export interface FindingOptions {
  readonly policy: Policy;
  readonly namespace: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears, as events NOTIFY_FAILED, who could not be told. */
  readonly warn: Emit;
  /** @default the real one */
  readonly clock?: Clock;
}

/** A look that finds the same again is told in an issue once an hour at most, in milliseconds. */
const QUIET = 3_600_000;

/**
 * Tells those whom a policy names of one finding: messages and an incident when it is bad, the end of that incident when it is
 * good. Resolves within `END_LIMIT`, and never rejects.
 */
export async function tellFinding(finding: Finding, options: FindingOptions): Promise<void> {
  const { policy, namespace, environment, warn, clock = realClock } = options;
  const { about, isGood, title, text, next = [], pages = false } = finding;
  const wanted = policy.notifications;
  const { lacks, ...credentials } = credentialsFor(wanted, environment);
  for (const { sink, message } of lacks) warn(failure(clock, sink, message, `${sink} will not be told: ${message}`));
  const sinks = openSinks({
    wanted,
    credentials,
    clock,
    onGivenUp: (sink, what, why) => warn(failure(clock, sink, why, `${sink} was not told "${what}": ${why}`)),
  });
  const id = randomUUID();
  const key = `${about}/${policy.release}/${namespace}`;
  const time = new Date(clock.now()).toISOString();
  const run = runIn(environment);
  if (isGood) {
    sinks.recover({ key, id, comment: `Over: ${code(title)}` });
  } else {
    const said = { id, time, isGood, title, text, next, release: policy.release, namespace };
    const message: Message = { ...said, moment: 'finding', ...(run ? { run } : {}) };
    const steps = next.map((step) => `\n- ${code(step)}`).join('');
    const body = `${block(text)}\n${steps}`;
    const details = { what: text, next };
    sinks.tell(message);
    sinks.open({
      key,
      id,
      issue: { title, body, comment: `It is still so.\n\n${body}`, quiet: QUIET },
      page: pages ? { summary: title, source: namespace, severity: 'critical', time, details, link: run } : undefined,
    });
  }
  await sinks.close(END_LIMIT);
}
