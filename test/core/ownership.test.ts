import { describe, expect, it } from 'vitest';
import type { KubeObject, ManagedFields } from '../../promotion/cluster/objects.ts';
import { viewOf } from '../../promotion/core/member.ts';
import { handedOver, handOver, handOverOf } from '../../promotion/core/ownership.ts';
import { memberOf, observationOf, stateAt } from './state.ts';

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

  it('leaves no entry of its own where the spec was all that it wrote', () => {
    const { 'f:spec': spec } = ours.fieldsV1 as Record<string, object>;
    const left = handedOver(object(applied, { ...ours, fieldsV1: { 'f:spec': spec } }));
    expect(left?.map(({ manager }) => manager)).toEqual([applied.manager]);
    const { managedFields: _, ...metadata } = object().metadata;
    expect(handedOver({ ...object(), metadata })).toBeUndefined();
  });

  it('is handed over by an act on exactly that version of the object', () => {
    const written = object(applied, ours);
    const metadata = { ...written.metadata, uid: 'the-uid', resourceVersion: '5' };
    expect(handOverOf('autoscalers', 'web', { ...written, metadata })).toEqual([
      {
        act: 'hand-over',
        member: 'web',
        kind: 'autoscalers',
        name: 'backend',
        uid: 'the-uid',
        resourceVersion: '5',
        managedFields: handedOver(written),
      },
    ]);
    for (const unknown of [{ uid: '' }, { resourceVersion: '' }, { managedFields: [] }])
      expect(handOverOf('autoscalers', 'web', { ...written, metadata: { ...metadata, ...unknown } })).toEqual([]);
  });

  it('is that of a member’s Rollout, where there is one', () => {
    const state = stateAt('prepared');
    const rollout = state.rollouts.backend as NonNullable<typeof state.rollouts.backend>;
    const written = { ...rollout, metadata: { ...rollout.metadata, managedFields: [applied, ours] } };
    const view = viewOf(memberOf('backend'), observationOf({ ...state, rollouts: { backend: written } }), undefined);
    expect(handOver(view)).toMatchObject([{ act: 'hand-over', kind: 'rollouts', member: 'backend', name: 'backend' }]);
    expect(handOver(viewOf(memberOf('backend'), observationOf({ ...state, rollouts: {} }), undefined))).toEqual([]);
  });
});
