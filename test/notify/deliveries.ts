import { createHmac, randomUUID } from 'node:crypto';

// Deliveries in Sentry's webhook formats, cut down to the fields around those that are read.

export const CLIENT_SECRET = 'sentry-client-secret-0123456789';

export function eventAlert(change: Record<string, unknown> = {}) {
  const event = {
    culprit: '?(<anonymous>)',
    datetime: '2026-08-19T21:06:17.677000Z',
    event_id: 'e4874d664c3540c1a32eab185f12c5ab',
    fingerprint: ['{{ default }}'],
    hashes: ['29f7ffc4903a8a990408b80a3b4c95a2'],
    issue_url: 'https://sentry.io/api/0/issues/1117540176/',
    issue_id: '1117540176',
    level: 'error',
    release: null,
    tags: [['level', 'error']],
    title: 'ReferenceError: heck is not defined',
    web_url: 'https://sentry.io/organizations/test-org/issues/1117540176/events/e4874d664c3540c1a32eab185f12c5ab/',
    ...change,
  };
  return {
    action: 'triggered',
    actor: { id: 'sentry', name: 'Sentry', type: 'application' },
    data: { event, triggered_rule: 'Very Important Alert Rule!' },
    installation: { uuid: 'a8e5d37a-696c-4c54-adb5-b3f28d64c7de' },
  };
}

export function issueChange(action: string) {
  return {
    action,
    data: {
      issue: {
        id: '1117540176',
        count: '12',
        culprit: '?(runner)',
        level: 'error',
        permalink: null,
        project: { id: '1', name: 'front-end', slug: 'front-end' },
        shortId: 'FRONT-END-9',
        title: 'ReferenceError: heck is not defined',
      },
    },
  };
}

export function metricAlert(action: string) {
  return {
    action,
    data: {
      description_text: '1000 events in the last 10 minutes',
      description_title: `${action}: Too many errors`,
      metric_alert: { id: '4', organization_id: '5', alert_rule: { id: '7', name: 'Too many errors', triggers: [] } },
      web_url: 'https://sentry.io/organizations/baz/alerts/1/',
    },
  };
}

export interface Sending {
  readonly id?: string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Posts a delivery as Sentry does; `body` is an object, or text as it is. */
export function deliver(url: string, resource: string, body: object | string, how: Sending = {}): Promise<Response> {
  const { id = randomUUID(), secret = CLIENT_SECRET, headers } = how;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url, {
    method: 'POST',
    body: text,
    headers: {
      'content-type': 'application/json',
      'request-id': id,
      'sentry-hook-resource': resource,
      'sentry-hook-timestamp': '1790000000',
      'sentry-hook-signature': createHmac('sha256', secret).update(text).digest('hex'),
      ...headers,
    },
  });
}
