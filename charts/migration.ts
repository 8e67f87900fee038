import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { VALUES_WRONG } from '../promotion/plan/plan.ts';
import type { Environment } from './config.ts';
import type { ContainerSettings } from './constructs/container.ts';
import { MigrationJob } from './constructs/migration-job.ts';
import { serviceAccount } from './constructs/service-account.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { migrationName, nodeUid } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import { valuesCheck } from './values-check.ts';

/** Checks the backend's credentials and brings the database to the schema that its image expects, once a release. */
export class MigrationChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay, environment: Environment) {
    const labels = labelsOf(overlay, migrationName, 'migration', overlay.pins.backend.version);
    super(scope, file, overlay, labels);
    // Where nobody promotes, nobody waits for a Job either: there the pods migrate before they start.
    if (overlay.strategy.kind === 'deployment') return;
    new MigrationJob(this, 'job', {
      labels,
      serviceAccountName: serviceAccount(this, migrationName, overlay.images).name,
      uid: nodeUid,
      before: valuesCheck(overlay, environment),
      hopelessCode: VALUES_WRONG,
      container: migrationContainer(overlay, environment),
    });
  }
}

/**
 * Runs the migrations that the database does not have yet. However many start at once, one runs at a time: Prisma takes
 * an advisory lock of the database first.
 */
export function migrationContainer(overlay: Overlay, environment: Environment): ContainerSettings {
  const { command, workingDir } = overlay.migration;
  return {
    name: 'migrate',
    image: imageReference(overlay.images.backend, overlay.pins.backend),
    command,
    ...(workingDir ? { workingDir } : {}),
    resources: { cpuMillis: 100, memoryMebibytes: 512, scratchGibibytes: 1 },
    envFrom: environment.envFrom,
    // Tools keep caches in the home folder, and only /tmp can be written to.
    envVariables: { ...environment.envVariables, HOME: kplus.EnvValue.fromValue('/tmp') },
  };
}
