import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a delivery of Sentry means; its formats are those of docs.sentry.io/organization/integrations/integration-platform/webhooks. */
export interface Alert {
  /** What Sentry groups by: the issue of an error, the rule of a metric. */
  readonly fingerprint: string;
  readonly is: 'bad' | 'over';
  /** Whether somebody is woken up. */
  readonly isCritical: boolean;
  /** One line, written by whoever caused the error: never markup. */
  readonly title: string;
  /** Facts by their names, in the order in which they are shown. */
  readonly facts: Readonly<Record<string, string>>;
  /** Where a person looks at it in Sentry. */
  readonly url?: string;
}

/** Levels of an event, and states of a metric, that wake somebody up. */
const CRITICAL = new Set(['fatal', 'critical']);

const text = z.string().nullish();
const id = z.union([z.string().min(1), z.int().transform(String)]);

const event = z.object({
  title: text,
  level: text,
  culprit: text,
  environment: text,
  release: text,
  issue_id: id.nullish(),
  hashes: z.array(z.string()).nullish(),
  fingerprint: z.array(z.string()).nullish(),
  web_url: text,
  datetime: text,
});

const issue = z.object({
  id,
  title: text,
  level: text,
  culprit: text,
  shortId: text,
  count: z.union([z.string(), z.number()]).nullish(),
  web_url: text,
  permalink: text,
  project: z.object({ slug: text }).nullish(),
});

const metric = z.object({
  description_title: text,
  description_text: text,
  web_url: text,
  metric_alert: z.object({ alert_rule: z.object({ id, name: text }), organization_id: id.nullish() }),
});

/** By `Sentry-Hook-Resource`. Others (installation, comment, …) tell of nothing that is wrong. */
const deliveries = {
  event_alert: z
    .object({ action: z.string(), data: z.object({ event, triggered_rule: text }) })
    .transform(({ data: { event: e, triggered_rule: rule } }): Alert => {
      const facts = {
        rule,
        level: e.level,
        culprit: e.culprit,
        environment: e.environment,
        release: e.release,
        seen: e.datetime,
      };
      return alert(fingerprintOf(e), 'bad', e.level, e.title, facts, e.web_url);
    }),
  issue: z
    .object({ action: z.string(), data: z.object({ issue }) })
    .transform(({ action, data: { issue: i } }): Alert | undefined => {
      const is = ISSUE_ACTIONS[action];
      if (!is) return undefined;
      const facts = {
        what: action,
        level: i.level,
        culprit: i.culprit,
        issue: i.shortId,
        project: i.project?.slug,
        events: i.count?.toString(),
      };
      return alert(`issue/${i.id}`, is, i.level, i.title, facts, i.web_url ?? i.permalink);
    }),
  metric_alert: z.object({ action: z.string(), data: metric }).transform(({ action, data }): Alert => {
    const { alert_rule: rule, organization_id: organization } = data.metric_alert;
    const facts = { rule: rule.name, state: action, measured: data.description_text };
    const key = `metric/${organization ?? ''}/${rule.id}`;
    return alert(key, action === 'resolved' ? 'over' : 'bad', action, data.description_title, facts, data.web_url);
  }),
} as const;

const ISSUE_ACTIONS: Readonly<Record<string, Alert['is']>> = {
  created: 'bad',
  unresolved: 'bad',
  resolved: 'over',
  archived: 'over',
  ignored: 'over',
};

/** Undefined for what tells of nothing that is wrong. Throws an error for what is not in Sentry's format. */
export function alertIn(resource: string, body: Buffer): Alert | undefined {
  if (!Object.hasOwn(deliveries, resource)) return undefined;
  return deliveries[resource as keyof typeof deliveries].parse(JSON.parse(body.toString('utf8')));
}

function alert(
  fingerprint: string,
  is: Alert['is'],
  level: string | null | undefined,
  title: string | null | undefined,
  facts: Readonly<Record<string, string | null | undefined>>,
  url: string | null | undefined,
): Alert {
  return {
    fingerprint,
    is,
    isCritical: is === 'bad' && CRITICAL.has(level ?? ''),
    title: (title || 'an alert without a title').replace(/\s+/g, ' ').slice(0, 200),
    facts: Object.fromEntries(Object.entries(facts).flatMap(([name, value]) => (value ? [[name, value]] : []))),
    ...(url && /^https?:\/\/[^\s<>()[\]]+$/.test(url) ? { url } : {}),
  };
}

/** The issue that Sentry has put the event in, by the fingerprint of its own; without one, that fingerprint. */
function fingerprintOf({ issue_id, fingerprint, hashes }: z.output<typeof event>): string {
  if (issue_id) return `issue/${issue_id}`;
  const own = fingerprint?.filter((part) => part !== '{{ default }}') ?? [];
  const parts = [...own, ...(hashes ?? [])];
  return `event/${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`;
}
