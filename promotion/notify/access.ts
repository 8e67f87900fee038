import { readFileSync } from 'node:fs';
import { isPrivate, type Notifications } from '../plan/notifications.ts';

/** Who can be told something. */
export type SinkName = 'slack' | 'webhook' | 'github' | 'pagerduty';

/** The environment variables that hold secrets; each may instead be the name of a file, in the variable with `_FILE` behind it. */
export const VARIABLES = {
  slackUrl: 'MONEYWISE_SLACK_WEBHOOK_URL',
  webhookUrl: 'MONEYWISE_WEBHOOK_URL',
  webhookSecret: 'MONEYWISE_WEBHOOK_SECRET',
  githubToken: 'MONEYWISE_GITHUB_TOKEN',
  pagerdutyKey: 'MONEYWISE_PAGERDUTY_ROUTING_KEY',
  sentrySecret: 'MONEYWISE_SENTRY_CLIENT_SECRET',
} as const;

/** What each sink that a policy names needs; a sink of which something is missing is not there. */
export interface Access {
  readonly slack?: { readonly url: string };
  readonly webhook?: { readonly url: string; readonly key: Buffer };
  readonly github?: { readonly token: string };
  readonly pagerduty?: { readonly key: string };
}

/** Why a sink that the policy names cannot be told anything; names variables, never values. */
export interface Lack {
  readonly sink: SinkName;
  readonly message: string;
}

export interface Credentials {
  readonly access: Access;
  readonly lacks: readonly Lack[];
  /** All secrets in every form in which they could be met again, so that they can be kept out of what is told. */
  readonly known: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment has for the sinks of a policy. */
export function credentialsFor(sinks: Notifications, environment: Environment): Credentials {
  const lacks: Lack[] = [];
  const values: string[] = [];
  const access: { -readonly [S in keyof Access]: Access[S] } = {};

  /** Runs `make` for a sink that is asked for; what it throws is a lack. */
  function give<S extends SinkName>(sink: S, make: () => NonNullable<Access[S]>): void {
    if (!sinks[sink]) return;
    try {
      access[sink] = make() as Access[S];
    } catch (error) {
      lacks.push({ sink, message: (error as Error).message });
    }
  }
  const take = (name: string) => {
    const value = secretOf(environment, name);
    values.push(...formsOf(value));
    return value;
  };

  give('slack', () => ({ url: addressIn(take(VARIABLES.slackUrl), VARIABLES.slackUrl) }));
  give('webhook', () => {
    const url = addressIn(take(VARIABLES.webhookUrl), VARIABLES.webhookUrl);
    return { url, key: signingKey(take(VARIABLES.webhookSecret)) };
  });
  give('github', () => ({ token: headerSafe(take(VARIABLES.githubToken), VARIABLES.githubToken) }));
  give('pagerduty', () => ({ key: headerSafe(take(VARIABLES.pagerdutyKey), VARIABLES.pagerdutyKey) }));
  return { access, lacks, known: values.sort((a, b) => b.length - a.length) };
}

/** A secret of the environment, or of the file that the environment names. Throws an error that names the variable. */
export function secretOf(environment: Environment, name: string): string {
  const file = environment[`${name}_FILE`];
  if (environment[name] === undefined && file !== undefined) {
    try {
      const text = readFileSync(file, 'utf8').trim();
      if (text !== '') return text;
    } catch (error) {
      throw new Error(`the file that ${name}_FILE names cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
    throw new Error(`the file that ${name}_FILE names is empty`);
  }
  const value = environment[name]?.trim() ?? '';
  if (value === '') throw new Error(`${name} is not set (or ${name}_FILE, a file that holds it)`);
  return value;
}

/** Secrets shorter than this are not looked for: they would be found in every other word. */
const SHORTEST = 6;

/** A secret, as JSON or an URL may write it; of an URL also its path, which is what is secret about it. */
function formsOf(value: string): string[] {
  const path = URL.canParse(value) ? new URL(value).pathname : '';
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), path].filter(
    (form) => form.length >= SHORTEST,
  );
}

function addressIn(value: string, name: string): string {
  if (!URL.canParse(value)) throw new Error(`${name} is no URL`);
  if (!isPrivate(new URL(value))) throw new Error(`${name} must be an https URL`);
  return value;
}

/** As standardwebhooks.com has it: Base64 of at least 24 bytes, with `whsec_` in front or without. */
function signingKey(value: string): Buffer {
  const text = value.replace(/^whsec_/, '');
  const key = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]+=*$/.test(text) || key.length < 24) {
    throw new Error(`${VARIABLES.webhookSecret} must be Base64 of at least 24 random bytes: openssl rand -base64 32`);
  }
  return key;
}

function headerSafe(value: string, name: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) throw new Error(`${name} has a space or another sign that no key has`);
  return value;
}
