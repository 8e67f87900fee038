import { redact, redactText } from '../evidence/redact.ts';
import type { Notifications } from '../plan/notifications.ts';
import type { Credentials, SinkName } from './access.ts';
import type { Clock } from './clock.ts';
import { closeIssue, type Opening, openIssue } from './github.ts';
import { newSender } from './http.ts';
import { isWanted, type Message } from './message.ts';
import { type Delivery, newOutbox, type Outbox } from './outbox.ts';
import { type Page, resolve, trigger } from './pagerduty.ts';
import { slackMessage } from './slack.ts';
import { webhookMessage } from './webhook.ts';

/** Something that is wrong until it is said to be over. */
export interface Incident {
  /** What it is about, e.g. a release in a namespace: one issue and one alert at a time. */
  readonly key: string;
  /** The same however often it is told. */
  readonly id: string;
  /** What is to be read about it; no issue, without it. */
  readonly issue?: Pick<Opening, 'title' | 'body' | 'comment' | 'quiet'> | undefined;
  /** What somebody is woken up for; nobody, without it. */
  readonly page?: Page | undefined;
}

export interface Recovery {
  readonly key: string;
  readonly id: string;
  /** Markdown. */
  readonly comment: string;
}

/** Everybody whom a policy names and the environment has the secrets for. What they are told is redacted here. Nothing of it throws. */
export interface Sinks {
  /** A message to those who want such ones. */
  readonly tell: (message: Message) => void;
  /** An issue and, with a page, an alert. */
  readonly open: (incident: Incident) => void;
  /** Closes both, where they are open. */
  readonly recover: (recovery: Recovery) => void;
  /** How much waits to be delivered. */
  readonly size: () => number;
  /** Delivers what waits, for so many milliseconds at most, or until `enough` is aborted. */
  readonly close: (milliseconds: number, enough?: AbortSignal) => Promise<void>;
}

export interface SinksOptions {
  readonly wanted: Notifications;
  readonly credentials: Pick<Credentials, 'access' | 'known'>;
  readonly clock: Clock;
  /** How long one thing is tried for, in milliseconds. @default until all are closed */
  readonly patience?: number;
  /** Hears, without secrets, what was not delivered. */
  readonly onGivenUp: (sink: SinkName, what: string, why: string) => void;
}

/** How much is said of what was lost, in characters. */
const TOLD = 200;

export function openSinks({ wanted, credentials, clock, patience, onGivenUp }: SinksOptions): Sinks {
  const { access, known } = credentials;
  const sender = newSender(known, clock.now);
  const clean = (text: string) => redactText(text, known);
  const boxes = new Map<SinkName, Outbox>();
  const github = wanted.github && access.github && { ...wanted.github, ...access.github };
  const pagerduty = wanted.pagerduty && access.pagerduty && { ...wanted.pagerduty, ...access.pagerduty };

  /** A queue for each, so that one that is dead holds up no other. */
  function put(sink: SinkName, what: string, delivery: Delivery): void {
    let box = boxes.get(sink);
    if (!box) {
      const failed = (lost: string, why: string) => onGivenUp(sink, clean(lost).slice(0, TOLD), clean(why));
      box = newOutbox({ send: sender.send, clock, onGivenUp: failed, ...(patience === undefined ? {} : { patience }) });
      boxes.set(sink, box);
    }
    box.put(what, delivery);
  }

  return {
    tell(said) {
      const { slack, webhook } = wanted;
      const message = redact(said, known);
      if (slack && access.slack && isWanted(message, slack))
        put('slack', message.title, slackMessage(access.slack, slack.mention, message));
      if (webhook && access.webhook && isWanted(message, webhook))
        put('webhook', message.title, webhookMessage(access.webhook, clock.now, message));
    },
    open({ key, id, issue, page }) {
      if (github && issue) {
        const opening = { ...issue, incident: key, id, title: clean(issue.title), body: clean(issue.body) };
        put('github', issue.title, openIssue(github, { ...opening, comment: clean(issue.comment) }, clock.now));
      }
      if (pagerduty && page) put('pagerduty', page.summary, trigger(pagerduty, key, redact(page, known)));
    },
    recover({ key, id, comment }) {
      const note = { incident: key, id, comment: clean(comment) };
      if (github) put('github', `the end of ${key}`, closeIssue(github, note, clock.now));
      if (pagerduty) put('pagerduty', `the end of ${key}`, resolve(pagerduty, key));
    },
    size: () => [...boxes.values()].reduce((sum, box) => sum + box.size(), 0),
    async close(milliseconds, enough) {
      await Promise.all([...boxes.values()].map((box) => box.close(milliseconds, enough)));
      await sender.close();
    },
  };
}
