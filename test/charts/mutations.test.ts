import { describe, expect, it } from 'vitest';
import { contextOf, enforcePolicy, PolicyError } from '../../charts/policy/policy.ts';
import { loadOverlay } from '../../overlays/load.ts';
import type { Overlay } from '../../overlays/overlay.ts';
import { sample, sampleUnderLoad, sampleWithBucket } from '../overlays/samples.ts';
import { type KubeObject, objectsOf } from './objects.ts';
import { references } from './references.ts';

// Every field by which one rendered object refers to another, or to a part of itself, is made wrong, one at a time:
// synth must refuse each. What it cannot know is listed.

/** What synth cannot know, and why: things that are not rendered, or that nothing rendered depends on. */
const unknowable: [RegExp, string][] = [
  [/ConfigMap (dashboard|alertmanager) metadata\.name$/, 'the platform finds them by a label, or by what you tell it'],
  [/Ingress \S+ spec\.tls\.\d+\.secretName$/, 'a Secret that cert-manager or you make'],
];

interface Mutation {
  readonly at: string;
  readonly apply: (objects: KubeObject[]) => void;
}

function mutationsOf(objects: readonly KubeObject[]): Mutation[] {
  return objects.flatMap((object, index) => {
    const found: Mutation[] = [];
    const walk = (value: KubeObject, path: (string | number)[], shown: string) => {
      if (value !== null && typeof value === 'object') {
        for (const key of Object.keys(value)) {
          // An entry of an environment is known by its name, whatever its place.
          const name = /(^|\.)env$/.test(shown) ? value[key].name : key;
          walk(value[key], [...path, key], shown ? `${shown}.${name}` : name);
        }
        return;
      }
      const at = `${object.kind} ${object.metadata.name} ${shown}`;
      if (!references.some((reference) => reference.test(at))) return;
      const wrong = typeof value === 'number' ? value + 1 : value === 'TCP' ? 'SCTP' : `${value}-wrong`;
      found.push({ at, apply: (all) => assign(all[index], path, wrong) });
    };
    walk(object, [], '');
    return found;
  });
}

function assign(object: KubeObject, path: (string | number)[], value: unknown): void {
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((at, key) => at[key], object);
  parent[last] = value;
}

function isCaught(overlay: Overlay, objects: readonly KubeObject[], { apply }: Mutation): boolean {
  const mutated = structuredClone([...objects]);
  apply(mutated);
  try {
    enforcePolicy(
      mutated.map((manifest) => ({ path: 'x', manifest })),
      contextOf(overlay),
    );
    return false;
  } catch (error) {
    if (error instanceof PolicyError) return true;
    throw error;
  }
}

describe.each([
  ['with managed data stores', loadOverlay('production')],
  ['with data stores in the cluster', sample()],
  ['with dumps in a bucket', sampleWithBucket()],
  ['with load before the switch', sampleUnderLoad()],
  ['with Deployments', loadOverlay('development')],
])('a wiring mistake %s', (_, overlay) => {
  const objects = objectsOf(overlay);
  const mutations = mutationsOf(objects);
  const missed = mutations.filter((mutation) => !isCaught(overlay, objects, mutation)).map(({ at }) => at);

  it('is made in at least 60 places', () => {
    expect(mutations.length).toBeGreaterThanOrEqual(60);
  });

  it('is refused by synth wherever synth can know', () => {
    expect(missed.filter((at) => !unknowable.some(([what]) => what.test(at)))).toEqual([]);
  });

  it('is refused in 95 of 100 places', () => {
    expect(1 - missed.length / mutations.length).toBeGreaterThanOrEqual(0.95);
  });
});
