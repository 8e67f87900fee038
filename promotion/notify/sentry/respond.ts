import { code, table } from '../../evidence/markdown.ts';
import type { Clock } from '../clock.ts';
import type { Sinks } from '../sinks.ts';
import type { Alert } from './alert.ts';

/** An issue is commented once in this time at most, however often Sentry alerts, in milliseconds. */
export const QUIET = 3_600_000;
/** Fingerprints whose alerts are counted; the ones longest without an alert are forgotten. */
const MOST_COUNTED = 10_000;

/** Turns alerts into one issue and, where they are critical, one page for each fingerprint. */
export function newResponder(sinks: Pick<Sinks, 'open' | 'recover'>, clock: Pick<Clock, 'now'>) {
  /** Alerts of each fingerprint since this process began. */
  const counts = new Map<string, { count: number; since: number }>();

  /** `id` is the delivery's. */
  return (alert: Alert, id: string): void => {
    const key = `sentry/${alert.fingerprint}`;
    if (alert.is === 'over') {
      counts.delete(key);
      sinks.recover({ key, id, comment: `Over, says Sentry.\n\n${factsOf(alert)}` });
      return;
    }
    const { count, since } = counts.get(key) ?? { count: 0, since: clock.now() };
    // Put last, so that the first is the one longest without an alert.
    counts.delete(key);
    counts.set(key, { count: count + 1, since });
    const [oldest] = counts.keys();
    if (counts.size > MOST_COUNTED && oldest !== undefined) counts.delete(oldest);
    const body = factsOf(alert);
    const times = `${count + 1} alerts since ${new Date(since).toISOString()}.`;
    const { title, facts, url } = alert;
    sinks.open({
      key,
      id,
      issue: { title: `Sentry: ${title}`, body, comment: `${times}\n\n${body}`, quiet: QUIET },
      page: alert.isCritical
        ? {
            summary: `Sentry: ${title}`,
            source: facts.project ?? facts.environment ?? 'sentry',
            severity: 'critical',
            time: new Date(clock.now()).toISOString(),
            details: facts,
            link: url,
          }
        : undefined,
    });
  };
}

function factsOf({ title, facts, url }: Alert): string {
  const rows = Object.entries(facts).map(([name, value]) => [name, code(value)]);
  return `${code(title)}\n\n${table(['', ''], rows)}${url ? `\n\n[In Sentry](${url})` : ''}`;
}
