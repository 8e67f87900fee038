import { createHash } from 'node:crypto';
import type { Delivery } from './outbox.ts';

/** Where alerts go: the address without its path, and the integration's key. */
export interface PagerDuty {
  readonly api: string;
  readonly key: string;
}

/** What somebody is woken up for. */
export interface Page {
  /** One line. */
  readonly summary: string;
  /** What is affected, e.g. a namespace. */
  readonly source: string;
  readonly severity: 'critical' | 'error' | 'warning';
  /** RFC 3339. */
  readonly time: string;
  readonly details: Readonly<Record<string, string | readonly string[]>>;
  readonly link?: string | undefined;
}

/** Limits of the Events API v2, in characters. */
const LONGEST_SUMMARY = 1024;
const LONGEST_KEY = 255;
/** Of a detail, so that an event stays far below the 512 KB that one may have: characters, and items of a list. */
const LONGEST_DETAIL = 2000;
const MOST_ITEMS = 50;

/** Triggers the alert of that key; where it is open already, PagerDuty notes the event in it. */
export function trigger({ api, key }: PagerDuty, incident: string, page: Page): Delivery {
  const { summary, source, severity, time, details, link } = page;
  const short = Object.entries(details).map(([name, detail]) => [
    name,
    typeof detail === 'string'
      ? detail.slice(0, LONGEST_DETAIL)
      : detail.slice(0, MOST_ITEMS).map((item) => item.slice(0, LONGEST_DETAIL)),
  ]);
  return enqueue(api, {
    routing_key: key,
    event_action: 'trigger',
    dedup_key: dedupKey(incident),
    payload: {
      summary: summary.slice(0, LONGEST_SUMMARY),
      source,
      severity,
      timestamp: time,
      custom_details: Object.fromEntries(short),
    },
    ...(link ? { links: [{ href: link, text: 'where it was found' }] } : {}),
  });
}

/** Resolves the alert of that key; where there is none, PagerDuty drops it. */
export function resolve({ api, key }: PagerDuty, incident: string): Delivery {
  return enqueue(api, { routing_key: key, event_action: 'resolve', dedup_key: dedupKey(incident) });
}

function enqueue(api: string, event: object): Delivery {
  const body = JSON.stringify(event);
  return async (send) => {
    await send({ method: 'POST', url: `${api.replace(/\/$/, '')}/v2/enqueue`, body });
  };
}

function dedupKey(incident: string): string {
  const key = `moneywise-deploy/${incident}`;
  return key.length <= LONGEST_KEY ? key : `moneywise-deploy/${createHash('sha256').update(incident).digest('hex')}`;
}
