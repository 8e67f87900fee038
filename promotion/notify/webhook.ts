import { createHmac } from 'node:crypto';
import type { Message } from './message.ts';
import type { Delivery } from './outbox.ts';

/**
 * A message as a JSON POST, signed as standardwebhooks.com says: `webhook-id` stays the same over all tries, so that a
 * receiver takes it once, and `webhook-timestamp` is that of the try, so that an old one can be refused.
 */
export function webhookMessage(
  { url, key }: { url: string; key: Buffer },
  now: () => number,
  message: Message,
): Delivery {
  const body = JSON.stringify(message);
  return async (send) => {
    const timestamp = Math.floor(now() / 1000);
    const signature = createHmac('sha256', key).update(`${message.id}.${timestamp}.${body}`).digest('base64');
    const headers = {
      'webhook-id': message.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${signature}`,
    };
    await send({ method: 'POST', url, headers, body });
  };
}
