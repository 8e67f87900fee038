import type { KubeObject } from '../cluster/objects.ts';

/** A field that is not the same before and after. */
export interface FieldChange {
  /** E.g. `spec.template.spec.containers[backend].image`; items of a list by their names, where they have any. */
  readonly path: string;
  /** Undefined where the field is not there. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Every field in which two objects differ, in the order of the paths. */
export function changedFields(before: KubeObject, after: KubeObject): FieldChange[] {
  const [old, fresh] = [fieldsOf(before), fieldsOf(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return paths
    .map((path) => ({ path, before: old.get(path), after: fresh.get(path) }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
}

/** Path → value, of everything that holds no further fields. */
function fieldsOf(value: unknown, path = '', found = new Map<string, unknown>()): Map<string, unknown> {
  const children = childrenOf(value);
  if (children.length === 0) found.set(path, value);
  for (const [key, child] of children) fieldsOf(child, path + key, found);
  return found;
}

function childrenOf(value: unknown): [key: string, child: unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  if (!Array.isArray(value))
    return Object.entries(value).map(([key, child]) => [/^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`, child]);
  // What a list is merged by is its names; a list of other things is one value.
  const names = value.map((item) => (item as { name?: unknown } | null)?.name);
  const areNamed = names.every((name) => typeof name === 'string') && new Set(names).size === names.length;
  if (areNamed) return value.map((item, i) => [`[${names[i]}]`, item]);
  return value.every((item) => typeof item !== 'object') ? [] : value.map((item, i) => [`[${i}]`, item]);
}

/** The lines of a text that are not in another one, as `- old` and `+ new`. */
export function changedLines(before: string, after: string): string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  const without = (lines: string[], others: string[]) => {
    const left = [...others];
    return lines.filter((line) => {
      const at = left.indexOf(line);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  };
  return [...without(old, fresh).map((line) => `- ${line}`), ...without(fresh, old).map((line) => `+ ${line}`)];
}
