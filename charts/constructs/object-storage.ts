import type { ObjectStorage, Overlay } from '../../overlays/overlay.ts';
import { imageReference } from '../../overlays/pins.ts';
import * as kplus from '../kplus.ts';

// Dumps in a bucket: no image has both PostgreSQL's tools and a client for it, so a container of rclone works before or
// after that of PostgreSQL, on a folder that both have. All that it is told, it is told by variables.

/**
 * Brings a finished dump into the bucket, where an object appears whole or not at all, and compares size and checksum with
 * those that the bucket reports; only then do dumps beyond those to keep go. BACKUP_STORE is a folder, as rclone names it.
 */
export const uploadScript = `
set -eu
rclone copy --include '*.dump' "$BACKUP_DIR" "$BACKUP_STORE"
rclone check --one-way --include '*.dump' "$BACKUP_DIR" "$BACKUP_STORE"
all=$(rclone lsf --files-only --include '*.dump' "$BACKUP_STORE")
echo "$all" | sort -r | tail -n +$((KEEP + 1)) | while read -r old; do rclone deletefile "$BACKUP_STORE/$old"; done
echo "$BACKUP_STORE/$(echo "$all" | sort | tail -n 1): uploaded and compared"
`.trim();

/** Fetches the newest dump, or the one that BACKUP_FILE names; names sort as their times do. */
export const fetchScript = `
set -eu
all=$(rclone lsf --files-only --include '*.dump' "$BACKUP_STORE")
file=\${BACKUP_FILE:-$(echo "$all" | sort | tail -n 1)}
test -n "$file" || { echo "$BACKUP_STORE holds no dump" >&2; exit 1; }
rclone copyto "$BACKUP_STORE/$file" "$BACKUP_DIR/$file"
test -f "$BACKUP_DIR/$file" || { echo "$BACKUP_STORE/$file is not there" >&2; exit 1; }
echo "$BACKUP_STORE/$file: fetched"
`.trim();

/** Where the overlay keeps its dumps, if that is a bucket. */
export function objectStorageOf({ database }: Pick<Overlay, 'database'>): ObjectStorage | undefined {
  const target = database.kind === 'in-cluster' ? database.backup?.target : undefined;
  return target?.kind === 'object-storage' ? target : undefined;
}

export const objectStorageImage = ({ image }: ObjectStorage): string => imageReference(image.repository, image);

/** rclone's variables for the folder in the bucket. The credentials are the Secret's alone. */
export function objectStorageEnvironment(
  target: ObjectStorage,
  secret: kplus.ISecret,
): Readonly<Record<string, kplus.EnvValue>> {
  const { accessKeyIdKey, bucket, endpoint, prefix, provider, region, secretAccessKeyKey } = target;
  const plain = {
    BACKUP_STORE: `store:${bucket}/${prefix}`,
    // There is no file of settings, and none is written.
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_STORE_TYPE: 's3',
    RCLONE_CONFIG_STORE_PROVIDER: provider,
    RCLONE_CONFIG_STORE_ENDPOINT: endpoint,
    RCLONE_CONFIG_STORE_REGION: region,
    // The bucket is the platform's, and who writes dumps need not be allowed to make one.
    RCLONE_CONFIG_STORE_NO_CHECK_BUCKET: 'true',
  };
  return {
    ...Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, kplus.EnvValue.fromValue(value)])),
    RCLONE_CONFIG_STORE_ACCESS_KEY_ID: kplus.EnvValue.fromSecretValue({ secret, key: accessKeyIdKey }),
    RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: kplus.EnvValue.fromSecretValue({ secret, key: secretAccessKeyKey }),
  };
}

/** The port of the endpoint, for network policies. */
export const objectStoragePort = ({ endpoint }: ObjectStorage): number => Number(new URL(endpoint).port || 443);
