import { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { secretKeys } from './backend-environment.ts';
import { SyncedSecret } from './constructs/synced-secret.ts';
import { labelsOf } from './labels.ts';
import { OverlayChart } from './overlay-chart.ts';

/** The Secrets that everything refers to, where an operator makes them; without objects where you do. */
export class SecretsChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, 'secrets', 'configuration'));
    const { images, secrets } = overlay;
    if (secrets.kind === 'user-made') return;
    const common = { store: secrets.store, refreshInterval: Duration.minutes(secrets.refreshMinutes) };
    for (const [name, keys] of secretKeys(overlay)) {
      new SyncedSecret(this, name, { ...common, name, keys, entry: `${secrets.prefix}${name}` });
    }
    if (!images.pullSecretName) return;
    const registry = { name: images.pullSecretName, entry: `${secrets.prefix}${images.pullSecretName}` };
    new SyncedSecret(this, 'registry', {
      ...common,
      ...registry,
      keys: ['.dockerconfigjson'],
      type: 'kubernetes.io/dockerconfigjson',
    });
  }
}
