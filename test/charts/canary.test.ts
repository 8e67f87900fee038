import { App, Chart, Duration, Testing } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import { CanaryRollout, type CanaryRolloutProps } from '../../charts/constructs/canary-rollout.ts';
import { memberProps } from './member.ts';
import { find } from './objects.ts';

const props: CanaryRolloutProps = {
  ...memberProps(),
  prePromotion: { templates: ['before'], args: { service: 'api-preview' } },
  steps: [{ weight: 10 }, { weight: 50 }],
  postPromotion: { templates: ['after', 'hold'] },
};

function rendered(change: Partial<CanaryRolloutProps> = {}) {
  const chart = new Chart(new App(), 'chart');
  new CanaryRollout(chart, 'api', { ...props, ...change });
  const objects = Testing.synth(chart);
  return { ...find(objects, 'Rollout', 'api').spec, objects };
}

const router = { kind: 'alb', ingress: 'public' } as const;
const before = {
  analysis: { templates: [{ templateName: 'before' }], args: [{ name: 'service', value: 'api-preview' }] },
};
const after = { analysis: { templates: [{ templateName: 'after' }, { templateName: 'hold' }] } };

describe('the CanaryRollout construct', () => {
  it('judges the first share of the traffic, waits for its promotion, and is held at the last one', () => {
    const { strategy, objects } = rendered();
    expect(strategy).toEqual({
      canary: {
        canaryService: 'api-preview',
        steps: [{ setWeight: 10 }, before, { pause: {} }, { setWeight: 50 }, after],
      },
    });
    // The number of pods divides the traffic, so the live Service leads to all of them.
    expect(find(objects, 'Service', 'api').spec.selector).toEqual({ 'cdk8s.io/metadata.addr': 'api' });
    expect(find(objects, 'Service', 'api-preview').spec).not.toHaveProperty('selector');
  });

  it('gives the new revision no traffic before its promotion where a router divides it', () => {
    const { strategy, objects } = rendered({
      router: { kind: 'traefik', traefikService: 'api-split' },
      steps: [{ weight: 10 }, { weight: 100 }],
      scaleDownDelay: Duration.minutes(10),
      abortScaleDownDelay: Duration.minutes(1),
    });
    expect(strategy).toEqual({
      canary: {
        canaryService: 'api-preview',
        stableService: 'api',
        trafficRouting: { traefik: { weightedTraefikServiceName: 'api-split' } },
        scaleDownDelaySeconds: 600,
        abortScaleDownDelaySeconds: 60,
        steps: [
          { setCanaryScale: { weight: 10 } },
          { setWeight: 0 },
          before,
          { pause: {} },
          { setCanaryScale: { matchTrafficWeight: true } },
          { setWeight: 10 },
          { setWeight: 100 },
          after,
        ],
      },
    });
    for (const name of ['api', 'api-preview'])
      expect(find(objects, 'Service', name).spec).not.toHaveProperty('selector');
  });

  it('names the Ingress by which a load balancer divides it, and the port of both Services', () => {
    const { strategy, objects } = rendered({ router });
    expect(strategy.canary.trafficRouting).toEqual({ alb: { ingress: 'public', servicePort: 80 } });
    for (const name of ['api', 'api-preview'])
      expect(find(objects, 'Service', name).spec.ports).toMatchObject([{ port: 80 }]);
  });

  it('stays at a weight for a time, and judges it there', () => {
    const analysis = { templates: ['between'], args: { weight: '10' } };
    const { strategy } = rendered({ steps: [{ weight: 10, pause: Duration.minutes(2), analysis }, { weight: 50 }] });
    expect(strategy.canary.steps.slice(0, 4)).toEqual([
      { setWeight: 10 },
      before,
      { pause: {} },
      { pause: { duration: '120s' } },
    ]);
    expect(strategy.canary.steps[4]).toEqual({
      analysis: { templates: [{ templateName: 'between' }], args: [{ name: 'weight', value: '10' }] },
    });
  });

  it('says how many pods, revisions and seconds, and its place in the order', () => {
    const { objects, ...spec } = rendered({ replicas: 4, revisionHistoryLimit: 3, promotionOrder: 7 });
    expect(spec).toMatchObject({ replicas: 4, revisionHistoryLimit: 3, progressDeadlineSeconds: 600 });
    expect(find(objects, 'Rollout', 'api').metadata.annotations).toEqual({ 'moneywise.app/promotion-order': '7' });
    expect(spec.template.spec.containers[0].lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
    expect(rendered()).not.toHaveProperty('replicas');
  });

  it.each<[string, Partial<CanaryRolloutProps>, RegExp]>([
    ['no step', { steps: [] }, /weights \[\]; give whole percents that rise/],
    ['weights that fall', { steps: [{ weight: 50 }, { weight: 10 }] }, /weights \[50, 10\]; give whole percents/],
    ['a weight of 0', { steps: [{ weight: 0 }] }, /weights \[0\]/],
    ['a broken weight', { steps: [{ weight: 12.5 }] }, /weights \[12.5\]/],
    [
      'all traffic without a router',
      { steps: [{ weight: 100 }] },
      /is 100: without a router no old pod .* end below 100/,
    ],
    ['more than there is', { router, steps: [{ weight: 101 }] }, /is 101; there are 100 percent/],
    ['a delay without a router', { scaleDownDelay: Duration.seconds(9) }, /scaleDownDelay needs a router/],
    ['a delay of 0', { router, abortScaleDownDelay: Duration.seconds(0) }, /abortScaleDownDelay 0 keeps pods for ever/],
  ])('refuses %s', (_, change, message) => {
    expect(() => rendered(change)).toThrow(message);
    expect(() => rendered(change)).toThrow(/^chart\/api: /);
  });
});
