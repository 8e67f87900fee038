import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { Backup } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import type { ContainerSettings } from './container.ts';
import { type TaskPodProps, taskPod } from './task-pod.ts';

/** How the tools of PostgreSQL reach the database: their own variables, `PGPASSWORD` included. */
export interface DatabaseBackupProps extends Omit<TaskPodProps, 'container' | 'volumes'> {
  /** An image with the tools of the server's major version. */
  readonly image: string;
  readonly environment: Readonly<Record<string, kplus.EnvValue>>;
  readonly settings: Backup;
}

const folder = '/backups';

/**
 * Writes a dump under a name that says it is not finished, reads its table of contents back, and only then gives it its
 * own name; dumps beyond those to keep go last, so that a night that fails costs none.
 */
export const backupScript = `
set -eu
file="$BACKUP_DIR/$(date -u +%Y%m%dT%H%M%SZ).dump"
rm -f "$BACKUP_DIR"/*.part
pg_dump --format=custom --file="$file.part"
pg_restore --list "$file.part" > /dev/null
sync "$file.part"
mv "$file.part" "$file"
ls -1 "$BACKUP_DIR"/*.dump | sort -r | tail -n +$((KEEP + 1)) | xargs -r rm --
echo "$file: $(du -h "$file" | cut -f1), $(ls -1 "$BACKUP_DIR"/*.dump | wc -l) kept"
`.trim();

/**
 * Restores the newest dump into a database of its own beside the real one, and compares the tables with the dump's
 * contents. A dump that is too old fails, too: a backup that silently stopped is found by this.
 */
export const verifyScript = `
set -eu
file=$(ls -1 "$BACKUP_DIR"/*.dump | sort | tail -n 1)
test -n "$(find "$file" -mmin "-$((MAX_AGE_HOURS * 60))")" || { echo "$file is older than $MAX_AGE_HOURS h"; exit 1; }
check="$PGDATABASE"_restore_check
dropdb --if-exists --force "$check"
createdb "$check"
trap 'dropdb --if-exists --force "$check"' EXIT
pg_restore --exit-on-error --no-owner --dbname="$check" "$file"
wanted=$(pg_restore --list "$file" | grep -c ' TABLE DATA ' || true)
found=$(psql --no-psqlrc -Atd "$check" -c "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
test "$wanted" -gt 0 || { echo "$file holds no table"; exit 1; }
test "$wanted" = "$found" || { echo "$file holds $wanted tables, $found were restored"; exit 1; }
echo "$file: $found tables restored"
`.trim();

/** Puts a dump back in one transaction: the database is what it was before, or what the dump says. */
export const restoreScript = `
set -eu
file=\${BACKUP_FILE:-$(ls -1 "$BACKUP_DIR"/*.dump | sort | tail -n 1)}
pg_restore --exit-on-error --single-transaction --clean --if-exists --no-owner --dbname="$PGDATABASE" "$file"
echo "$file: restored"
`.trim();

/**
 * Nightly dumps on a volume of their own, a restore that proves the newest one, and a Job template that a person starts
 * to put one back: `kubectl create job --from=cronjob/restore`.
 */
export class DatabaseBackup extends Construct {
  constructor(scope: Construct, id: string, props: DatabaseBackupProps) {
    super(scope, id);
    const { settings } = props;
    const { className, sizeGibibytes } = settings.volume;
    new kplus.k8s.KubePersistentVolumeClaim(this, 'Volume', {
      metadata: {
        name: 'backups',
        // Argo CD must not remove the last copy of the data together with what made it.
        annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false' },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...(className ? { storageClassName: className } : {}),
        resources: { requests: { storage: kplus.k8s.Quantity.fromString(`${sizeGibibytes}Gi`) } },
      },
    });
    this.#job('backup', backupScript, { KEEP: settings.keep }, settings.schedule, props);
    this.#job('verify-backup', verifyScript, { MAX_AGE_HOURS: settings.maxAgeHours }, settings.verifySchedule, props);
    // Never started by a clock: a date that does not come, and suspended on top of it.
    this.#job('restore', restoreScript, {}, undefined, props);
  }

  #job(
    name: string,
    script: string,
    variables: Readonly<Record<string, number>>,
    schedule: string | undefined,
    { environment, image, settings, ...pod }: DatabaseBackupProps,
  ): void {
    const plain = { BACKUP_DIR: folder, ...variables };
    const container: ContainerSettings = {
      name,
      image,
      command: ['sh', '-c', script],
      resources: settings.resources,
      envVariables: {
        ...environment,
        ...Object.fromEntries(
          Object.entries(plain).map(([key, value]) => [key, kplus.EnvValue.fromValue(String(value))]),
        ),
      },
    };
    const template = taskPod({
      ...pod,
      container,
      volumes: [{ name: 'backups', mountPath: folder, persistentVolumeClaim: { claimName: 'backups' } }],
    });
    new ApiObject(this, name, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name },
      spec: {
        schedule: schedule ?? '0 0 31 2 *',
        timeZone: 'Etc/UTC',
        suspend: schedule === undefined,
        concurrencyPolicy: 'Forbid',
        // A controller that was down at the minute still starts it within the hour.
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: { spec: { backoffLimit: 1, activeDeadlineSeconds: 6 * 3600, template } },
      },
    });
  }
}
