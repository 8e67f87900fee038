import { expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { ownedBy } from '../../promotion/core/observation.ts';

it('an object is owned by who its references say, by identity and not by name', () => {
  const owned = (...uids: (string | undefined)[]): KubeObject =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', ownerReferences: uids.map((uid) => ({ kind: 'Rollout', name: 'backend', uid })) },
    }) as KubeObject;
  const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
  expect(ownedBy(owned('other', 'it'), 'it')).toBe(true);
  expect(ownedBy(owned('other'), 'it')).toBe(false);
  expect(ownedBy(bare, 'it')).toBe(false);
  // What is not there owns nothing, not even what names an owner without an identity.
  expect(ownedBy(owned(undefined), undefined)).toBe(false);
});
