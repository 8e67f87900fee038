import { block, code } from '../evidence/markdown.ts';
import type { Notifications, ToldOutcome } from '../plan/notifications.ts';
import { isTold, type Message } from './message.ts';
import type { Page } from './pagerduty.ts';
import type { Incident, Recovery } from './sinks.ts';

/** What a run that has ended means for the incident of its release; nothing, for most ends that changed nothing. */
export type Change =
  | { readonly is: 'open'; readonly incident: Incident }
  | { readonly is: 'over'; readonly recovery: Recovery };

/** Ends after which every member is where it was asked to be. */
const WELL: readonly unknown[] = ['promoted', 'restored', 'unchanged'];

/** The incident of a release: all of its failures until it is well again are one. */
export function keyOf({ release, namespace }: Pick<Message, 'release' | 'namespace'>): string {
  return `release/${release}/${namespace}`;
}

/** `summary` is the Markdown of the run's evidence. */
export function changeBy(message: Message, summary: string, wanted: Notifications): Change | undefined {
  const { id, title, text, outcome, run } = message;
  const key = keyOf(message);
  const link = run ? `\n\n[The run](${run}), which has the evidence.` : '';
  if (WELL.includes(outcome)) {
    return { is: 'over', recovery: { key, id, comment: `Over: ${code(text)}${link}` } };
  }
  if (!outcome || !isTold(outcome)) return undefined;
  const isWanted = (sink: { outcomes: readonly ToldOutcome[] } | undefined) => sink?.outcomes.includes(outcome);
  const comment = `It happened again.${link}\n\n${summary}`;
  const issue = isWanted(wanted.github) ? { title, body: `${summary}${link}`, comment } : undefined;
  const page = isWanted(wanted.pagerduty) ? pageOf(message) : undefined;
  return issue || page ? { is: 'open', incident: { key, id, issue, page } } : undefined;
}

function pageOf({ title, text, next, namespace, time, run }: Message): Page {
  const details = { what: text, next };
  return { summary: `${title}: ${text}`, source: namespace, severity: 'critical', time, details, link: run };
}

/** A summary where there is no evidence: the run ended before it had any. */
export function shortSummary({ title, text, next }: Message): string {
  const steps =
    next.length === 0 ? '' : `\n\n### What to do next\n\n${next.map((step) => `- ${code(step)}`).join('\n')}`;
  return `## ${code(title)}\n\n${block(text)}${steps}\n`;
}
