import { allowedDifferences } from '../overlays/differences.ts';
import { loadOverlay } from '../overlays/load.ts';
import { differences, differencesTable } from './differences.ts';

/** docs/environments.md: every way in which production differs from staging. */
export function environmentsDocument(): string {
  const staging = loadOverlay('staging');
  // With the same pins: what a release has brought to one of them only is no difference between them.
  const found = differences(staging, { ...loadOverlay('production'), pins: staging.pins });
  return `# How production differs from staging

In this and in nothing else, compared field by field over what is rendered; pins apart, which are a release's. Written by
\`npm run differences\`; a test fails when a difference is not in \`overlays/differences.ts\`, or when this file is old.

${differencesTable(found, allowedDifferences, ['staging', 'production'])}
`;
}
