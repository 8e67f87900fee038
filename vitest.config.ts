import { defineConfig } from 'vitest/config';

// One project a kind of suite, so that `npm run test:unit` stays in seconds: `unit` needs Node alone. The cluster
// suites are run by scripts/test.ts, which makes the cluster they need.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/campaign/**'], testTimeout: 60_000 } },
      { test: { name: 'campaign', include: ['test/campaign/**/*.test.ts'], testTimeout: 600_000 } },
      {
        test: {
          name: 'api',
          include: ['e2e/api/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'testbed',
          include: ['e2e/testbed/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Real data stores as processes on loopback: Debian's postgresql-15 and redis-server.
          name: 'data',
          include: ['e2e/data/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // What Prometheus, Alertmanager and kube-score say about rendered manifests: their own tools, no cluster.
          name: 'checks',
          include: ['e2e/checks/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'node',
          include: ['e2e/node/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // A namespace each, so that some wait for their pods while another works.
          maxWorkers: 4,
        },
      },
      {
        // A day of incidents, each put right by what the runbook says; it cordons the node, so nothing else may run in it.
        test: {
          name: 'gameday',
          include: ['e2e/gameday/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        // A real node with the real Argo CD, which follows a real Git server.
        test: {
          name: 'gitops',
          include: ['e2e/gitops/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        // What befalls the whole cluster, so nothing else may run in it meanwhile.
        test: {
          name: 'outage',
          include: ['e2e/outage/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
