import { allowedDifferences } from '../overlays/differences.ts';
import { loadOverlay, overlayNames } from '../overlays/load.ts';
import type { BlueGreen, Overlay } from '../overlays/overlay.ts';
import { differences, differencesTable } from './differences.ts';

/** docs/environments.md: which environments there are, and every way in which production differs from staging. */
export function environmentsDocument(): string {
  const staging = loadOverlay('staging');
  // With the same pins: what a release has brought to one of them only is no difference between them.
  const found = differences(staging, { ...loadOverlay('production'), pins: staging.pins });
  return `# Environments

Written by \`npm run differences\` from the overlays.

${environmentsTable()}

Staging is where every release goes first, and production takes the digests that staging has settled ([runbook.md](runbook.md)). Into
either deploys who may write to its pins in Git, and promotes who holds the Role \`promoter\` of its namespace ([rights.md](rights.md)); keep
production's to the people on call and to the pipeline, which waits for an approval. Development is everybody's own. How to make each
Secret: [secrets.md](secrets.md). Another environment: [CONTRIBUTING.md](../CONTRIBUTING.md#add-an-overlay).

## How production differs from staging

In this and in nothing else, compared field by field over what is rendered; pins apart, which are a release's. A
test fails when a difference is not in \`overlays/differences.ts\`, or when this file is old.

${differencesTable(found, allowedDifferences, ['staging', 'production'])}
`;
}

function environmentsTable(): string {
  const overlays = overlayNames.map(loadOverlay);
  const row = (name: string, cell: (overlay: Overlay) => string) => `| ${[name, ...overlays.map(cell)].join(' | ')} |`;
  return [
    row('', ({ name }) => name),
    row('---', () => '---'),
    row('namespace', ({ namespace }) => `\`${namespace}\``),
    row('web', ({ hosts }) => hosts.web),
    row('API, health', ({ health, hosts }) => `${hosts.api}${health.publicPath}`),
    row('preview', ({ hosts }) => hosts.preview ?? 'none'),
    row('releases', ({ strategy }) =>
      strategy.kind === 'blue-green' ? `blue-green${canariesOf(strategy)}, by \`promote\`` : 'by `kubectl apply`',
    ),
    row('images', ({ imagePins }) => `by ${imagePins}`),
    row('database', ({ database }) => (database.kind === 'external' ? database.host : 'in the cluster')),
    row('cache', ({ cache }) => (cache.kind === 'external' ? cache.host : 'in the cluster')),
    row('Secrets', secretsOf),
    row('way back at once', ({ strategy }) =>
      strategy.kind === 'blue-green' && canariesOf(strategy) === ''
        ? `${strategy.scaleDownDelaySeconds / 60} minutes`
        : 'none',
    ),
  ].join('\n');
}

function canariesOf({ canaries }: BlueGreen): string {
  const names = Object.entries(canaries).flatMap(([name, canary]) => (canary ? [name] : []));
  return names.length === 0 ? '' : `, ${names.join(' and ')} by canary`;
}

function secretsOf({ cache, credentials, database, images }: Overlay): string {
  const names = [database.secretName, cache.secretName, credentials.secretName, images.pullSecretName];
  return [...new Set(names)].flatMap((name) => (name === undefined ? [] : `\`${name}\``)).join(', ');
}
