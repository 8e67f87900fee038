import type { Message } from './message.ts';
import type { Delivery } from './outbox.ts';

/** The longest text that Slack shows well, in characters. */
const LONGEST = 3500;

/**
 * A message by an incoming webhook. Such a webhook can neither answer to a message nor change one, and takes no key by which
 * it would know one again: where only its answer was lost, the message is there twice.
 */
export function slackMessage({ url }: { url: string }, mention: string | undefined, message: Message): Delivery {
  const body = JSON.stringify({ text: slackText(message, mention), unfurl_links: false });
  return async (send) => {
    await send({ method: 'POST', url, body });
  };
}

export function slackText({ isGood, title, text, next, run, namespace }: Message, mention?: string): string {
  const lines = [
    `${isGood ? '✅' : `${mention ? `${mention} ` : ''}🔴`} *${escaped(title)}*`,
    escaped(text),
    ...(isGood ? [] : next.map((step) => `• ${escaped(step)}`)),
  ];
  const foot = `_${escaped(namespace)}_${run ? ` · <${run}|run>` : ''}`;
  const body = lines.join('\n');
  return `${body.length > LONGEST ? `${body.slice(0, LONGEST)} …` : body}\n${foot}`;
}

/** Text in which Slack sees no mention and no link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
