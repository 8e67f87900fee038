import { credentialsFor } from '../notify/access.ts';
import type { Notifications } from '../plan/notifications.ts';
import type { Check } from './preflight.ts';

/**
 * Whether this environment has the secrets of those whom the policy names. One that is missing stops no release, and whoever
 * promotes may have it, so it is no finding.
 */
export function checkNotifications(
  wanted: Notifications,
  environment: Readonly<Record<string, string | undefined>>,
): Check[] {
  const { lacks } = credentialsFor(wanted, environment);
  return Object.keys(wanted).map((sink) => {
    const at = { area: 'notifications', subject: sink } as const;
    const lack = lacks.find((one) => one.sink === sink);
    return lack
      ? { ...at, verdict: 'unknown', message: `${lack.message}; a promotion without it tells ${sink} nothing` }
      : {
          ...at,
          verdict: 'pass',
          message: 'its secrets are set here; whether they are right shows with the first message',
        };
  });
}
