import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { Postgres } from './constructs/postgres.ts';
import { Redis } from './constructs/redis.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { cacheName, databaseName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** PostgreSQL, where it runs in the cluster; without objects where it is a managed service. */
export class DatabaseChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    const labels = labelsOf(overlay, databaseName, 'database');
    super(scope, file, overlay, labels);
    const { database } = overlay;
    if (database.kind === 'external') return;
    new Postgres(this, 'postgres', {
      labels,
      image: imageReference(database.image.repository, database.image),
      resources: database.resources,
      storage: database.storage,
      uid: database.uid,
      port: database.port,
      database: database.name,
      username: database.username,
      password: {
        secret: kplus.Secret.fromSecretName(this, 'secret', database.secretName),
        key: database.passwordKey,
      },
    });
  }
}

/** Redis, where it runs in the cluster; without objects where it is a managed service. */
export class CacheChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    const labels = labelsOf(overlay, cacheName, 'cache');
    super(scope, file, overlay, labels);
    const { cache } = overlay;
    if (cache.kind === 'external') return;
    new Redis(this, 'redis', {
      labels,
      image: imageReference(cache.image.repository, cache.image),
      resources: cache.resources,
      storage: cache.storage,
      uid: cache.uid,
      port: cache.port,
      password: { secret: kplus.Secret.fromSecretName(this, 'secret', cache.secretName), key: cache.passwordKey },
    });
  }
}
