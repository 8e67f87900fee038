import { expect, it } from 'vitest';
import { canonicalQuantity } from '../../charts/constructs/quantity.ts';

it.each([
  ['1024Mi', '1Gi'],
  ['768Mi', '768Mi'],
  ['1048576Mi', '1Ti'],
  ['2048Ki', '2Mi'],
  ['1000m', '1'],
  ['2500m', '2500m'],
  ['250m', '250m'],
  ['2', '2'],
  ['0', '0'],
  ['0.5', '0.5'],
])('%s is %s as the API writes it', (given, canonical) => {
  expect(canonicalQuantity(given)).toBe(canonical);
});
