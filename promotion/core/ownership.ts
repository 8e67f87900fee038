import type { KubeObject, ManagedFields } from '../cluster/objects.ts';
import { FIELD_MANAGER } from '../cluster/port.ts';
import type { Action } from './decide.ts';
import type { MemberView } from './member.ts';

/** A `fieldsV1` value: `f:` names a field, `k:` an item of a list; what is owned is there. */
type Fields = { readonly [key: string]: Fields };

/**
 * The managed fields of an object once what this tool wrote into its spec is handed over to whoever applied the rest of it
 * server-side. Left with this tool, the next `kubectl apply --server-side` or sync that says something else would be
 * refused as a conflict; left with nobody, fields that it no longer names would stay for ever. Undefined where there is
 * nothing to hand over, or nobody to take it.
 */
export function handedOver({ metadata: { managedFields = [] } }: KubeObject): readonly ManagedFields[] | undefined {
  const ours = managedFields.find((entry) => entry.manager === FIELD_MANAGER && specOf(entry));
  const owner = managedFields.find((entry) => entry.operation === 'Apply' && specOf(entry));
  const spec = ours && specOf(ours);
  if (!ours || !owner || !spec) return undefined;
  return managedFields.flatMap((entry): ManagedFields[] => {
    if (entry === owner) return [{ ...entry, fieldsV1: merged(fieldsOf(entry), { 'f:spec': spec }) }];
    if (entry !== ours) return [entry];
    const { 'f:spec': _, ...rest } = fieldsOf(entry);
    return Object.keys(rest).length > 0 ? [{ ...entry, fieldsV1: rest }] : [];
  });
}

type HandOver = Extract<Action, { act: 'hand-over' }>;

/** The act that hands a Rollout's spec over; none where that is not needed. */
export function handOver({ member, rollout }: MemberView): HandOver[] {
  return rollout ? handOverOf('rollouts', member.name, rollout) : [];
}

/** The act that hands the spec of an object of that member over. */
export function handOverOf(kind: 'rollouts' | 'autoscalers', member: string, object: KubeObject): HandOver[] {
  const { name, uid, resourceVersion } = object.metadata;
  const managedFields = handedOver(object);
  return managedFields && uid && resourceVersion
    ? [{ act: 'hand-over', member, kind, name, uid, resourceVersion, managedFields }]
    : [];
}

function fieldsOf({ fieldsV1 }: ManagedFields): Fields {
  return (fieldsV1 ?? {}) as Fields;
}

function specOf(entry: ManagedFields): Fields | undefined {
  return entry.subresource ? undefined : fieldsOf(entry)['f:spec'];
}

function merged(a: Fields, b: Fields): Fields {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(a[key] ?? {}, b[key] ?? {})]));
}
