import { z } from 'zod';

/** How a release can end that somebody may want to hear of; `usage`, `locked` and `unchanged` changed nothing. */
export const TOLD_OUTCOMES = [
  'promoted',
  'restored',
  'refused',
  'rolled-back',
  'stuck',
  'superseded',
  'unreachable',
  'internal',
  'interrupted',
] as const;

/** What happens in a release that is worth a message. */
export const MOMENTS = ['started', 'live', 'returning', 'ended'] as const;

const outcomes = z.array(z.enum(TOLD_OUTCOMES));
const moments = z.array(z.enum(MOMENTS));

/** Encrypted, or this machine: what is sent there carries a secret. */
const api = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !URL.canParse(text) || isPrivate(new URL(text)), 'must be https, because a secret is sent there')
  .refine((text) => !URL.canParse(text) || !new URL(text).username, 'must not carry credentials');

/** Whether what is sent to that address is read by nobody on the way: by https, or to this machine. */
export function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
}

/**
 * Who is told of a release, and of what. The secrets that this takes (addresses of hooks, tokens, keys) are in the
 * environment of whoever runs the command, never here: docs/notifications.md.
 */
export const notificationsSchema = z.strictObject({
  /** An incoming webhook of Slack; its address, which names the channel, is a secret. */
  slack: z
    .strictObject({
      /** Each is a message; the default is one for a good release, and two for one that goes back. */
      moments: moments.default(['returning', 'ended']),
      /** Which ends are told of. */
      outcomes: outcomes.default([...TOLD_OUTCOMES]),
      /** Stands in front of what is not good, e.g. `<!here>` or `<!subteam^S0123ABCD>`. */
      mention: z.string().min(1).max(100).optional(),
    })
    .optional(),
  /** A JSON POST to an address of yours, signed as standardwebhooks.com says. */
  webhook: z
    .strictObject({
      moments: moments.default([...MOMENTS]),
      outcomes: outcomes.default([...TOLD_OUTCOMES]),
    })
    .optional(),
  /** One issue an incident: opened by these outcomes, commented by the next ones, closed by the release that is well again. */
  github: z
    .strictObject({
      repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must be owner/name, e.g. moneywise/moneywise-deploy'),
      /** The label that all incidents carry, and are found again by. */
      label: z
        .string()
        .regex(/^[^,]{1,50}$/, 'must be a label of GitHub, without a comma')
        .default('moneywise-incident'),
      outcomes: outcomes.default(['refused', 'rolled-back', 'stuck']),
      api: api.default('https://api.github.com'),
    })
    .optional(),
  /** One alert an incident, by the Events API v2: triggered by these outcomes, resolved by the release that is well again. */
  pagerduty: z
    .strictObject({
      outcomes: outcomes.default(['stuck']),
      /** Without its path; in the EU `https://events.eu.pagerduty.com`. */
      api: api.default('https://events.pagerduty.com'),
    })
    .optional(),
});

/** With every default filled in. */
export type Notifications = z.output<typeof notificationsSchema>;
export type Moment = (typeof MOMENTS)[number];
export type ToldOutcome = (typeof TOLD_OUTCOMES)[number];
