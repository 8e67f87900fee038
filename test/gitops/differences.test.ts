import { expect, it } from 'vitest';
import type { Rollout, Service } from '../../promotion/cluster/objects.ts';
import { differencesFrom } from '../../promotion/gitops/argo-cd.ts';

const rollouts = new Map([['web', { spec: {}, status: { stableRS: 'abc' } } as unknown as Rollout]]);
const services = new Map([
  ['web', { spec: { selector: { 'rollouts-pod-template-hash': 'abc' } } } as unknown as Service],
]);

it.each([
  ['its Service selects it', { service: 'web', hash: 'abc' }, []],
  ['its Service selects another', { service: 'web', hash: 'def' }, ['web: Service web selects abc and not def']],
  ['it is stable, and a canary', { hash: 'abc' }, []],
  ['another is stable, of a canary', { hash: 'def' }, ['web: revision abc is stable and not def']],
])('a revision is where Git wants it when %s, and nowhere else', (_, live, found) => {
  expect(differencesFrom({ templates: new Map(), live: new Map([['web', live]]) }, rollouts, services)).toEqual(found);
});
