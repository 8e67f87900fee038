import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { DatabaseBackup } from './constructs/database-backup.ts';
import { Postgres } from './constructs/postgres.ts';
import { Redis } from './constructs/redis.ts';
import { serviceAccount } from './constructs/service-account.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { backupName, cacheName, databaseName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** PostgreSQL, where it runs in the cluster; without objects where it is a managed service. */
export class DatabaseChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    const labels = labelsOf(overlay, databaseName, 'database');
    super(scope, file, overlay, labels);
    const { database } = overlay;
    if (database.kind === 'external') return;
    const secret = kplus.Secret.fromSecretName(this, 'secret', database.secretName);
    new Postgres(this, 'postgres', {
      labels,
      image: imageReference(database.image.repository, database.image),
      resources: database.resources,
      storage: database.storage,
      exporter: database.exporter && {
        ...database.exporter,
        password: { secret, key: database.exporter.passwordKey },
      },
      uid: database.uid,
      port: database.port,
      database: database.name,
      username: database.username,
      password: { secret, key: database.passwordKey },
    });
  }
}

/** Dumps of a database in the cluster; a managed service makes its own. */
export class BackupChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    const labels = labelsOf(overlay, backupName, 'backup');
    super(scope, file, overlay, labels);
    const { database } = overlay;
    if (database.kind === 'external' || !database.backup) return;
    const secret = kplus.Secret.fromSecretName(this, 'secret', database.secretName);
    new DatabaseBackup(this, 'backup', {
      labels,
      serviceAccountName: serviceAccount(this, backupName).name,
      uid: database.uid,
      image: imageReference(database.image.repository, database.image),
      settings: database.backup,
      environment: {
        PGHOST: kplus.EnvValue.fromValue(databaseName),
        PGPORT: kplus.EnvValue.fromValue(String(database.port)),
        PGUSER: kplus.EnvValue.fromValue(database.username),
        PGDATABASE: kplus.EnvValue.fromValue(database.name),
        PGPASSWORD: kplus.EnvValue.fromSecretValue({ secret, key: database.passwordKey }),
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
      exporter: cache.exporter,
      uid: cache.uid,
      port: cache.port,
      password: { secret: kplus.Secret.fromSecretName(this, 'secret', cache.secretName), key: cache.passwordKey },
    });
  }
}
