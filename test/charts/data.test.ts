import { describe, expect, it } from 'vitest';
import { loadOverlay } from '../../overlays/load.ts';
import { inClusterDatabase, sample, sampleWithBucket } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const objects = objectsOf(sample());

describe('data stores', () => {
  it.each(['staging', 'production'])('are absent where they are external: %s', (name) => {
    const external = objectsOf(loadOverlay(name));
    expect(ofKind(external, 'StatefulSet')).toEqual([]);
    expect(ofKind(external, 'Service').map(({ metadata }) => metadata.name)).toEqual([
      'backend',
      'backend-preview',
      'web',
      'web-preview',
    ]);
  });

  it.each(['postgres', 'redis'])('have a headless Service for the pod and one for clients: %s', (name) => {
    const { spec } = find(objects, 'StatefulSet', name);
    expect(spec).toMatchObject({ replicas: 1, serviceName: `${name}-headless` });
    expect(find(objects, 'Service', `${name}-headless`).spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { 'cdk8s.io/metadata.addr': name },
    });
    expect(find(objects, 'Service', name).spec.selector).toEqual({ 'cdk8s.io/metadata.addr': name });
  });
});

describe('PostgreSQL', () => {
  const { spec } = find(objects, 'StatefulSet', 'postgres');
  const [container] = spec.template.spec.containers;
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );

  it('keeps its files below the mount of a claim that outlives it', () => {
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
    expect(spec.volumeClaimTemplates).toEqual([
      {
        metadata: { name: 'data' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'fast',
          resources: { requests: { storage: '8Gi' } },
        },
      },
    ]);
    expect(container.volumeMounts).toContainEqual({ mountPath: '/var/lib/postgresql/data', name: 'data' });
    expect(env.PGDATA).toBe('/var/lib/postgresql/data/pgdata');
    expect(spec.template.spec.volumes.map(({ name }: { name: string }) => name)).not.toContain('data');
  });

  it('checks its pages and asks for passwords', () => {
    expect(env.POSTGRES_INITDB_ARGS).toBe('--data-checksums --auth-host=scram-sha-256');
  });

  it('reads its password from a file that its group alone may read', () => {
    expect(env.POSTGRES_PASSWORD_FILE).toBe('/run/secrets/postgres/password');
    expect(spec.template.spec.volumes).toContainEqual({
      name: 'password',
      secret: {
        secretName: 'moneywise-database',
        defaultMode: 0o440,
        items: [
          { key: 'DB_PASSWORD', path: 'password' },
          { key: 'EXPORTER_PASSWORD', path: 'exporter-password' },
        ],
      },
    });
  });

  it('makes the exporter a login of its own, by what the image runs when the database is made', () => {
    const { name, configMap } = spec.template.spec.volumes.find((volume: KubeObject) => volume.configMap);
    expect(container.volumeMounts).toContainEqual({ name, mountPath: '/docker-entrypoint-initdb.d', readOnly: true });
    const script = find(objects, 'ConfigMap', configMap.name).data['exporter.sql'];
    expect(script).toContain('GRANT pg_monitor TO exporter');
    expect(script).toContain('cat /run/secrets/postgres/exporter-password');
    const [, sidecar] = spec.template.spec.containers;
    expect(sidecar.env).toContainEqual({ name: 'DATA_SOURCE_USER', value: 'exporter' });
    expect(sidecar.env).toContainEqual({
      name: 'DATA_SOURCE_PASS',
      valueFrom: { secretKeyRef: { name: 'moneywise-database', key: 'EXPORTER_PASSWORD' } },
    });
  });

  it('has no such login where nothing is exported', () => {
    const { exporter: _, ...database } = inClusterDatabase;
    const [without] = ofKind(objectsOf(sample({ database })), 'StatefulSet');
    expect(JSON.stringify(without.spec.template.spec)).not.toMatch(/exporter|initdb\.d/);
  });

  it('is given half an hour to recover, and two minutes to stop', () => {
    const { failureThreshold, periodSeconds, exec } = container.startupProbe;
    expect(failureThreshold * periodSeconds).toBe(1800);
    expect(exec.command.slice(0, 3)).toEqual(['pg_isready', '-h', '127.0.0.1']);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBe(120);
  });

  it('has shared memory that fits into its limit', () => {
    const shm = spec.template.spec.volumes.find(({ name }: { name: string }) => name === 'shm');
    expect(shm.emptyDir).toEqual({ medium: 'Memory', sizeLimit: '128Mi' });
  });

  it('runs as the user and on the port that the overlay names', () => {
    const alpine = objectsOf(sample({ database: { ...inClusterDatabase, uid: 70, port: 5433 } }));
    const { template } = find(alpine, 'StatefulSet', 'postgres').spec;
    expect(template.spec.securityContext).toMatchObject({ runAsUser: 70, runAsGroup: 70, fsGroup: 70 });
    expect(template.spec.containers[0].ports).toEqual([{ containerPort: 5433, name: 'postgresql' }]);
  });
});

