import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { renderGitops } from '../../charts/gitops.ts';
import { loadOverlay, overlayNames } from '../../overlays/load.ts';
import { policySchema } from '../../promotion/plan/policy.ts';
import { digestOf, pins, sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf } from './objects.ts';

const policyOf = (objects: KubeObject[]) =>
  policySchema.parse(load(find(objects, 'ConfigMap', 'release-policy').data['policy.yaml']));

describe('the release policy', () => {
  it.each(overlayNames)('is one that the promoter understands: %s', (name) => {
    expect(policyOf(objectsOf(loadOverlay(name))).release).toBe(name);
  });

  it('names the hold as the analysis does', () => {
    const objects = objectsOf(sample());
    const [hold] = find(objects, 'AnalysisTemplate', 'hold').spec.metrics;
    expect(policyOf(objects).holdMetric).toBe(hold.name);
  });

  it.each(['staging', 'production'])('wants the answer of the pinned version, not one of the old: %s', (name) => {
    const overlay = { ...loadOverlay(name), pins };
    const versions = policyOf(objectsOf(overlay)).healthChecks.map(({ expect }) => expect.version?.value);
    // A page of the web names no version.
    expect(versions).toEqual(['1.2.3', undefined]);
  });

  it('says who is told, as the overlay does, and by default nobody', () => {
    const github = { repository: 'moneywise/moneywise-deploy' };
    const { notifications } = policyOf(objectsOf(sample({ notifications: { github, pagerduty: {} } })));
    expect(notifications).toMatchObject({ github, pagerduty: { outcomes: ['stuck'] } });
    expect(policyOf(objectsOf(sample())).notifications).toEqual({});
  });

  it('asks the public URLs after the switch', () => {
    const { healthChecks } = policyOf(objectsOf(sample()));
    expect(healthChecks).toMatchObject([
      {
        name: 'api-health',
        when: 'after-switch',
        target: { url: 'https://staging-api.moneywise.app/api/health' },
        expect: { status: 200, json: { status: 'ok' }, version: { path: 'version', value: '1.2.3' } },
      },
      { name: 'web-page', when: 'after-switch', target: { url: 'https://staging.moneywise.app/' } },
    ]);
  });

  it('asks the active Services where there is no way in from outside', () => {
    const objects = objectsOf(
      sample({
        health: { checkVia: 'service', reportedVersion: 'none' },
        network: { apiServerCidrs: ['10.0.0.1/32'] },
      }),
    );
    const { healthChecks } = policyOf(objects);
    expect(healthChecks).toMatchObject([
      { target: { service: 'backend', port: 'http', path: '/api/health' }, expect: { json: { status: 'ok' } } },
      { target: { service: 'web', port: 'http', path: '/' } },
    ]);
    expect(healthChecks[0]?.expect).not.toHaveProperty('version');
  });

  it('asks the public health path that the overlay names', () => {
    const { healthChecks } = policyOf(objectsOf(sample({ health: { publicPath: '/health' } })));
    expect(healthChecks[0]?.target).toEqual({ url: 'https://staging-api.moneywise.app/health' });
  });

  it('names the public paths for everybody, also where the promoter does not ask them', () => {
    const checkVia = { health: { checkVia: 'service', publicPath: '/health' } as const };
    const overlay = sample({ ...checkVia, network: { apiServerCidrs: ['10.0.0.1/32'] } });
    expect(policyOf(objectsOf(overlay)).publicPaths).toMatchObject([
      {
        name: 'api',
        url: 'https://staging-api.moneywise.app/health',
        redirectFrom: 'http://staging-api.moneywise.app/health',
        expect: { json: { status: 'ok' }, version: { value: '1.2.3' } },
      },
      {
        name: 'web',
        url: 'https://staging.moneywise.app/',
        redirectFrom: 'http://staging.moneywise.app/',
        expect: { status: 200 },
      },
    ]);
  });

  it.each([
    ['nothing in front of it has HTTPS', { kind: 'ingress', scheme: 'http' } as const],
    [
      'the Gateway has no plain HTTP',
      { kind: 'gateway', gateway: { name: 'public', namespace: 'gateways', listener: 'https' } } as const,
    ],
  ])('wants no redirect to HTTPS where %s', (_, ingress) => {
    const { publicPaths } = policyOf(objectsOf(sample({ ingress })));
    expect(publicPaths.map(({ redirectFrom }) => redirectFrom)).toEqual([undefined, undefined]);
  });

  it('asks Prometheus only where the overlay says so, about its own Services, pods and time after the switch', () => {
    expect(policyOf(objectsOf(sample({ monitoring: { kind: 'prometheus-operator' } }))).queries).toEqual([]);
    const gates = { prometheus: { service: 'prometheus', port: 9090 }, withoutRequests: 'pass' as const };
    const { queries } = policyOf(objectsOf(sample({ monitoring: { kind: 'prometheus-operator', gates } })));
    expect(queries.map(({ name, below }) => [name, below])).toEqual([
      ['backend-errors', 0.05],
      ['backend-duration', 1],
      ['backend-memory', 0.9],
      ['web-errors', 0.05],
      ['web-duration', 1],
      ['web-memory', 0.9],
    ]);
    for (const { name, newest, query, target, when, whenEmpty, windowSeconds } of queries) {
      const member = name.split('-')[0];
      for (const selector of [query, newest].flatMap((text) => text?.match(/\{[^}]*\}/g) ?? []))
        expect(selector).toMatch(
          new RegExp(`moneywise-staging-${member}-http|namespace="moneywise-staging",container="${member}"`),
        );
      for (const [, window] of query.matchAll(/\[(\d+)s\]/g)) expect(Number(window)).toBe(windowSeconds);
      expect(target).toMatchObject({ service: 'prometheus', namespace: 'monitoring' });
      expect(when).toBe('after-switch');
      // No memory at all is no evidence whatever the overlay says about requests.
      expect(whenEmpty).toBe(name.endsWith('memory') ? 'unknown' : 'pass');
    }
  });

  it('names both versions when they differ', () => {
    const web = { version: 'v1.2.4', digest: digestOf('web') };
    expect(policyOf(objectsOf(sample())).version).toBe('v1.2.3');
    expect(policyOf(objectsOf(sample({}, { web }))).version).toBe('backend v1.2.3, web v1.2.4');
  });

  it('names the branch that is applied, and how it is changed, only where the overlay lets it be changed', () => {
    expect(policyOf(objectsOf(sample())).git).toEqual({
      repository: 'https://github.com/moneywise/moneywise-deploy.git',
      branch: 'main',
      mode: 'push',
      application: { name: 'moneywise-staging', namespace: 'argocd', syncSeconds: 180 },
    });
    const repository = 'git@example.org:x.git';
    expect(policyOf(objectsOf(sample({ gitops: { repository } }))).git).toBeUndefined();
    const byHand = sample({ gitops: { repository, changes: 'push', appliedBy: 'kubectl' } });
    expect(policyOf(objectsOf(byHand)).git).toEqual({ repository, branch: 'main', mode: 'push' });
  });

  it('is of no Application where people apply', () => {
    expect(renderGitops([sample({ gitops: { repository: '/git', appliedBy: 'kubectl' } })])).toEqual({});
  });

  it('holds the freezes of the overlay', () => {
    const freezes = [
      { from: '2026-12-23T16:00:00+01:00', to: '2027-01-04T08:00:00+01:00', reason: 'Christmas' },
      { weekly: { from: 'Fri 16:00', to: 'Mon 08:00' }, timeZone: 'Europe/Berlin', reason: 'weekend' },
    ];
    expect(policyOf(objectsOf(sample({ freezes }))).freezes).toEqual(freezes);
  });
});
