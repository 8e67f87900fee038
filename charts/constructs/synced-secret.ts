import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ExternalSecret } from '../../imports/external-secrets.io.ts';

export interface SyncedSecretProps {
  /** Name of the Secret that is made. */
  readonly name: string;
  /** Its keys; the entry in the store has properties of the same names. */
  readonly keys: readonly string[];
  /** Name of the entry in the store. */
  readonly entry: string;
  readonly store: { readonly name: string; readonly kind: 'SecretStore' | 'ClusterSecretStore' };
  /** Between two looks at the store. */
  readonly refreshInterval: Duration;
  /** Type of the Secret. @default Opaque */
  readonly type?: string;
}

/** A Secret that the External Secrets operator makes from a store; no value of it is in Git. */
export class SyncedSecret extends Construct {
  constructor(scope: Construct, id: string, props: SyncedSecretProps) {
    super(scope, id);
    const { entry, keys, name, refreshInterval, store, type } = props;
    new ExternalSecret(this, 'Resource', {
      metadata: { name },
      spec: {
        refreshInterval: `${refreshInterval.toMinutes()}m`,
        secretStoreRef: store,
        // Retained: pods must be able to start while the store, or the operator, is gone.
        target: { name, creationPolicy: 'Owner', deletionPolicy: 'Retain', ...(type ? { template: { type } } : {}) },
        data: keys.map((key) => ({ secretKey: key, remoteRef: { key: entry, property: key } })),
      },
    });
  }
}
