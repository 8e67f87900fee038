import { describe, expect, it } from 'vitest';
import { difference } from '../../promotion/core/template.ts';

const container = (more: object) => ({ spec: { containers: [{ name: 'main', image: 'a@sha256:1', ...more }] } });

describe('difference between a live pod template and the wanted one', () => {
  it.each([
    ['defaults that a server filled in', container({ imagePullPolicy: 'Always' }), container({})],
    [
      'zero and empty fields that the controller dropped',
      container({}),
      container({ tty: false, workingDir: '', args: [], resources: {}, lifecycle: { preStop: {} } }),
    ],
    [
      'memory in its canonical form',
      container({ resources: { limits: { memory: '1Gi' } } }),
      container({ resources: { limits: { memory: '1024Mi' } } }),
    ],
    [
      'CPU in its canonical form',
      container({ resources: { requests: { cpu: '1' } } }),
      container({ resources: { requests: { cpu: '1000m' } } }),
    ],
    [
      'a number for a quantity',
      container({ resources: { requests: { cpu: '2' } } }),
      container({ resources: { requests: { cpu: 2 } } }),
    ],
  ])('passes over %s', (_, live, wanted) => {
    expect(difference(live, wanted)).toBeUndefined();
  });

  it.each([
    ['another image', container({ image: 'a@sha256:2' }), container({}), 'template.spec.containers[0].image'],
    [
      'another amount of memory',
      container({ resources: { limits: { memory: '2Gi' } } }),
      container({ resources: { limits: { memory: '1024Mi' } } }),
      'template.spec.containers[0].resources.limits.memory',
    ],
    [
      'a value that only looks like a quantity',
      container({ env: [{ name: 'A', value: '1Gi' }] }),
      container({ env: [{ name: 'A', value: '1024Mi' }] }),
      'template.spec.containers[0].env[0].value',
    ],
    ['a container less', { spec: { containers: [] } }, container({}), 'template.spec.containers'],
    ['a missing field', container({}), container({ workingDir: '/app' }), 'template.spec.containers[0].workingDir'],
    [
      'a false that became true',
      container({ tty: true }),
      container({ tty: false }),
      'template.spec.containers[0].tty',
    ],
  ])('names %s', (_, live, wanted, path) => {
    expect(difference(live, wanted)).toBe(path);
  });
});
