import type { BlueGreen, Monitoring, Performance } from './overlay.ts';

/** How long an analysis may take at most, in seconds, errors that are forgiven included (each costs 10 s more). */
export function analysisSeconds(analysis: BlueGreen['analysis']): number {
  const { checks, intervalSeconds, timeoutSeconds, errorLimit, podStartSeconds } = analysis;
  return podStartSeconds + checks * (intervalSeconds + timeoutSeconds) + errorLimit * (10 + timeoutSeconds);
}

/** How long a new revision may be under load at most, in seconds: its pod's start, the load, the last answers, and a margin. */
export function loadSeconds({ analysis }: BlueGreen, { seconds, timeoutSeconds }: Performance): number {
  return analysis.podStartSeconds + seconds + timeoutSeconds + 10;
}

/** How long the hold lasts at most before it takes the member back, in seconds; 0 for one that never does. */
export function holdSeconds({ hold }: BlueGreen): number {
  return hold.kind === 'dead-man-switch' ? hold.seconds : 0;
}

/**
 * How long rejected pods of a canary stay whose traffic a load balancer divides, in seconds. The controller takes a time of 15 minutes and
 * more, its period of looking at everything (`--rollout-resync`), for one that is over. The traffic is back without them.
 */
export function routedAbortSeconds({ abortScaleDownDelaySeconds }: BlueGreen): number {
  return Math.min(abortScaleDownDelaySeconds, 14 * 60);
}

/** How long the canaries take from their promotion to their last share by what their steps say, in seconds. */
export function canarySeconds({ analysis, canaries }: BlueGreen): number {
  const steps = Object.values(canaries).flatMap((canary) => canary?.steps ?? []);
  return steps.reduce(
    (sum, { judged, pauseSeconds = 0 }) => sum + pauseSeconds + (judged ? analysisSeconds(analysis) : 0),
    0,
  );
}

/** The least hold with which the last member can still settle: two orders switched one by one, verified, and a margin. */
export function leastHoldSeconds(strategy: BlueGreen): number {
  const { timeouts, holdMarginSeconds } = strategy;
  return canarySeconds(strategy) + 2 * timeouts.switchSeconds + timeouts.verifySeconds + holdMarginSeconds;
}

/**
 * The least time that pods of either colour must outlive a decision: hold, verification, the way back and a margin. Without
 * a hold a member settles as it is switched, so its old pods wait until the last member is switched, too.
 */
export function leastScaleDownSeconds(strategy: BlueGreen): number {
  const { returnSeconds, switchSeconds, verifySeconds } = strategy.timeouts;
  const until = strategy.hold.kind === 'none' ? 2 * switchSeconds + canarySeconds(strategy) : holdSeconds(strategy);
  return until + verifySeconds + returnSeconds + 30;
}

/** How a query of the promoter is asked: how often, with what between two tries and for how long each, in seconds. */
export const gateQuery = { tries: 5, intervalSeconds: 15, timeoutSeconds: 2 };

/** How long the promoter may ask Prometheus at most, in seconds: a window, then the tries, two requests each. */
export function gateSeconds({ windowSeconds }: NonNullable<Monitoring['gates']>): number {
  const { intervalSeconds, timeoutSeconds, tries } = gateQuery;
  return windowSeconds + (tries - 1) * intervalSeconds + tries * 2 * timeoutSeconds;
}

/** How long one try of the promoter may take at most, in seconds: two orders switched one by one, verified, and brought back. */
export function promotionSeconds(strategy: BlueGreen): number {
  const { prepareSeconds, returnSeconds, settleSeconds, switchSeconds, verifySeconds } = strategy.timeouts;
  return prepareSeconds + canarySeconds(strategy) + 2 * switchSeconds + verifySeconds + settleSeconds + returnSeconds;
}
