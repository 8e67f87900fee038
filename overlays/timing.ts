import type { BlueGreen, Monitoring } from './overlay.ts';

/** How long an analysis may take at most, in seconds, errors that are forgiven included (each costs 10 s more). */
export function analysisSeconds(analysis: BlueGreen['analysis']): number {
  const { checks, intervalSeconds, timeoutSeconds, errorLimit, podStartSeconds } = analysis;
  return podStartSeconds + checks * (intervalSeconds + timeoutSeconds) + errorLimit * (10 + timeoutSeconds);
}

/** How long the hold lasts at most before it takes the member back, in seconds; 0 for one that never does. */
export function holdSeconds({ hold }: BlueGreen): number {
  return hold.kind === 'dead-man-switch' ? hold.seconds : 0;
}

/** The least hold with which the last member can still settle: two orders switched one by one, verified, and a margin. */
export function leastHoldSeconds({ timeouts, holdMarginSeconds }: BlueGreen): number {
  return 2 * timeouts.switchSeconds + timeouts.verifySeconds + holdMarginSeconds;
}

/**
 * The least time that pods of either colour must outlive a decision: hold, verification, the way back and a margin. Without
 * a hold a member settles as it is switched, so its old pods wait until the last member is switched, too.
 */
export function leastScaleDownSeconds(strategy: BlueGreen): number {
  const { returnSeconds, switchSeconds, verifySeconds } = strategy.timeouts;
  const until = strategy.hold.kind === 'none' ? 2 * switchSeconds : holdSeconds(strategy);
  return until + verifySeconds + returnSeconds + 30;
}

/** How a query of the promoter is asked: how often, with what between two tries and for how long each, in seconds. */
export const gateQuery = { tries: 5, intervalSeconds: 15, timeoutSeconds: 2 };

/** How long the promoter may ask Prometheus at most, in seconds: a window, then the tries, two requests each. */
export function gateSeconds({ windowSeconds }: NonNullable<Monitoring['gates']>): number {
  const { intervalSeconds, timeoutSeconds, tries } = gateQuery;
  return windowSeconds + (tries - 1) * intervalSeconds + tries * 2 * timeoutSeconds;
}
