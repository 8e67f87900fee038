import { describe, expect, it } from 'vitest';
import { contextOf, enforcePolicy } from '../../charts/policy/policy.ts';
import type { OverlayInput } from '../../overlays/overlay.ts';
import { staging } from '../../overlays/staging.ts';
import { problemsOf } from '../documents/program.ts';
import { digestOf, sample, sampleUnderLoad } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const image = { repository: 'ghcr.io/moneywise/promoter', version: 'v0.1.0', digest: digestOf('promoter') };
type Strategy = Extract<OverlayInput['strategy'], { kind: 'blue-green' }>;

const underLoad = (performance: Strategy['performance'] = { image }, change: Partial<Strategy> = {}) =>
  sample({ strategy: { ...(staging.strategy as Strategy), performance, ...change } });
const jobOf = (objects: ReturnType<typeof objectsOf>, name: string) =>
  find(objects, 'AnalysisTemplate', name).spec.metrics[0].provider.job;

describe('load before the switch', () => {
  const objects = objectsOf(underLoad());

  it('judges each member before its switch and not after it', () => {
    for (const name of ['backend', 'web']) {
      const { prePromotionAnalysis: before, postPromotionAnalysis: after } = find(objects, 'Rollout', name).spec
        .strategy.blueGreen;
      expect(before.templates).toContainEqual({ templateName: `${name}-load` });
      expect(before.args).toContainEqual({ name: 'service', value: `${name}-preview` });
      expect(after.templates).not.toContainEqual({ templateName: `${name}-load` });
    }
  });

  it('asks the preview and, as the baseline, the active Service, by a command that there is', async () => {
    const [container] = jobOf(objects, 'backend-load').spec.template.spec.containers;
    expect(container.image).toBe(`ghcr.io/moneywise/promoter@${digestOf('promoter')}`);
    const service = (name: string) => `http://${name}.moneywise-staging.svc.cluster.local:3001`;
    expect(container.args).toEqual([
      ...['load-gate', '--preview', service('{{args.service}}'), '--stable', service('backend')],
      ...['--rate', '25', '--seconds', '120', '--warm-up', '5', '--timeout', '5'],
      ...['--p95', '1', '--errors', '5', '--slowdown', '1.5', '--error-probability', '0.01', '--output', 'plain'],
      ...['--path', '/api/health'],
    ]);
    const typed = container.args.join(' ').replaceAll('{{args.service}}', 'backend-preview');
    expect(await problemsOf(`npx moneywise-deploy ${typed}`)).toEqual([]);
  });

  it('runs once, ends by itself, in a pod without a token or rights', () => {
    const { spec } = jobOf(objects, 'web-load');
    expect(spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 60 + 120 + 5 + 10 });
    expect(spec.template.spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      serviceAccountName: 'web',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    const [{ securityContext, volumeMounts }] = spec.template.spec.containers;
    expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(volumeMounts).toEqual([{ name: 'tmp', mountPath: '/tmp' }]);
  });

  it('may ask the pods of its own member, and look up names, and nothing else', () => {
    const { egress, ingress } = find(objects, 'NetworkPolicy', 'web-load').spec;
    expect(ingress).toEqual([]);
    expect(egress.map(({ ports }: { ports: { port: number }[] }) => ports.map(({ port }) => port))).toEqual([
      [3000],
      [53, 53],
    ]);
    expect(egress[0].to[0].podSelector.matchLabels['app.kubernetes.io/name']).toBe('web');
    const from = find(objects, 'NetworkPolicy', 'web').spec.ingress.flatMap(({ from }: { from: unknown[] }) => from);
    expect(JSON.stringify(from)).toContain('"web-load"');
  });

  it('takes paths and limits from the overlay, and leaves a member out that has no paths', () => {
    const given = objectsOf(
      underLoad({
        image,
        paths: { backend: ['/api/a', '/api/b'], web: [] },
        p95Seconds: 0.3,
        errorPercent: 1,
        slowdown: 2,
      }),
    );
    const { args } = jobOf(given, 'backend-load').spec.template.spec.containers[0];
    expect(args.join(' ')).toMatch(/--p95 0.3 --errors 1 --slowdown 2 .*--path \/api\/a --path \/api\/b$/);
    expect(ofKind(given, 'AnalysisTemplate').map(({ metadata }) => metadata.name)).not.toContain('web-load');
    expect(ofKind(given, 'NetworkPolicy').map(({ metadata }) => metadata.name)).not.toContain('web-load');
  });

  it('takes the image of the promoter’s Job where there is one', () => {
    const strategy = { ...(staging.strategy as Strategy), performance: {} };
    const promoter = {
      kind: 'job' as const,
      image,
      apiServer: { cidrs: ['10.0.0.1/32'] },
    } satisfies OverlayInput['promoter'];
    const job = jobOf(objectsOf(sample({ strategy, promoter })), 'web-load');
    expect(job.spec.template.spec.containers[0].image).toContain('ghcr.io/moneywise/promoter');
  });

  it('is nothing that an overlay has by itself', () => {
    expect(JSON.stringify(objectsOf(sample()))).not.toContain('load-gate');
  });
});

