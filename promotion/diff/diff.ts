import { type Job, type KubeObject, POD_HASH, type Service } from '../cluster/objects.ts';
import { isJob } from '../core/jobs.ts';
import { UNNEEDED_CONFIG } from '../core/unneeded.ts';
import { HASHED_CONFIG } from '../plan/plan.ts';
import { changedFields, type FieldChange } from './fields.ts';

/** What one object of the folder and its live counterpart are to each other. */
export type Compared =
  | { readonly object: KubeObject; readonly is: 'new' }
  | {
      readonly object: KubeObject;
      readonly is: 'live';
      readonly live: KubeObject;
      /** What the API server would make of it. */
      readonly merged: KubeObject;
      /** Fields that others have set to other values, and who. */
      readonly conflicts: readonly Conflict[];
    }
  /** The API server would not take it. */
  | { readonly object: KubeObject; readonly is: 'refused'; readonly reason: string };

export interface Conflict {
  readonly path: string;
  readonly manager: string;
}

/** How a folder differs from what is live; objects by `Kind name`. */
export interface Diff {
  readonly new: readonly string[];
  readonly changed: readonly { readonly object: string; readonly fields: readonly FieldChange[] }[];
  /** Live objects of the project that the folder does not have any more, of the kinds that it has. */
  readonly notRendered: readonly string[];
  readonly conflicts: readonly ({ readonly object: string } & Conflict)[];
  readonly refused: readonly { readonly object: string; readonly reason: string }[];
  /** Names of the Rollouts that would get a new revision. */
  readonly newRevisions: readonly string[];
  /** Names of the Jobs that would be made. */
  readonly newJobs: readonly string[];
}

export const nameOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;

/** `others` are live objects of the folder's kinds with the project's labels. */
export function diffOf(compared: readonly Compared[], others: readonly KubeObject[]): Diff {
  const fresh = compared.filter(({ is }) => is === 'new').map(({ object }) => object);
  const changed = compared.flatMap((each) => {
    if (each.is !== 'live') return [];
    const fields = withoutValues(each.object, changedFields(comparable(each.live), comparable(each.merged)));
    return fields.length > 0 ? [{ object: each.object, fields }] : [];
  });
  const isTemplate = ({ path }: FieldChange) => path.startsWith('.spec.template');
  const revised = [...fresh, ...changed.filter(({ fields }) => fields.some(isTemplate)).map(({ object }) => object)];
  const ofKind = (objects: readonly KubeObject[], kind: string) =>
    objects
      .filter((object) => object.kind === kind)
      .map(({ metadata }) => metadata.name)
      .sort();
  return {
    new: fresh.map(nameOf),
    changed: changed.map(({ object, fields }) => ({ object: nameOf(object), fields })),
    notRendered: leftOver(
      compared.map(({ object }) => object),
      others,
    ),
    conflicts: compared.flatMap((each) =>
      each.is === 'live' ? each.conflicts.map((conflict) => ({ object: nameOf(each.object), ...conflict })) : [],
    ),
    refused: compared.flatMap((each) =>
      each.is === 'refused' ? [{ object: nameOf(each.object), reason: each.reason }] : [],
    ),
    newRevisions: ofKind(revised, 'Rollout'),
    newJobs: ofKind(fresh, 'Job'),
  };
}

/** Whether applying the folder would change nothing, be refused nothing, and leave nothing over. */
export function isEmpty(diff: Diff): boolean {
  return [diff.new, diff.changed, diff.notRendered, diff.conflicts, diff.refused].every(({ length }) => length === 0);
}

/** Where an object only says how the API server and controllers keep it, or how it stands. */
function comparable(object: KubeObject): KubeObject {
  const { managedFields, resourceVersion, generation, uid, creationTimestamp, ...metadata } = object.metadata;
  const { [LAST_APPLIED]: _, ...annotations } = metadata.annotations ?? {};
  const { status, ...rest } = object as KubeObject & { status?: unknown };
  return withoutHash({ ...rest, metadata: { ...metadata, annotations } } as KubeObject);
}

/** What `kubectl apply` without `--server-side` remembers. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** A Rollout's Services without the key that its controller adds to their selectors, and takes back whoever removes it. */
function withoutHash(object: KubeObject): KubeObject {
  const { spec } = object as Partial<Service>;
  if (object.kind !== 'Service' || spec?.selector === undefined) return object;
  const { [POD_HASH]: _, ...selector } = spec.selector;
  return { ...object, spec: { ...spec, selector } } as KubeObject;
}

/** A Secret's values stay where they are: that one changes is told, not from what to what. */
function withoutValues({ kind }: KubeObject, fields: readonly FieldChange[]): FieldChange[] {
  const hidden = (value: unknown) => (value === undefined ? {} : { value: '(not shown)' });
  return fields.map((field) => {
    if (kind !== 'Secret' || !/^\.(data|stringData)/.test(field.path)) return field;
    const [before, after] = [hidden(field.before), hidden(field.after)];
    return {
      path: field.path,
      ...('value' in before ? { before: before.value } : {}),
      ...('value' in after ? { after: after.value } : {}),
    };
  });
}

/**
 * Live objects that the folder does not have. Not among them: what a controller made for another object, and what is
 * kept on purpose: the ConfigMaps of old revisions, and Jobs that are over.
 */
function leftOver(rendered: readonly KubeObject[], others: readonly KubeObject[]): string[] {
  const known = new Set(rendered.map(nameOf));
  return others
    .filter((object) => {
      const { kind, metadata } = object;
      const isOver = kind === 'Job' && (isJob(object as Job, 'Complete') || isJob(object as Job, 'Failed'));
      const isCollected = [HASHED_CONFIG, UNNEEDED_CONFIG].some((label) => metadata.labels?.[label] !== undefined);
      const isKept = isCollected || isOver;
      return !metadata.ownerReferences?.length && !metadata.deletionTimestamp && !isKept;
    })
    .map(nameOf)
    .filter((name) => !known.has(name))
    .sort();
}
