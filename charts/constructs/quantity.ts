/** From a unit to the next larger one and how many of it that is, as in an API Quantity. */
const LARGER: Readonly<Record<string, readonly [unit: string, factor: number]>> = {
  m: ['', 1000],
  Ki: ['Mi', 1024],
  Mi: ['Gi', 1024],
  Gi: ['Ti', 1024],
};

/**
 * A whole Quantity in the form into which the API's own code puts it, `1024Mi` as `1Gi` and `1000m` as `1`. The Rollouts
 * controller writes Rollouts back in that form, so in any other the next server-side apply would conflict with it.
 */
export function canonicalQuantity(quantity: string): string {
  const [, digits, unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(quantity) ?? [];
  const [larger, factor] = LARGER[unit] ?? ['', 0];
  if (digits === undefined || factor === 0 || digits === '0' || Number(digits) % factor !== 0) return quantity;
  return canonicalQuantity(`${Number(digits) / factor}${larger}`);
}
