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
