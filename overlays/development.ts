import type { OverlayInput } from './overlay.ts';

/** A whole MoneyWise in a cluster on a developer's machine: plain Deployments, data stores included. */
export const development: OverlayInput = {
  name: 'development',
  namespace: 'moneywise-development',
  environment: 'development',
  imagePins: 'tag',
  strategy: { kind: 'deployment' },
  // Browsers resolve names under .localhost to the machine itself.
  hosts: { web: 'moneywise.localhost', api: 'api.moneywise.localhost' },
  ingress: { kind: 'ingress', scheme: 'http' },
  images: { backend: 'ghcr.io/moneywise/moneywise/backend', web: 'ghcr.io/moneywise/moneywise/web' },
  backend: {
    replicas: 1,
    resources: { cpuMillis: 100, memoryMebibytes: 512 },
    logLevel: 'debug',
    metrics: { enabled: false },
  },
  web: { replicas: 1, resources: { cpuMillis: 100, memoryMebibytes: 384 } },
  database: {
    kind: 'in-cluster',
    image: { repository: 'postgres', version: '15.13' },
    storage: { kind: 'persistent', sizeGibibytes: 8 },
    resources: { cpuMillis: 100, memoryMebibytes: 512 },
    backup: { target: { kind: 'volume', sizeGibibytes: 8 } },
    secretName: 'moneywise-database',
  },
  cache: {
    kind: 'in-cluster',
    image: { repository: 'redis', version: '7.4.5' },
    storage: { kind: 'persistent', sizeGibibytes: 1 },
    resources: { cpuMillis: 50, memoryMebibytes: 256 },
    secretName: 'moneywise-cache',
  },
  credentials: { secretName: 'moneywise-backend' },
  sentry: { required: false, tracesSampleRate: 0 },
  // A tag such as `main` is no version that a health route could report.
  health: { reportedVersion: 'none' },
};
