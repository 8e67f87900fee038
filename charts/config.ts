import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { backendConfig, backendSecrets } from './backend-environment.ts';
import { HashedConfigMap } from './constructs/hashed-config-map.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { backendName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** A container's environment: whole ConfigMaps, and single variables from Secrets. */
export type Environment = Required<Pick<kplus.ContainerProps, 'envFrom' | 'envVariables'>>;

/** The backend's configuration, which the migration shares. */
export class ConfigChart extends OverlayChart {
  /** What a container needs to run the backend image. */
  readonly environment: Environment;

  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, backendName, 'api', overlay.pins.backend.version));
    const config = new HashedConfigMap(this, 'config', { name: `${backendName}-config`, data: backendConfig(overlay) });
    const secrets = Object.entries(backendSecrets(overlay)).map(([variable, { secretName, key, optional }]) => {
      const secret = kplus.Secret.fromSecretName(this, `secret-${variable}`, secretName);
      return [variable, kplus.EnvValue.fromSecretValue({ secret, key }, optional ? { optional } : {})] as const;
    });
    this.environment = {
      envFrom: [kplus.Env.fromConfigMap(config as kplus.IConfigMap)],
      envVariables: Object.fromEntries(secrets),
    };
  }
}
