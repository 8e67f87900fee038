import { describe, expect, it } from 'vitest';
import { contextOf, enforcePolicy } from '../../charts/policy/policy.ts';
import { staging } from '../../overlays/staging.ts';
import type { KubeObject as Applied } from '../../promotion/cluster/objects.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import { newRehearsal, type RowVerdict } from '../../promotion/rehearsal/rehearse.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf } from './objects.ts';

// Overlays that choose canary for a member.

const steps = [{ weight: 25 }, { weight: 50, pauseSeconds: 60, judged: true }, { weight: 75 }];
const hold = { kind: 'dead-man-switch' as const, seconds: 600 };
const withCanaries = (canaries: object, more: object = {}) =>
  sample({
    strategy: {
      ...staging.strategy,
      hold,
      scaleDownDelaySeconds: 1800,
      abortScaleDownDelaySeconds: 1800,
      canaries,
      ...more,
    } as never,
  });
const overlay = withCanaries({ web: { steps } });
const objects = objectsOf(overlay);
const canary = find(objects, 'Rollout', 'web').spec.strategy.canary;

function findings(spoil: (objects: KubeObject[]) => unknown): string[] {
  const broken = structuredClone(objects);
  spoil(broken);
  try {
    enforcePolicy(
      broken.map((manifest) => ({ path: 'app/chart/construct', manifest })),
      contextOf(overlay),
    );
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('an overlay with a canary', () => {
  it('renders it beside blue-green members, and the promoter takes both', () => {
    const judged = { templates: [{ templateName: 'web-page' }], args: [{ name: 'service', value: 'web-preview' }] };
    expect(canary).toEqual({
      canaryService: 'web-preview',
      steps: [
        { setWeight: 25 },
        { analysis: judged },
        { pause: {} },
        { setWeight: 50 },
        { pause: { duration: '60s' } },
        { analysis: judged },
        { setWeight: 75 },
        { analysis: { ...judged, templates: [...judged.templates, { templateName: 'hold' }] } },
      ],
    });
    expect(find(objects, 'Rollout', 'backend').spec.strategy).toHaveProperty('blueGreen');
    const { members } = planOf(objects as unknown as Applied[]);
    expect(
      members.map(({ activeService, canary, name, previewService }) => [
        name,
        activeService,
        previewService,
        canary?.promotion,
      ]),
    ).toEqual([
      ['backend', 'backend', 'backend-preview', undefined],
      ['web', 'web', 'web-preview', 2],
    ]);
  });

  it('asks for the version of a canary only where the new one answers alone', () => {
    const policy = (canaries: object) =>
      find(objectsOf(withCanaries(canaries)), 'ConfigMap', 'release-policy').data['policy.yaml'];
    const both = objectsOf(withCanaries({ backend: { steps } }));
    expect(planOf(both as unknown as Applied[]).members[0]?.canary).toBeDefined();
    const versions = (text: string) => text.split('publicPaths')[0]?.match(/version:\n/g)?.length ?? 0;
    expect([versions(policy({})), versions(policy({ backend: { steps } }))]).toEqual([1, 0]);
  });

  it.each<[string, (o: KubeObject[]) => unknown, RegExp]>([
    ['without a gate', (o) => find(o, 'Rollout', 'web').spec.strategy.canary.steps.splice(2, 1), /have 0 pauses/],
    [
      'without a hold',
      (o) => find(o, 'Rollout', 'web').spec.strategy.canary.steps.pop(),
      /do not end with an analysis/,
    ],
    [
      'whose Service leads to nothing',
      (o) => Object.assign(find(o, 'Service', 'web').spec, { selector: { app: 'x' } }),
      /no Service of these manifests selects its pods/,
    ],
    [
      'that is judged by the answers of both',
      (o) => {
        find(o, 'Rollout', 'web').spec.strategy.canary.steps[1].analysis.args[0].value = 'web';
      },
      /is judged by the answers of Service web; ask web-preview/,
    ],
    [
      'whose analysis is not there',
      (o) => {
        find(o, 'Rollout', 'web').spec.strategy.canary.steps[5].analysis.templates[0].templateName = 'gone';
      },
      /is analysed by gone/,
    ],
    [
      'whose canary Service is public',
      (o) => {
        const [path] = find(o, 'Ingress', 'public').spec.rules.flatMap(
          ({ http }: never) => (http as { paths: never[] }).paths,
        );
        (path as { backend: { service: { name: string } } }).backend.service.name = 'web-preview';
      },
      /leads \S+ to Service web-preview, which is not live/,
    ],
  ])('is refused %s', (_, spoil, message) => {
    expect(findings(spoil).join('\n')).toMatch(message);
  });

  it('keeps the contract in a rehearsal', async () => {
    const rehearsed = objects as unknown as Applied[];
    const rows: RowVerdict[] = [];
    await (await newRehearsal(planOf(rehearsed), rehearsed)).playAll(2, (row) => rows.push(row));
    expect(rows.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
    expect(rows.filter(({ verdict }) => verdict === 'holds').length).toBeGreaterThan(8);
  }, 120_000);
});

describe('an overlay with a canary whose traffic the load balancer divides', () => {
  const by = 'alb' as const;
  const all = [{ weight: 25 }, { weight: 50, pauseSeconds: 60, judged: true }, { weight: 100 }];
  const divided = withCanaries({ web: { by, steps: all } });
  const rendered = objectsOf(divided);
  const backends = (objects: KubeObject[], ingress: string): [string, string][] =>
    find(objects, 'Ingress', ingress).spec.rules.flatMap(({ http }: never) =>
      (http as { paths: { backend: { service: { name: string; port: { name: string } } } }[] }).paths.map(
        ({ backend: { service } }) => [service.name, service.port.name],
      ),
    );

  it('renders the Ingress that leads to it by an annotation, which the controller writes, and the promoter takes it', () => {
    expect(backends(rendered, 'public')).toEqual([
      ['backend', 'http'],
      ['web', 'use-annotation'],
      ['backend', 'http'],
    ]);
    expect(backends(rendered, 'preview').map(([, port]) => port)).not.toContain('use-annotation');
    expect(find(rendered, 'Rollout', 'web').spec.strategy.canary).toMatchObject({
      stableService: 'web',
      canaryService: 'web-preview',
      trafficRouting: { alb: { ingress: 'public', servicePort: 3000 } },
      scaleDownDelaySeconds: 1800,
      // More the controller would take for a time that is over.
      abortScaleDownDelaySeconds: 840,
    });
    const member = planOf(rendered as unknown as Applied[]).members.find(({ name }) => name === 'web');
    expect(member).toMatchObject({ activeService: 'web', previewService: 'web-preview', canary: { routed: 100 } });
  });

  it('asks the new revision by its preview Service where it is asked in the cluster, for its version, too', () => {
    const via = (checkVia: 'service' | 'url') => {
      const { strategy } = withCanaries({ backend: { by, steps: all } }) as unknown as { strategy: never };
      const overlay = sample({ strategy, health: { checkVia }, network: { apiServerCidrs: ['10.0.0.1/32'] } } as never);
      const text = find(objectsOf(overlay), 'ConfigMap', 'release-policy').data['policy.yaml'] as string;
      return text.split('publicPaths')[0] ?? '';
    };
    expect(via('service')).toMatch(/service: backend-preview\n[\s\S]*version:\n/);
    expect(via('url')).not.toMatch(/version:\n/);
  });

  it.each<[string, (o: KubeObject[]) => unknown, RegExp]>([
    [
      'that no Ingress leads to',
      (o) => Object.assign(find(o, 'Rollout', 'web').spec.strategy.canary.trafficRouting.alb, { ingress: 'x' }),
      /refers to Ingress x, which is not there/,
    ],
    [
      'that the Ingress leads past',
      (o) => {
        for (const { http } of find(o, 'Ingress', 'public').spec.rules)
          for (const { backend } of http.paths) backend.service.port.name = 'http';
      },
      /divides the requests to web, and Ingress public leads past that by port http; use use-annotation/,
    ],
    [
      'whose port is no port of its Services',
      (o) => Object.assign(find(o, 'Rollout', 'web').spec.strategy.canary.trafficRouting.alb, { servicePort: 1 }),
      /refers to port 1 of Service web, [\s\S]*refers to port 1 of Service web-preview/,
    ],
    [
      'that would have traffic before its promotion',
      (o) => Object.assign(find(o, 'Rollout', 'web').spec.strategy.canary.steps[1], { setWeight: 5 }),
      /steps\[1\] gives the new revision traffic before its promotion/,
    ],
    [
      'whose live Service is asked after the switch',
      (o) => {
        const { data } = find(o, 'ConfigMap', 'release-policy');
        data['policy.yaml'] = `healthChecks:\n  - name: page\n    target: { service: web, port: http, path: / }\n`;
      },
      /page asks Service web, which leads to the old revision until the release has settled; ask web-preview/,
    ],
    [
      'beside a member that nobody divides',
      (o) => {
        const [path] = find(o, 'Ingress', 'public').spec.rules.flatMap(
          ({ http }: never) => (http as { paths: never[] }).paths,
        );
        (path as { backend: { service: { port: { name: string } } } }).backend.service.port.name = 'use-annotation';
      },
      /refers to port use-annotation of Service backend/,
    ],
  ])('is refused with one %s', (_, spoil, message) => {
    const broken = structuredClone(rendered);
    spoil(broken);
    const check = () =>
      enforcePolicy(
        broken.map((manifest) => ({ path: 'app/chart/construct', manifest })),
        contextOf(divided),
      );
    expect(check).toThrow(message);
  });

  it('may be put under load before its switch: its live Service leads to the old revision alone until then', () => {
    const image = { repository: 'ghcr.io/moneywise/promoter', version: 'v1.2.3', digest: `sha256:${'1'.repeat(64)}` };
    const performance = { image, paths: { backend: ['/api/health'], web: ['/'] } };
    const loaded = objectsOf(withCanaries({ web: { by, steps: all } }, { performance }));
    const { steps } = find(loaded, 'Rollout', 'web').spec.strategy.canary;
    expect(steps[2].analysis.templates).toContainEqual({ templateName: 'web-load' });
  });

  it('keeps the contract in a rehearsal', async () => {
    const rehearsed = rendered as unknown as Applied[];
    const rows: RowVerdict[] = [];
    await (await newRehearsal(planOf(rehearsed), rehearsed)).playAll(2, (row) => rows.push(row));
    expect(rows.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
    expect(rows.filter(({ verdict }) => verdict === 'holds').length).toBeGreaterThan(8);
  }, 120_000);
});
