import type { Bundle } from './bundle.ts';

/** placeholder */
export function pageOf(bundle: Bundle): string {
  return `<!doctype html><title>${bundle.result?.outcome}</title>`;
}
