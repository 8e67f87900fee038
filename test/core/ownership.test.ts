import { describe, expect, it } from 'vitest';
import type { KubeObject, ManagedFields } from '../../promotion/cluster/objects.ts';
import { handedOver } from '../../promotion/core/ownership.ts';

const applied: ManagedFields = {
  manager: 'kubectl',
  operation: 'Apply',
  fieldsV1: { 'f:metadata': { 'f:labels': {} }, 'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': {} } } },
};
const ours: ManagedFields = {
  manager: 'moneywise-deploy',
  operation: 'Update',
  fieldsV1: {
    'f:metadata': { 'f:annotations': { 'f:moneywise.app/epoch': {} } },
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"main"}': { 'f:image': {} } } } } },
  },
};
const status: ManagedFields = {
  manager: 'moneywise-deploy',
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:spec': {} },
};
const object = (...managedFields: ManagedFields[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Rollout',
  metadata: { name: 'backend', managedFields },
});

describe('what this tool wrote into a spec', () => {
  it('is handed over to who applied the rest, who keeps what was its own', () => {
    expect(handedOver(object(applied, ours, status))).toEqual([
      {
        ...applied,
        fieldsV1: {
          'f:metadata': { 'f:labels': {} },
          'f:spec': {
            'f:replicas': {},
            'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"main"}': { 'f:image': {} } } } },
          },
        },
      },
      { ...ours, fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:moneywise.app/epoch': {} } } } },
      status,
    ]);
  });

  it('is nothing where only annotations or the status were written, or nobody applies server-side', () => {
    const { 'f:spec': _, ...annotations } = ours.fieldsV1 as Record<string, object>;
    expect(handedOver(object(applied, { ...ours, fieldsV1: annotations }, status))).toBeUndefined();
    expect(handedOver(object(ours, { ...applied, operation: 'Update' }))).toBeUndefined();
    expect(handedOver(object())).toBeUndefined();
  });
});
