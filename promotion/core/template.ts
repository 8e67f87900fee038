import { EPHEMERAL_METADATA, POD_HASH, type PodTemplate, type ReplicaSet } from '../cluster/objects.ts';
import { jsonIn } from '../gates/json.ts';

/**
 * The first place where the live pod template does not say what `wanted` says, as a path; undefined when there is none.
 * `live` may say more, because servers fill in defaults. It may also say the same in other words: the Rollouts
 * controller writes the whole Rollout back (its revision annotation), which drops empty and zero fields and puts
 * quantities into their canonical form, `1024Mi` into `1Gi`.
 */
export function difference(live: unknown, wanted: unknown, path = 'template'): string | undefined {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live) || live.length !== wanted.length)
      return wanted.length === 0 && live === undefined ? undefined : path;
    return first(wanted.map((item, i) => () => difference(live[i], item, `${path}[${i}]`)));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof live !== 'object' || live === null) return isEmpty(wanted) ? undefined : path;
    const fields = live as Record<string, unknown>;
    return first(
      Object.entries(wanted).map(
        ([key, value]) =>
          () =>
            difference(fields[key], value, `${path}.${key}`),
      ),
    );
  }
  if (live === wanted || (live === undefined && !wanted)) return undefined;
  const wantedAmount = isQuantity(path) ? amount(wanted) : undefined;
  return wantedAmount !== undefined && amount(live) === wantedAmount ? undefined : path;
}

function first(questions: readonly (() => string | undefined)[]): string | undefined {
  for (const question of questions) {
    const answer = question();
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** `{}` and what only holds such. */
function isEmpty(value: object): boolean {
  return Object.values(value).every((item) => typeof item === 'object' && item !== null && isEmpty(item));
}

/** Where the API has a Quantity: container resources, volume sizes, field references. */
function isQuantity(path: string): boolean {
  return /^template\.spec\..*(\.resources\.(limits|requests)\.|\.emptyDir\.sizeLimit$|\.resourceFieldRef\.divisor$)/.test(
    path,
  );
}

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Quantity as a number; undefined for anything else. */
export function amount(quantity: unknown): number | undefined {
  const [, digits, suffix] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([numkKMGTPE]?i?)$/.exec(String(quantity)) ?? [];
  const unit = SUFFIXES[suffix ?? ''];
  return digits === undefined || unit === undefined ? undefined : Number((Number(digits) * unit).toPrecision(15));
}

/** A ReplicaSet's template as its Rollout had it: without the hash and the role's metadata that the controller adds. */
export function templateOf(set: ReplicaSet): PodTemplate {
  const { metadata, ...template } = set.spec.template ?? {};
  const role = ephemeralMetadataOf(set);
  const without = (fields: Readonly<Record<string, string>> | undefined, added: object | undefined) => {
    const kept = Object.entries(fields ?? {}).filter(([key]) => key !== POD_HASH && !(added && key in added));
    return Object.fromEntries(kept);
  };
  const annotations = without(metadata?.annotations, role.annotations);
  return {
    ...template,
    metadata: {
      ...metadata,
      labels: without(metadata?.labels, role.labels),
      ...(metadata?.annotations ? { annotations } : {}),
    },
  };
}

function ephemeralMetadataOf(set: ReplicaSet): { labels?: object; annotations?: object } {
  return jsonIn(set.metadata.annotations?.[EPHEMERAL_METADATA] ?? '') ?? {};
}
