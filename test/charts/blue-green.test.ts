import { App, Chart, Duration } from 'cdk8s';
import { describe, expect, it } from 'vitest';
import { BlueGreenRollout } from '../../charts/constructs/blue-green-rollout.ts';
import { loadOverlay } from '../../overlays/load.ts';
import { sample } from '../overlays/samples.ts';
import { memberProps } from './member.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const objects = objectsOf(loadOverlay('production'));
const members = ['backend', 'web'];
const blueGreen = (name: string) => find(objects, 'Rollout', name).spec.strategy.blueGreen;

describe('a blue-green member', () => {
  it.each(members)('waits to be promoted, analysed before and after the switch: %s', (name) => {
    expect(blueGreen(name)).toMatchObject({
      activeService: name,
      previewService: `${name}-preview`,
      autoPromotionEnabled: false,
      prePromotionAnalysis: { args: expect.arrayContaining([{ name: 'service', value: `${name}-preview` }]) },
      postPromotionAnalysis: { args: expect.arrayContaining([{ name: 'service', value: name }]) },
    });
  });

  it('has an order: the backend before the web that calls it', () => {
    const order = (name: string) =>
      find(objects, 'Rollout', name).metadata.annotations['moneywise.app/promotion-order'];
    expect(members.map(order)).toEqual(['0', '10']);
  });

  it.each(members.flatMap((name) => [name, `${name}-preview`]))(
    'has the Service %s without a selector, which the controller alone decides',
    (name) => {
      expect(find(objects, 'Service', name).spec).not.toHaveProperty('selector');
    },
  );

  it.each(members)('is held after the switch and not before it: %s', (name) => {
    const templates = (analysis: KubeObject) => analysis.templates.map((each: KubeObject) => each.templateName);
    const { prePromotionAnalysis, postPromotionAnalysis } = blueGreen(name);
    expect(templates(postPromotionAnalysis)).toEqual([...templates(prePromotionAnalysis), 'hold']);
  });

  it.each(members)(
    'is judged by templates that are there, get their arguments, and share no metric name: %s',
    (name) => {
      for (const { templates, args } of [blueGreen(name).prePromotionAnalysis, blueGreen(name).postPromotionAnalysis]) {
        const found = templates.map((each: KubeObject) => find(objects, 'AnalysisTemplate', each.templateName).spec);
        const given = args.map((arg: KubeObject) => arg.name);
        for (const arg of found.flatMap((spec: KubeObject) => spec.args ?? [])) expect(given).toContain(arg.name);
        const names = found.flatMap((spec: KubeObject) => spec.metrics.map((metric: KubeObject) => metric.name));
        expect(new Set(names).size).toBe(names.length);
      }
    },
  );

  it.each(members)('serves until its address has left every Service, and is not killed before: %s', (name) => {
    const { spec } = find(objects, 'Rollout', name).spec.template;
    const { seconds } = spec.containers[0].lifecycle.preStop.sleep;
    expect(seconds).toBe(10);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds);
  });

  it.each(members)('keeps no connection for longer than half of that: %s', (name) => {
    const [container] = find(objects, 'Rollout', name).spec.template.spec.containers;
    expect(container.env).toContainEqual({ name: 'MAX_CONNECTION_AGE_SECONDS', value: '5' });
  });

  it('is a plain Deployment with one Service where the overlay says so', () => {
    const plain = objectsOf(loadOverlay('development'));
    expect(ofKind(plain, 'Rollout')).toEqual([]);
    expect(ofKind(plain, 'AnalysisTemplate')).toEqual([]);
    expect(ofKind(plain, 'Deployment').map(({ metadata }) => metadata.name)).toEqual(members);
    expect(find(plain, 'Service', 'backend').spec.selector).toEqual({ 'cdk8s.io/metadata.addr': 'backend' });
    expect(() => find(plain, 'Service', 'backend-preview')).toThrow();
  });
});

