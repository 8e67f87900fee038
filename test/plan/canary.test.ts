import { describe, expect, it } from 'vitest';
import type { CanaryStep, KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { objectsOfPlan, planOf } from '../../promotion/plan/plan.ts';
import { manifests } from '../promotion/simulated.ts';

const options = { members: [{ name: 'web', canary: true }] };

interface Draft {
  canary: Record<string, unknown> & { steps: CanaryStep[] };
  objects: KubeObject[];
}

/** A canary, changed. */
function changed(change: (draft: Draft) => void): KubeObject[] {
  const objects = structuredClone(manifests('v2', options));
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
    ['a traffic router', ({ canary }) => Object.assign(canary, { trafficRouting: {} }), /trafficRouting is set: only/],
    ['analysis beside its steps', ({ canary }) => Object.assign(canary, { analysis: {} }), /analysis runs beside/],
    ['no step', ({ canary }) => canary.steps.splice(0), /have 0 pauses without a duration/],
    ['a step of another kind', ({ canary }) => canary.steps.splice(1, 0, {}), /steps\[1\] is none of setWeight/],
    ['two gates', ({ canary }) => canary.steps.splice(3, 0, { pause: {} }), /have 2 pauses without a duration/],
    ['no gate', ({ canary }) => canary.steps.splice(2, 1), /have 0 pauses without a duration/],
    ['no hold', ({ canary }) => canary.steps.pop(), /do not end with an analysis that holds/],
    ['an end that does not hold', ({ canary }) => canary.steps.push(step('web-pre')), /do not end with an analysis/],
    ['a gate at its end', ({ canary }) => canary.steps.push(...canary.steps.splice(2, 1)), /do not end with/],
    ['no first weight', ({ canary }) => canary.steps.shift(), /do not begin with a setWeight above 0/],
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
