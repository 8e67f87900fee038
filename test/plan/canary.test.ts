import { describe, expect, it } from 'vitest';
import type { CanaryStep, KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { objectsOfPlan, planOf } from '../../promotion/plan/plan.ts';
import { manifests } from '../promotion/simulated.ts';

const options: { members: { name: string; canary: true | 'routed' }[] } = { members: [{ name: 'web', canary: true }] };
const routed: typeof options = { members: [{ name: 'web', canary: 'routed' }] };

interface Draft {
  canary: Record<string, unknown> & { steps: CanaryStep[] };
  objects: KubeObject[];
}

/** A canary, changed. */
function changed(change: (draft: Draft) => void, of: typeof options = options): KubeObject[] {
  const objects = structuredClone(manifests('v2', of));
  const rollout = objects.find(({ kind }) => kind === 'Rollout') as Rollout;
  change({ canary: rollout.spec.strategy?.canary as never, objects });
  return objects;
}

const step = (templateName: string): CanaryStep => ({ analysis: { templates: [{ templateName }] } });

describe('a plan with a canary', () => {
  it('knows where it waits, where it is held, what judges it and how long it takes', () => {
    const [member] = planOf(manifests('v2', options)).members;
    expect(member).toMatchObject({ activeService: 'web', previewService: 'web-preview', isHeld: true });
    expect(member?.canary).toEqual({ promotion: 2, hold: 6, analyses: [1, 6], seconds: 3 });
  });

  it('is the same plan read from the few objects that a Job in the cluster gets', () => {
    const objects = manifests('v2', options);
    expect(planOf(objectsOfPlan(objects))).toEqual(planOf(objects));
  });

  it.each([
    [[{ pause: { duration: 30 } }], 30],
    [[{ pause: { duration: '45' } }], 45],
    [[{ pause: { duration: '2m' } }], 120],
    // One measurement after 2 s, and two more, one a second.
    [[step('web-pre')], 5],
    [[{ setWeight: 40 }], 0],
    [[{ pause: { duration: '1h30m' } }, step('web-pre')], 5405],
  ])('adds up how long the steps from promotion to hold take: %j', (between, seconds) => {
    const plan = planOf(
      changed(({ canary }) => {
        canary.steps = [{ setWeight: 10 }, { pause: {} }, ...between, step('web-post')];
      }),
    );
    expect(plan.members[0]?.canary?.seconds).toBe(seconds);
  });

  it.each<[string, (draft: Draft) => void, RegExp]>([
    ['analysis beside its steps', ({ canary }) => Object.assign(canary, { analysis: {} }), /analysis runs beside/],
    ['no step', ({ canary }) => canary.steps.splice(0), /have 0 pauses without a duration/],
    ['a step of another kind', ({ canary }) => canary.steps.splice(1, 0, {}), /steps\[1\] is none of setWeight/],
    ['two gates', ({ canary }) => canary.steps.splice(3, 0, { pause: {} }), /have 2 pauses without a duration/],
    ['no gate', ({ canary }) => canary.steps.splice(2, 1), /have 0 pauses without a duration/],
    ['no hold', ({ canary }) => canary.steps.pop(), /do not end with an analysis that holds/],
    ['an end that does not hold', ({ canary }) => canary.steps.push(step('web-pre')), /do not end with an analysis/],
    ['a gate at its end', ({ canary }) => canary.steps.push(...canary.steps.splice(2, 1)), /do not end with/],
    ['no first weight', ({ canary }) => canary.steps.shift(), /do not begin with a setWeight above 0/],
    ['a number of pods', ({ canary }) => canary.steps.splice(3, 0, { setCanaryScale: {} }), /ignores without a router/],
    ['all of the traffic', ({ canary }) => canary.steps.splice(3, 0, { setWeight: 100 }), /leaves no old pod/],
    ['a weight that is none', ({ canary }) => Object.assign(canary.steps[0] ?? {}, { setWeight: 'x' }), /setWeight/],
    ['a canary Service that is missing', ({ canary }) => Object.assign(canary, { canaryService: 'x' }), /add that/],
    [
      'no Service for its pods',
      ({ objects }) => Object.assign(objects[0] ?? {}, { spec: {} }),
      /no Service of these manifests selects its pods/,
    ],
    [
      'two Services for its pods',
      ({ objects }) => objects.push({ ...objects[0], metadata: { name: 'too' } } as KubeObject),
      /selected by web, too: a canary needs one/,
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(() => planOf(changed(change))).toThrow(message);
    expect(() => planOf(changed(change))).toThrow(/^Rollout web: /);
  });

  it('is refused when a health check wants one version where both answer', () => {
    const policy = (service: string) => ({
      healthChecks: [
        {
          name: 'version',
          target: { service, port: 80, path: '/' },
          expect: { version: { path: 'version', value: 'v2' } },
        },
      ],
    });
    expect(() => planOf(manifests('v2', { ...options, policy: policy('web') }))).toThrow(
      /health check version wants one version of the Service of a canary, .*: ask its preview Service/,
    );
    expect(planOf(manifests('v2', { ...options, policy: policy('web-preview') })).members).toHaveLength(1);
  });
});

describe('a plan with a canary whose traffic a router divides', () => {
  it('leads users to the Service of the stable revision, and knows the share of the new one while it is held', () => {
    const [member] = planOf(manifests('v2', routed)).members;
    expect(member).toMatchObject({ activeService: 'web', previewService: 'web-preview', isHeld: true });
    expect(member?.canary).toEqual({ promotion: 3, hold: 8, analyses: [2, 8], seconds: 3, routed: 75 });
    expect(planOf(objectsOfPlan(manifests('v2', routed)))).toEqual(planOf(manifests('v2', routed)));
  });

  it('takes all of the traffic at its last weight, since the old pods stay', () => {
    const plan = planOf(changed(({ canary }) => canary.steps.splice(-1, 0, { setWeight: 100 }), routed));
    expect(plan.members[0]?.canary?.routed).toBe(100);
  });

  it.each(['alb', 'nginx', 'traefik', 'plugins'])('takes any router that goes by the two Services: %s', (router) => {
    const trafficRouting = { [router]: {} };
    expect(planOf(changed(({ canary }) => Object.assign(canary, { trafficRouting }), routed)).members).toHaveLength(1);
  });

  const put = (fields: object) => (draft: Draft) => Object.assign(draft.canary, fields);
  it.each<[string, (draft: Draft) => void, RegExp]>([
    ['no Service of the stable revision', put({ stableService: undefined }), /stableService is missing/],
    ['no Service of the new revision', put({ canaryService: undefined }), /canaryService is missing/],
    ['a Service that is not there', put({ stableService: 'x' }), /stableService is "x", a Service that .* add that/],
    ['Services that change their roles', put({ pingPong: {} }), /pingPong lets .*: give stableService/],
    ['old pods that go', put({ dynamicStableScale: true }), /dynamicStableScale takes old pods away/],
    [
      'routes past its Services',
      put({ trafficRouting: { istio: { destinationRule: {} } } }),
      /destinationRule routes past the Services/,
    ],
    ['weights that are no percents', put({ trafficRouting: { maxTrafficWeight: 1000 } }), /is another than 100/],
    [
      'rejected pods that stay',
      put({ abortScaleDownDelaySeconds: 0 }),
      /keeps rejected pods for ever: give at least 1/,
    ],
    ['traffic before its promotion', ({ canary }) => canary.steps.splice(1, 1, { setWeight: 5 }), /steps\[1\] gives/],
    [
      'no pods to judge',
      ({ canary }) => canary.steps.shift(),
      /have no setCanaryScale above 0 before the first analysis/,
    ],
    [
      'no pods, by number',
      ({ canary }) => canary.steps.splice(0, 1, { setCanaryScale: { replicas: 0 } }),
      /have no setCanaryScale above 0/,
    ],
    ['no traffic at all', ({ canary }) => canary.steps.splice(5, 3), /never give the new revision any traffic/],
    ['fewer pods than traffic', ({ canary }) => canary.steps.splice(4, 1), /may lack the pods/],
    [
      'fewer pods than traffic later',
      ({ canary }) => canary.steps.splice(6, 0, { setCanaryScale: { replicas: 1 } }),
      /may lack the pods/,
    ],
    ['a weight that is none', put({ steps: [{ setCanaryScale: { weight: 'x' } }] }), /setCanaryScale/],
  ])('is refused with %s', (_, change, message) => {
    expect(() => planOf(changed(change, routed))).toThrow(message);
    expect(() => planOf(changed(change, routed))).toThrow(/^Rollout web: /);
  });

  it('is refused when a health check wants one version of the Service that leads to the old one until the end', () => {
    const target = { service: 'web', port: 80, path: '/' };
    const policy = { healthChecks: [{ name: 'v', target, expect: { version: { path: 'version', value: 'v2' } } }] };
    expect(() => planOf(manifests('v2', { ...routed, policy }))).toThrow(/ask its preview Service/);
  });
});