describe('the analysis', () => {
  const metrics = ofKind(objects, 'AnalysisTemplate').flatMap(({ spec }) => spec.metrics);

  it('asks on a fresh connection every time, so that the old pods cannot answer for the new ones', () => {
    const web = metrics.filter(({ provider }) => provider.web);
    expect(web.map(({ name }) => name)).toEqual(['hold', 'health', 'ready']);
    for (const { provider } of web) expect(provider.web.headers).toEqual([{ key: 'Connection', value: 'close' }]);
  });

  it('asks the backend for its status, its version and its data stores', () => {
    const [health, ready] = find(objects, 'AnalysisTemplate', 'backend-health').spec.metrics;
    expect(health.provider.web.url).toBe(
      'http://{{args.service}}.moneywise-production.svc.cluster.local:3001/api/health',
    );
    expect(health.successCondition).toBe('result.status == "ok" && result.version == "{{args.version}}"');
    expect(ready.provider.web.url).toMatch(/\/api\/health\/ready$/);
    expect(ready.successCondition).toBe('result.status == "ready"');
  });

  it('takes the version to expect from the pod template that it judges', () => {
    const versionOf = (rendered: KubeObject[]) => {
      const rollout = find(rendered, 'Rollout', 'backend').spec;
      const arg = rollout.strategy.blueGreen.prePromotionAnalysis.args.find(
        ({ name }: KubeObject) => name === 'version',
      );
      const path: string[] | undefined = arg?.valueFrom.fieldRef.fieldPath.split('.').slice(1);
      return path?.reduce((at, key) => at[key], rollout);
    };
    const { health } = sample();
    expect(versionOf(objectsOf(sample()))).toBe('1.2.3');
    expect(versionOf(objectsOf(sample({ health: { ...health, reportedVersion: 'tag' } })))).toBe('v1.2.3');
    const unchecked = objectsOf(sample({ health: { ...health, reportedVersion: 'none' } }));
    expect(versionOf(unchecked)).toBeUndefined();
    const [metric] = find(unchecked, 'AnalysisTemplate', 'backend-health').spec.metrics;
    expect(metric.successCondition).toBe('result.status == "ok"');
  });

  it('looks at the page by a Job, because a web metric passes any HTML', () => {
    const [page] = find(objects, 'AnalysisTemplate', 'web-page').spec.metrics;
    const { spec } = page.provider.job;
    expect(spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 140, ttlSecondsAfterFinished: 3600 });
    expect(spec.template.spec.containers[0].image).toBe(
      find(objects, 'Rollout', 'web').spec.template.spec.containers[0].image,
    );
  });
});

describe('the BlueGreenRollout construct', () => {
  const props = {
    ...memberProps(),
    replicas: 1,
    scaleDownDelay: Duration.seconds(60),
    abortScaleDownDelay: Duration.seconds(60),
  };
  const chart = () => new Chart(new App(), 'chart');

  it.each(['scaleDownDelay', 'abortScaleDownDelay'])('refuses a %s of 0, which keeps pods for ever', (field) => {
    const zero = { ...props, [field]: Duration.seconds(0) };
    expect(() => new BlueGreenRollout(chart(), 'api', zero)).toThrow(/chart\/api: .* give at least 1 second/);
  });

  it('refuses a container without a named port', () => {
    const [api] = props.containers;
    const unnamed = { ...props, containers: [{ ...api, image: 'api:1', ports: [{ number: 80 }] }] };
    expect(() => new BlueGreenRollout(chart(), 'api', unnamed)).toThrow('port 80 has no name');
    expect(() => new BlueGreenRollout(chart(), 'api', { ...props, containers: [] })).toThrow('has no container port');
  });

  it('refuses a grace period that ends before the drain', () => {
    const rollout = chart();
    new BlueGreenRollout(rollout, 'api', { ...props, drain: Duration.seconds(30) });
    expect(() => rollout.toJson()).toThrow(
      'terminationGracePeriod (30 s) ends before the drain (30 s); make it longer',
    );
  });
});
