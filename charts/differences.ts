import { load, loadAll } from 'js-yaml';
import type { Overlay } from '../overlays/overlay.ts';
import type { Manifest } from './policy/rendered.ts';
import { render } from './render.ts';

/** A field of an object that is not the same in two environments. */
export interface Difference {
  /** Kind and name. */
  readonly object: string;
  /** Path of the field; empty where the whole object is in one environment only. */
  readonly field: string;
  /** The value in each of the two; undefined where it is not there. */
  readonly values: readonly [string | undefined, string | undefined];
}

/**
 * Every way in which what is rendered for one overlay differs from what is rendered for another. The names of the
 * environments themselves, wherever they occur, and the hashes that follow from content are no difference.
 */
export function differences(a: Overlay, b: Overlay): Difference[] {
  const [left, right] = [fieldsOf(a), fieldsOf(b)];
  const objects = [...new Set([...left.keys(), ...right.keys()])].sort();
  return objects.flatMap((object): Difference[] => {
    const [here, there] = [left.get(object), right.get(object)];
    if (!here || !there) return [{ object, field: '', values: [here && 'there', there && 'there'] }];
    const fields = [...new Set([...here.keys(), ...there.keys()])].sort();
    return fields
      .map((field) => ({ field, one: here.get(field), other: there.get(field) }))
      .filter(({ one, other }) => one?.raw !== other?.raw && one?.neutral !== other?.neutral)
      .map(({ field, one, other }): Difference => ({ object, field, values: [one?.raw, other?.raw] }));
  });
}

/** A value as it is, and without the names of its environment. */
interface Value {
  readonly raw: string;
  readonly neutral: string;
}

/** Object → field → value. */
function fieldsOf(overlay: Overlay): Map<string, Map<string, Value>> {
  const manifests = Object.values(render(overlay)).flatMap((yaml) => loadAll(yaml) as Manifest[]);
  return new Map(
    manifests.map((manifest) => {
      const fields = new Map<string, Value>();
      flatten(manifest, '', (field, value) => {
        const raw = typeof value === 'string' ? value : JSON.stringify(value);
        fields.set(field, { raw, neutral: neutral(raw, overlay) });
      });
      return [`${manifest.kind} ${neutral(manifest.metadata.name, overlay)}`, fields];
    }),
  );
}

function neutral(value: string, { hosts, name, namespace }: Overlay): string {
  let text = value;
  const known = { namespace, 'web host': hosts.web, 'API host': hosts.api, 'preview host': hosts.preview };
  // The longest first: one may be part of another.
  for (const [word, own] of Object.entries(known).sort(([, one = ''], [, other = '']) => other.length - one.length)) {
    if (own) text = text.replaceAll(own, `<${word}>`);
  }
  return text.replace(/-[0-9a-f]{10}$/, '-<hash>').replaceAll(name, '<overlay>');
}

/**
 * Lists of named things are told apart by their names, so that one more does not shift all others; a file in a ConfigMap
 * by its fields.
 */
function flatten(value: Manifest, path: string, found: (path: string, value: unknown) => void): void {
  if (typeof value === 'string' && path.endsWith('.yaml')) flatten(load(value), path, found);
  else if (value === null || typeof value !== 'object') found(path, value);
  else if (Array.isArray(value)) {
    value.forEach((item, at) => {
      flatten(item, `${path}[${item?.name ?? item?.alert ?? at}]`, found);
    });
  } else for (const key of Object.keys(value)) flatten(value[key], path ? `${path}.${key}` : key, found);
}

/** A difference that is meant, and why. */
export interface Allowed {
  /** Matches `OBJECT FIELD`. */
  readonly what: RegExp;
  readonly why: string;
}

/** Why a difference may be, if it may. */
export function reasonFor({ object, field }: Difference, allowed: readonly Allowed[]): string | undefined {
  return allowed.find(({ what }) => what.test(`${object} ${field}`))?.why;
}

/** The table for people; a difference without a reason stands out. */
export function differencesTable(
  found: readonly Difference[],
  allowed: readonly Allowed[],
  names: [string, string],
): string {
  const cell = (text: string | undefined) =>
    text === undefined ? 'absent' : `\`${text.replaceAll('|', '\\|').replaceAll('\n', ' ')}\``;
  const rows = found.map((difference) => {
    const { object, field, values } = difference;
    const why = reasonFor(difference, allowed) ?? '**not allowed**';
    return `| ${object} | ${field ? `\`${field}\`` : ''} | ${cell(values[0])} | ${cell(values[1])} | ${why} |`;
  });
  const heads = [`| object | field | ${names[0]} | ${names[1]} | why |`, '| --- | --- | --- | --- | --- |'];
  return [...heads, ...rows].join('\n');
}
