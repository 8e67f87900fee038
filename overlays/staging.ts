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
  ingress: { kind: 'ingress', tls: { kind: 'cert-manager', issuer: 'letsencrypt' } },
  images: {
    backend: 'ghcr.io/moneywise/moneywise/backend',
    web: 'ghcr.io/moneywise/moneywise/web',
    pullSecretName: 'moneywise-registry',
  },
  backend: {
    replicas: 2,
    autoscaling: { maxReplicas: 4 },
    resources: { cpuMillis: 250, memoryMebibytes: 768 },
    logLevel: 'debug',
  },
  web: { replicas: 2, autoscaling: { maxReplicas: 4 }, resources: { cpuMillis: 100, memoryMebibytes: 384 } },
  database: {
    kind: 'external',
    host: 'postgres.staging.moneywise.internal',
    cidrs: ['10.20.16.0/20'],
    secretName: 'moneywise-database',
  },
  cache: {
    kind: 'external',
    host: 'redis.staging.moneywise.internal',
    cidrs: ['10.20.32.0/20'],
    secretName: 'moneywise-cache',
  },
  credentials: { secretName: 'moneywise-backend' },
  // Requests are counted by Traefik, which the cluster's Ingresses go through.
  monitoring: {
    kind: 'prometheus-operator',
    // Few people use it: that nobody sent a request is no reason to refuse a release.
    gates: { prometheus: { service: 'prometheus-operated', port: 9090 }, withoutRequests: 'pass' },
  },
  gitops: { repository: 'https://github.com/moneywise/moneywise-deploy.git', changes: 'push', selfHeal: true },
  sentry: { tracesSampleRate: 0.5 },
};
