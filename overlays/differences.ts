import type { Allowed } from '../charts/differences.ts';

/** Every way in which production may differ from staging. What is not in here makes a test fail. */
export const allowedDifferences: readonly Allowed[] = [
  { what: /resources\.(requests|limits)\.(cpu|memory)$/, why: 'staging rehearses with less load' },
  { what: /^HorizontalPodAutoscaler \w+ spec\.(min|max)Replicas$/, why: 'staging rehearses with less load' },
  { what: /^NetworkPolicy (backend|migration) spec\.egress.*ipBlock\.cidr$/, why: 'each has its own managed services' },
  { what: /^ConfigMap backend-config-<hash> data\.LOG_LEVEL$/, why: 'staging is where one looks for the reason' },
  {
    what: /^ConfigMap backend-config-<hash> data\.SENTRY_TRACES_SAMPLE_RATE$/,
    why: 'staging is where one looks for the reason',
  },
  {
    what: /^Rollout \w+ spec\.strategy\.blueGreen\.scaleDownDelaySeconds$/,
    why: 'production keeps the way back open for longer',
  },
  {
    what: /^ConfigMap release-policy data\.policy\.yaml\.queries\[\w+-(errors|duration)\]\.whenEmpty$/,
    why: 'hardly anybody uses staging',
  },
];
