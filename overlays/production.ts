import type { OverlayInput } from './overlay.ts';

/** moneywise.app: what customers use. Data stores are managed services, images go by digest. */
export const production: OverlayInput = {
  name: 'production',
  namespace: 'moneywise-production',
  environment: 'production',
  requireExternalData: true,
  strategy: {
    kind: 'blue-green',
    hold: { kind: 'dead-man-switch', seconds: 300 },
    // Half an hour for a person to see what no check saw, with an instant way back.
    scaleDownDelaySeconds: 1800,
    abortScaleDownDelaySeconds: 900,
  },
  hosts: { web: 'moneywise.app', api: 'api.moneywise.app', preview: 'preview.moneywise.app' },
  ingress: { kind: 'ingress', tls: { kind: 'cert-manager', issuer: 'letsencrypt' } },
  images: {
    backend: 'ghcr.io/moneywise/moneywise/backend',
    web: 'ghcr.io/moneywise/moneywise/web',
    pullSecretName: 'moneywise-registry',
  },
  backend: { replicas: 3, autoscaling: { maxReplicas: 12 }, resources: { cpuMillis: 500, memoryMebibytes: 1024 } },
  web: { replicas: 3, autoscaling: { maxReplicas: 9 }, resources: { cpuMillis: 250, memoryMebibytes: 512 } },
  database: {
    // RDS for PostgreSQL 15, under a name of ours, so that a restored instance needs no release.
    kind: 'external',
    host: 'postgres.production.moneywise.internal',
    cidrs: ['10.30.16.0/20'],
    secretName: 'moneywise-database',
  },
  cache: {
    // ElastiCache for Redis 7.
    kind: 'external',
    host: 'redis.production.moneywise.internal',
    cidrs: ['10.30.32.0/20'],
    secretName: 'moneywise-cache',
  },
  credentials: { secretName: 'moneywise-backend' },
  // Requests are counted by Traefik, which the cluster's Ingresses go through.
  monitoring: { kind: 'prometheus-operator', gates: { prometheus: { service: 'prometheus-operated', port: 9090 } } },
  gitops: { repository: 'https://github.com/moneywise/moneywise-deploy.git', changes: 'push' },
  sentry: { tracesSampleRate: 0.1 },
};