describe('an overlay is refused whose load', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['has no image', () => underLoad({}), /strategy.performance.image is missing/],
    [
      'has an image that can move',
      () => underLoad({ image: { ...image, version: 'main' } }),
      /image.version "main" is a tag that can move/,
    ],
    [
      'asks nothing',
      () => underLoad({ image, paths: { backend: [], web: [] } }),
      /performance.paths names nothing to ask/,
    ],
    [
      'compares a canary',
      () => underLoad({ image }, { canaries: { web: { steps: [{ weight: 25 }] } } }),
      /performance.paths.web cannot be compared/,
    ],
    [
      'is warm-up alone',
      () => underLoad({ image, seconds: 10, warmUpSeconds: 10 }),
      /warmUpSeconds 10 leaves no time to judge/,
    ],
    [
      'outlasts the deadline of progress',
      () => underLoad({ image, seconds: 500 }),
      /progressDeadlineSeconds is too short: the load.*give 635 or more/,
    ],
    [
      'outlasts the time to prepare',
      () => underLoad({ image, seconds: 900 }, { progressDeadlineSeconds: 2000 }),
      /timeouts.prepareSeconds is too short: the load/,
    ],
    ['asks with an address', () => underLoad({ image, paths: { web: ['https://x'] } }), /must start with a slash/],
  ])('%s', (_, made, problem) => {
    expect(made).toThrow(problem);
  });
});

describe('synth refuses load', () => {
  const overlay = sampleUnderLoad();
  const argsOf = (objects: KubeObject[]): string[] => jobOf(objects, 'web-load').spec.template.spec.containers[0].args;
  const change = (from: string, to: string) => (objects: KubeObject[]) => {
    const args = argsOf(objects);
    args.splice(0, args.length, ...args.map((each) => each.replace(from, to)));
  };

  it.each<[string, (objects: KubeObject[]) => void, RegExp]>([
    [
      'that compares with another member',
      change('http://web.', 'http://backend.'),
      /is compared with Service backend; compare it with web/,
    ],
    ['on what is live', change('{{args.service}}', 'web'), /puts load on another Service than its argument/],
    [
      'on another port of the stable revision',
      change(
        'http://web.moneywise-staging.svc.cluster.local:3000',
        'http://web.moneywise-staging.svc.cluster.local:80',
      ),
      /compares two namespaces or two ports/,
    ],
    ['by no command', (objects) => void argsOf(objects).shift(), /names no command/],
    [
      'of what it is not given',
      (objects) => void delete find(objects, 'AnalysisTemplate', 'web-load').spec.args,
      /uses the argument service, which it does not declare/,
    ],
    [
      'after the switch',
      (objects) =>
        find(objects, 'Rollout', 'web').spec.strategy.blueGreen.postPromotionAnalysis.templates.push({
          templateName: 'web-load',
        }),
      /is compared with itself after the switch/,
    ],
  ])('%s', (_, spoil, problem) => {
    const objects = structuredClone(objectsOf(overlay));
    spoil(objects);
    const rendered = objects.map((manifest) => ({ path: 'x', manifest }));
    expect(() => enforcePolicy(rendered, contextOf(overlay))).toThrow(problem);
  });
});
