import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differences, reasonFor } from '../../charts/differences.ts';
import { environmentsDocument } from '../../charts/environments-document.ts';
import { allowedDifferences } from '../../overlays/differences.ts';
import { loadOverlay } from '../../overlays/load.ts';
import { pins } from '../overlays/samples.ts';

const [staging, production] = ['staging', 'production'].map((name) => ({ ...loadOverlay(name), pins }));

describe('production differs from staging', () => {
  const found = staging && production ? differences(staging, production) : [];

  it('only where it is meant to', () => {
    expect(found.filter((difference) => reasonFor(difference, allowedDifferences) === undefined)).toEqual([]);
  });

  it('by everything that the list allows: none of it is left over', () => {
    const unused = allowedDifferences.filter(
      ({ what }) => !found.some(({ field, object }) => what.test(`${object} ${field}`)),
    );
    expect(unused).toEqual([]);
  });

  it('as docs/environments.md says', () => {
    const written = readFileSync(new URL('../../docs/environments.md', import.meta.url), 'utf8');
    expect(written, 'run npm run differences').toBe(environmentsDocument());
  });
});

it('a difference that is not meant is found by object and field, whatever environment names occur in it', () => {
  if (!staging) throw new Error('no staging');
  const changed = { ...staging, name: 'rehearsal', namespace: 'moneywise-rehearsal', drainSeconds: 5 };
  const fields = differences(staging, changed).map(({ field, object, values }) => [object, field, ...values]);
  expect(fields.filter(([object]) => object?.startsWith('Rollout web'))).toEqual([
    ['Rollout web', 'spec.template.spec.containers[web].env[MAX_CONNECTION_AGE_SECONDS].value', '5', '2.5'],
    ['Rollout web', 'spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds', '10', '5'],
    ['Rollout web', 'spec.template.spec.terminationGracePeriodSeconds', '30', '25'],
  ]);
});
