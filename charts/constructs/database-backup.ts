import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { Backup, BackupVolume, ObjectStorage, Resources } from '../../overlays/overlay.ts';
import * as kplus from '../kplus.ts';
import type { ContainerSettings } from './container.ts';
import { fetchScript, objectStorageEnvironment, objectStorageImage, uploadScript } from './object-storage.ts';
import { type TaskPodProps, taskPod } from './task-pod.ts';

/** How the tools of PostgreSQL reach the database: their own variables, `PGPASSWORD` included. */
export interface DatabaseBackupProps extends Omit<TaskPodProps, 'before' | 'container' | 'volumes'> {
  /** An image with the tools of the server's major version. */
  readonly image: string;
  readonly environment: Readonly<Record<string, kplus.EnvValue>>;
  readonly settings: Backup;
}

const folder = '/backups';

/** Writes a dump under a name that says it is not finished, reads its table of contents back, and only then names it. */
export const dumpScript = `
set -eu
file="$BACKUP_DIR/$(date -u +%Y%m%dT%H%M%SZ).dump"
rm -f "$BACKUP_DIR"/*.part
pg_dump --format=custom --file="$file.part"
pg_restore --list "$file.part" > /dev/null
sync "$file.part"
mv "$file.part" "$file"
echo "$file: $(du -h "$file" | cut -f1)"
`.trim();

/** Dumps beyond those to keep go once the new one is there, so that a night that fails costs none. */
export const pruneScript = `
ls -1 "$BACKUP_DIR"/*.dump | sort -r | tail -n +$((KEEP + 1)) | xargs -r rm --
echo "$(ls -1 "$BACKUP_DIR"/*.dump | wc -l) kept"
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

/** A step of a Job before its image, resources and whereabouts are known. */
interface Step {
  readonly name: string;
  readonly script: string;
  /** Beside those that every container has. @default - none */
  readonly variables?: Readonly<Record<string, number>>;
}

interface BackupJob {
  readonly name: string;
  /** As cron has it, in UTC. @default - started by a person alone */
  readonly schedule?: string;
  /** What PostgreSQL's tools do. */
  readonly database: Step;
  /** What is done with the bucket before it, where there is one. @default - nothing */
  readonly before?: Step;
  /** And after it. @default - nothing */
  readonly after?: Step;
}

/**
 * Nightly dumps, a restore that proves the newest one, and a Job template that a person starts to put one back:
 * `kubectl create job --from=cronjob/restore`. Dumps lie on a volume, or in a bucket and on scratch space on their way.
 */
export class DatabaseBackup extends Construct {
  constructor(scope: Construct, id: string, props: DatabaseBackupProps) {
    super(scope, id);
    const { keep, maxAgeHours, schedule, target, verifySchedule } = props.settings;
    const onVolume = target.kind === 'volume';
    if (onVolume) this.#claim(target);
    const add = (job: BackupJob) =>
      this.#cronJob(job, onVolume ? onClaim(job, props) : inBucket(this, job, props, target));
    add({
      name: 'backup',
      schedule,
      database: onVolume
        ? { name: 'backup', script: `${dumpScript}\n${pruneScript}`, variables: { KEEP: keep } }
        : { name: 'dump', script: dumpScript },
      after: { name: 'upload', script: uploadScript, variables: { KEEP: keep } },
    });
    add({
      name: 'verify-backup',
      schedule: verifySchedule,
      before: { name: 'fetch', script: fetchScript },
      database: { name: 'verify-backup', script: verifyScript, variables: { MAX_AGE_HOURS: maxAgeHours } },
    });
    add({
      name: 'restore',
      before: { name: 'fetch', script: fetchScript },
      database: { name: 'restore', script: restoreScript },
    });
  }

  #claim({ className, sizeGibibytes }: BackupVolume): void {
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
  }

  #cronJob({ name, schedule }: BackupJob, template: object): void {
    new ApiObject(this, name, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name },
      spec: {
        // Never started by a clock: a date that does not come, and suspended on top of it.
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

function container(
  { name, script, variables = {} }: Step,
  image: string,
  environment: Readonly<Record<string, kplus.EnvValue>>,
  resources: Resources,
): ContainerSettings {
  const plain = Object.entries({ BACKUP_DIR: folder, ...variables });
  const envVariables = {
    ...environment,
    ...Object.fromEntries(plain.map(([key, value]) => [key, kplus.EnvValue.fromValue(String(value))])),
  };
  return { name, image, command: ['sh', '-c', script], resources, envVariables };
}

function onClaim({ database }: BackupJob, props: DatabaseBackupProps): object {
  const { environment, image, settings, ...pod } = props;
  return taskPod({
    ...pod,
    container: container(database, image, environment, settings.resources),
    volumes: [{ name: 'backups', mountPath: folder, persistentVolumeClaim: { claimName: 'backups' } }],
  });
}

/** Each container has the credentials of its own side alone. */
function inBucket(
  scope: Construct,
  { after, before, database, name }: BackupJob,
  props: DatabaseBackupProps,
  target: ObjectStorage,
): object {
  const { environment, image, settings, ...pod } = props;
  const { scratchGibibytes } = target;
  // What lies in an emptyDir counts against what the containers may write.
  const resources = { ...settings.resources, scratchGibibytes: settings.resources.scratchGibibytes + scratchGibibytes };
  const secret = kplus.Secret.fromSecretName(scope, `${name}-storage`, target.secretName);
  const ours = container(database, image, environment, resources);
  const theirs = (step: Step) =>
    container(step, objectStorageImage(target), objectStorageEnvironment(target, secret), resources);
  const sizeLimit = kplus.k8s.Quantity.fromString(`${scratchGibibytes}Gi`);
  return taskPod({
    ...pod,
    ...(after ? { before: ours, container: theirs(after) } : { container: ours }),
    ...(before ? { before: theirs(before) } : {}),
    volumes: [{ name: 'backups', mountPath: folder, emptyDir: { sizeLimit } }],
  });
}
