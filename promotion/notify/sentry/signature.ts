import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whether Sentry has sent that body: `Sentry-Hook-Signature` is its HMAC-SHA256 with the integration's client secret, in hex. */
export function isSigned(body: Buffer, signature: unknown, secret: string): boolean {
  if (typeof signature !== 'string') return false;
  const expected = createHmac('sha256', secret).update(body).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