describe('Redis', () => {
  const { spec } = find(objects, 'StatefulSet', 'redis');
  const [container] = spec.template.spec.containers;

  it('has the application’s settings, and a memory ceiling below the limit', () => {
    const args = container.args.join(' ');
    expect(args).toContain('--appendonly yes');
    expect(args).toContain('--maxmemory-policy allkeys-lru');
    expect(args).toContain('--maxmemory 179mb');
    expect(container.resources.limits.memory).toBe('256Mi');
  });

  it('takes its password from the Secret, as do its probes', () => {
    expect(container.args).toContain('$(REDIS_PASSWORD)');
    const source = { secretKeyRef: { name: 'moneywise-cache', key: 'REDIS_PASSWORD' } };
    expect(container.env).toEqual([
      { name: 'REDIS_PASSWORD', valueFrom: source },
      { name: 'REDISCLI_AUTH', valueFrom: source },
    ]);
    expect(container.readinessProbe.exec.command).toEqual(['redis-cli', '-e', '-h', '127.0.0.1', '-p', '6379', 'ping']);
  });

  it('may keep its data with the pod', () => {
    expect(spec).not.toHaveProperty('volumeClaimTemplates');
    expect(spec.template.spec.volumes).toContainEqual({ name: 'data', emptyDir: { sizeLimit: '1024Mi' } });
    expect(container.volumeMounts).toContainEqual({ mountPath: '/data', name: 'data' });
  });
});

describe('the backup', () => {
  const job = (name: string) => find(objects, 'CronJob', name).spec;

  it.each(['backup', 'verify-backup'])('runs every night, once at a time, and an hour late at most: %s', (name) => {
    expect(job(name)).toMatchObject({
      schedule: expect.stringMatching(/^15 \d \* \* \*$/),
      timeZone: 'Etc/UTC',
      suspend: false,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
    });
  });

  it('is put back by a person alone', () => {
    expect(job('restore').suspend).toBe(true);
  });

  it('lies on a claim of its own, which Argo CD does not remove', () => {
    const claim = find(objects, 'PersistentVolumeClaim', 'backups');
    expect(claim.spec.resources.requests.storage).toBe('16Gi');
    expect(claim.metadata.annotations['argocd.argoproj.io/sync-options']).toBe('Prune=false,Delete=false');
    for (const name of ['backup', 'verify-backup', 'restore']) {
      const { spec } = job(name).jobTemplate.spec.template;
      expect(spec.volumes).toContainEqual({ name: 'backups', persistentVolumeClaim: { claimName: 'backups' } });
      expect(spec.containers[0].volumeMounts).toContainEqual({ name: 'backups', mountPath: '/backups' });
    }
  });

  describe('in a bucket', () => {
    const all = objectsOf(sampleWithBucket());
    const podOf = (name: string) => find(all, 'CronJob', name).spec.jobTemplate.spec.template.spec;

    it.each([
      ['backup', 'dump', 'upload'],
      ['verify-backup', 'fetch', 'verify-backup'],
      ['restore', 'fetch', 'restore'],
    ])('is brought there and back by a container beside that of PostgreSQL, on scratch space: %s', (name, ...steps) => {
      const { containers, initContainers, volumes } = podOf(name);
      expect([...initContainers, ...containers].map((container) => container.name)).toEqual(steps);
      expect(volumes).toContainEqual({ name: 'backups', emptyDir: { sizeLimit: '16Gi' } });
      for (const container of [...initContainers, ...containers]) {
        expect(container.volumeMounts).toContainEqual({ name: 'backups', mountPath: '/backups' });
        expect(container.resources.limits['ephemeral-storage']).toBe('17Gi');
      }
      expect(ofKind(all, 'PersistentVolumeClaim')).toEqual([]);
    });

    it.each(['backup', 'verify-backup', 'restore'])('has each side’s credentials in its own container: %s', (name) => {
      const { containers, initContainers } = podOf(name);
      const secretsOf = (image: RegExp) =>
        [...initContainers, ...containers]
          .filter((container) => image.test(container.image))
          .flatMap(({ env }) => env.filter(({ valueFrom }: KubeObject) => valueFrom))
          .map(({ name, valueFrom: { secretKeyRef } }) => [name, `${secretKeyRef.name}/${secretKeyRef.key}`]);
      expect(secretsOf(/^postgres@/)).toEqual([['PGPASSWORD', 'moneywise-database/DB_PASSWORD']]);
      expect(secretsOf(/^rclone\/rclone@/)).toEqual([
        ['RCLONE_CONFIG_STORE_ACCESS_KEY_ID', 'moneywise-backups/ACCESS_KEY_ID'],
        ['RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY', 'moneywise-backups/SECRET_ACCESS_KEY'],
      ]);
    });

    it('is named by the overlay: which endpoint, bucket and folder', () => {
      const [upload] = podOf('backup').containers;
      const env = Object.fromEntries(upload.env.map(({ name, value }: KubeObject) => [name, value]));
      expect(env).toMatchObject({
        BACKUP_STORE: 'store:moneywise-backups/moneywise/staging',
        RCLONE_CONFIG_STORE_TYPE: 's3',
        RCLONE_CONFIG_STORE_PROVIDER: 'Other',
        RCLONE_CONFIG_STORE_ENDPOINT: 'https://s3.example.net:9000',
        RCLONE_CONFIG_STORE_REGION: 'eu-central-1',
        KEEP: '14',
      });
    });
  });

  it('is nobody’s here where the database is a managed service', () => {
    expect(ofKind(objectsOf(loadOverlay('production')), 'CronJob')).toEqual([]);
  });
});

describe('an exporter', () => {
  it.each([
    ['postgres', 9187],
    ['redis', 9121],
  ])('is found by the headless Service alone, and keeps nobody from the store: %s', (name, port) => {
    const [, sidecar] = find(objects, 'StatefulSet', name).spec.template.spec.containers;
    expect(sidecar.ports).toEqual([{ name: 'metrics', containerPort: port }]);
    expect(sidecar).not.toHaveProperty('readinessProbe');
    const portsOf = (service: string) =>
      find(objects, 'Service', service).spec.ports.map((each: { name: string }) => each.name);
    expect(portsOf(`${name}-headless`)).toContain('metrics');
    expect(portsOf(name)).not.toContain('metrics');
  });
});
