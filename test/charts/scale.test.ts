import { App, Chart } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import { Autoscaler } from '../../charts/constructs/autoscaler.ts';
import { Rollout } from '../../imports/argoproj.io.ts';
import { loadOverlay } from '../../overlays/load.ts';
import { sample } from '../overlays/samples.ts';
import { find, objectsOf, ofKind } from './objects.ts';

const production = objectsOf(loadOverlay('production'));

describe.each(['backend', 'web'])('the scale of the %s', (name) => {
  it('is an autoscaler’s alone where there is one: the Rollout renders no replicas that would undo it', () => {
    const { spec } = find(production, 'HorizontalPodAutoscaler', name);
    expect(spec.scaleTargetRef).toEqual({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name });
    expect(spec.minReplicas).toBe(3);
    expect(spec.maxReplicas).toBeGreaterThan(3);
    expect(spec.metrics[0].resource).toEqual({ name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } });
    expect(find(production, 'Rollout', name).spec).not.toHaveProperty('replicas');
  });

  it('is a number where there is none', () => {
    const { backend, web } = sample();
    const fixed = sample({ backend: { ...backend, autoscaling: undefined }, web: { ...web, autoscaling: undefined } });
    expect(ofKind(objectsOf(fixed), 'HorizontalPodAutoscaler')).toEqual([]);
    expect(find(objectsOf(fixed), 'Rollout', name).spec.replicas).toBe(2);
  });

  it('shrinks by one pod when a node is drained, counted over both revisions', () => {
    const { spec } = find(production, 'PodDisruptionBudget', name);
    const { matchLabels } = find(production, 'Rollout', name).spec.selector;
    expect(spec).toEqual({ maxUnavailable: 1, selector: { matchLabels }, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
  });

  it('has no budget with a single pod, which would keep its node from being drained', () => {
    expect(ofKind(objectsOf(loadOverlay('development')), 'PodDisruptionBudget')).toEqual([]);
  });

  it('is spread over zones and hosts as far as there is room, each revision by itself', () => {
    const { template } = find(production, 'Rollout', name).spec;
    const spread = template.spec.topologySpreadConstraints;
    expect(spread.map(({ topologyKey }: { topologyKey: string }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    for (const each of spread) {
      expect(each).toMatchObject({
        whenUnsatisfiable: 'ScheduleAnyway',
        matchLabelKeys: ['rollouts-pod-template-hash'],
      });
      expect(template.metadata.labels).toMatchObject(each.labelSelector.matchLabels);
    }
  });
});

it('refuses an autoscaler that has nothing to scale', () => {
  const chart = new Chart(new App(), 'chart');
  const target = new Rollout(chart, 'rollout', { metadata: { name: 'api' }, spec: {} });
  const props = { target, minReplicas: 3, maxReplicas: 3, cpuPercent: 70 };
  expect(() => new Autoscaler(chart, 'autoscaler', props)).toThrow(
    'chart/autoscaler: maxReplicas 3 is not above minReplicas 3; give more',
  );
});
