import { describe, expect, it } from 'vitest';
import { holdMetric } from '../../charts/constructs/hold.ts';
import { parseOverlay } from '../../overlays/load.ts';
import { staging } from '../../overlays/staging.ts';
import { pins } from '../overlays/samples.ts';
import { find, objectsOf } from './objects.ts';

/** When a run of the metric ends and how, if every measurement is taken on time and comes out as `verdict`. */
function ending(seconds: number, verdict: 'failed' | 'successful'): { phase: string; after: number } {
  const metric = holdMetric({ kind: 'dead-man-switch', seconds }, 'http://backend/');
  const [count, limit] = [Number(metric?.count?.value), Number(metric?.failureLimit?.value)];
  const interval = Number.parseInt(metric?.interval ?? '', 10);
  for (let taken = 1; ; taken += 1) {
    const after = (taken - 1) * interval;
    // As the controller does it: the limit is looked at before the count.
    if (verdict === 'failed' && taken > limit) return { phase: 'Failed', after };
    if (taken >= count) return { phase: 'Successful', after };
  }
}

describe('the dead man’s switch', () => {
  it.each([5, 7, 60, 300, 301, 3600])('of %d s fails by itself then, and at most one interval later', (seconds) => {
    const { phase, after } = ending(seconds, 'failed');
    expect(phase).toBe('Failed');
    expect(after).toBeGreaterThanOrEqual(seconds);
    expect(after).toBeLessThan(seconds + 5);
  });

  it('never succeeds by itself: every answer is a failure, and the limit comes before the count', () => {
    const metric = holdMetric({ kind: 'dead-man-switch', seconds: 300 }, 'http://backend/');
    expect(metric).toMatchObject({ failureCondition: 'true' });
    expect(metric).not.toHaveProperty('successCondition');
    expect(Number(metric?.count?.value)).toBeGreaterThan(Number(metric?.failureLimit?.value) + 1);
  });

  it('holds every member of a release by one template that asks the live backend', () => {
    const objects = objectsOf(parseOverlay(staging, pins));
    expect(find(objects, 'AnalysisTemplate', 'hold').spec.metrics).toEqual([
      {
        name: 'hold',
        interval: '5s',
        failureCondition: 'true',
        failureLimit: 60,
        count: 62,
        provider: {
          web: {
            url: 'http://backend.moneywise-staging.svc.cluster.local:3001/api/health/live',
            headers: [{ key: 'Connection', value: 'close' }],
            jsonPath: '{$}',
            timeoutSeconds: 5,
          },
        },
      },
    ]);
  });
});

describe('the other holds', () => {
  const withHold = (hold: { kind: 'until-ended' | 'none' }) =>
    objectsOf(parseOverlay({ ...staging, strategy: { ...staging.strategy, kind: 'blue-green', hold } as never }, pins));

  it('until-ended is inconclusive whatever the answer, and waits at the end', () => {
    const [metric] = find(withHold({ kind: 'until-ended' }), 'AnalysisTemplate', 'hold').spec.metrics;
    expect(metric).toMatchObject({
      successCondition: 'false',
      failureCondition: 'false',
      count: 8,
      inconclusiveLimit: 7,
    });
  });

  it('none renders no template and no reference to one', () => {
    const objects = withHold({ kind: 'none' });
    expect(() => find(objects, 'AnalysisTemplate', 'hold')).toThrow();
    const { postPromotionAnalysis } = find(objects, 'Rollout', 'web').spec.strategy.blueGreen;
    expect(postPromotionAnalysis.templates).toEqual([{ templateName: 'web-page' }]);
  });
});
