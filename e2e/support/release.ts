import { loadAll } from 'js-yaml';
import { render } from '../../charts/render.ts';
import { parseOverlay } from '../../overlays/load.ts';
import type { Overlay, OverlayInput } from '../../overlays/overlay.ts';
import { staging } from '../../overlays/staging.ts';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { images } from '../../testbed/images.ts';
import { writeManifests } from './folder.ts';
import { kubectl } from './kubectl.ts';

export interface ReleaseOptions {
  readonly namespace: string;
  /** Tags of the stand-in application, e.g. `v2-never-ready`. */
  readonly backend: string;
  readonly web: string;
  /** Changes the overlay of these suites. */
  readonly overlay?: Partial<OverlayInput>;
  /** Changes each rendered object. */
  readonly edit?: (object: KubeObject) => KubeObject;
}

const SECRETS = {
  'moneywise-database': { DB_PASSWORD: 'only-for-tests' },
  'moneywise-cache': { REDIS_PASSWORD: 'only-for-tests', REDIS_URL: 'redis://:only-for-tests@redis:6379' },
  'moneywise-backend': {
    JWT_ACCESS_SECRET: 'a'.repeat(32),
    JWT_REFRESH_SECRET: 'r'.repeat(32),
    SENTRY_DSN: 'https://key@sentry.invalid/1',
  },
} as const;

/** Staging with data stores in the cluster and times that suit a test: the overlay of these suites. */
export function testOverlay(
  { name, namespace, overlay }: { readonly name: string } & Pick<ReleaseOptions, 'namespace' | 'overlay'>,
  references: Record<string, string>,
): OverlayInput {
  const image = (name: string, version: string) => {
    const [repository = '', digest = ''] = (references[`testbed.local/${name}`] ?? '').split('@');
    return { repository, version, digest };
  };
  const resources = { cpuMillis: 20, memoryMebibytes: 128 };
  // No release of a test is recorded in the repository that staging names.
  const { gitops: _, ...base } = staging;
  return {
    ...base,
    name,
    namespace,
    strategy: {
      kind: 'blue-green',
      hold: { kind: 'dead-man-switch', seconds: 220 },
      analysis: { checks: 2, intervalSeconds: 1, timeoutSeconds: 3, errorLimit: 1 },
      scaleDownDelaySeconds: 600,
      abortScaleDownDelaySeconds: 600,
      timeouts: { prepareSeconds: 120, switchSeconds: 20, verifySeconds: 120, settleSeconds: 30, returnSeconds: 60 },
    },
    images: { backend: 'testbed.local/moneywise/backend', web: 'testbed.local/moneywise/web' },
    backend: { ...staging.backend, resources },
    web: { ...staging.web, resources: { cpuMillis: 10, memoryMebibytes: 96 } },
    database: {
      kind: 'in-cluster',
      image: image('postgres:15', '15.0'),
      storage: { kind: 'persistent', sizeGibibytes: 1 },
      resources: { cpuMillis: 50, memoryMebibytes: 256 },
      secretName: 'moneywise-database',
    },
    cache: {
      kind: 'in-cluster',
      image: image('redis:7', '7.0'),
      storage: { kind: 'persistent', sizeGibibytes: 1 },
      resources: { cpuMillis: 20, memoryMebibytes: 64 },
      secretName: 'moneywise-cache',
    },
    drainSeconds: 2,
    migration: { command: ['node', 'migrate.js'] },
    health: { checkVia: 'service' },
    network: { apiServerCidrs: ['0.0.0.0/0'] },
    monitoring: { kind: 'none' },
    ...overlay,
  };
}

/** The overlay of a release, with its pins. */
export async function overlayOf(options: ReleaseOptions): Promise<Overlay> {
  const references = await images();
  const pin = (workload: 'backend' | 'web') => {
    const tag = options[workload];
    const digest = references[`testbed.local/moneywise/${workload}:${tag}`]?.split('@')[1];
    if (!digest) throw new Error(`the testbed has no image ${workload}:${tag}`);
    return { version: `${tag.split('-')[0]}.0.0`, digest };
  };
  return parseOverlay(testOverlay({ name: options.namespace, ...options }, references), {
    backend: pin('backend'),
    web: pin('web'),
  });
}

/** Renders a release into a folder of its own and returns that folder. */
export async function renderRelease(options: ReleaseOptions): Promise<string> {
  const objects = Object.values(render(await overlayOf(options))).flatMap((text) => loadAll(text) as KubeObject[]);
  const label = `${options.backend}+${options.web}`;
  return writeManifests(label, options.edit ? objects.map(options.edit) : objects);
}

/** `kubectl apply` of a folder, as the README says it. */
export async function apply(folder: string): Promise<void> {
  await kubectl(['apply', '--server-side', '--validate=strict', '-f', folder]);
}

/** What a user does once an environment: the namespace and the Secrets. */
export async function prepareNamespace(namespace: string): Promise<void> {
  const url = 'postgresql://moneywise:only-for-tests@postgres:5432/moneywise';
  const secrets = Object.entries({
    ...SECRETS,
    'moneywise-database': { ...SECRETS['moneywise-database'], DATABASE_URL: url },
  });
  await kubectl(['create', 'namespace', namespace]);
  await kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: secrets.map(([name, stringData]) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        stringData,
      })),
    }),
  );
}
