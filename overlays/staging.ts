import type { OverlayInput } from './overlay.ts';

/** staging.moneywise.app: the rehearsal of production, with smaller numbers and more traces. */
export const staging: OverlayInput = {
  name: 'staging',
  namespace: 'moneywise-staging',
  environment: 'staging',
  strategy: {
    kind: 'blue-green',
    hold: { kind: 'dead-man-switch', seconds: 300 },
    scaleDownDelaySeconds: 900,
    abortScaleDownDelaySeconds: 900,
  },
  hosts: {
    web: 'staging.moneywise.app',
    api: 'staging-api.moneywise.app',
    preview: 'preview.staging.moneywise.app',
  },
  ingress: { tlsSecretName: 'moneywise-tls' },
  images: { backend: 'ghcr.io/moneywise/moneywise/backend', web: 'ghcr.io/moneywise/moneywise/web' },
  backend: { replicas: 2, resources: { cpuMillis: 250, memoryMebibytes: 768 }, logLevel: 'debug' },
  web: { replicas: 2, resources: { cpuMillis: 100, memoryMebibytes: 384 } },
  database: {
    kind: 'external',
    host: 'postgres.staging.moneywise.internal',
    secretName: 'moneywise-database',
  },
  cache: {
    kind: 'external',
    host: 'redis.staging.moneywise.internal',
    secretName: 'moneywise-cache',
  },
  credentials: { secretName: 'moneywise-backend' },
  sentry: { tracesSampleRate: 0.5 },
};
