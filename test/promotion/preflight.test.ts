import { describe, expect, it } from 'vitest';
import type { Application, Job, KubeObject, Pod, Rollout, Service } from '../../promotion/cluster/objects.ts';
import type { Permission } from '../../promotion/cluster/permissions.ts';
import { ClusterError } from '../../promotion/cluster/port.ts';
import { planOf, VALUES_CHECK } from '../../promotion/plan/plan.ts';
import type { Facts } from '../../promotion/preflight/facts.ts';
import { type Check, preflight } from '../../promotion/preflight/preflight.ts';
import { secretsOf } from '../../promotion/preflight/secrets.ts';
import { manifests } from './simulated.ts';

const rollout = (status: Rollout['status'], generation = 1): Rollout =>
  ({ metadata: { name: 'web', generation }, spec: { replicas: 2 }, status }) as Rollout;
const service = (selector: Record<string, string>): Service => ({ spec: { selector } }) as unknown as Service;

/** A cluster in which all is well. */
const GOOD: Facts = {
  namespace: 'shop',
  argoKinds: async () => ['rollouts', 'analysisruns', 'analysistemplates'],
  controllers: async () => [{ namespace: 'argo-rollouts', name: 'argo-rollouts', version: 'v1.9.1', available: 1 }],
  missingVerbs: async () => [],
  secretKeys: async () => ['PASSWORD', 'URL'],
  rollout: async () => rollout({ stableRS: 'abc', observedGeneration: '1' }),
  service: async () => service({ 'rollouts-pod-template-hash': 'abc' }),
  job: async () => ({ status: { conditions: [{ type: 'Complete', status: 'True' }] } }) as unknown as Job,
  podsOfJob: async () => [],
  quotas: async () => [],
  application: async () => 'absent',
};

/** The manifests of a good release, whose backend takes a Secret. */
function objects(image = 'backend:v2'): KubeObject[] {
  const all = structuredClone(manifests('v2')) as (KubeObject & Partial<Rollout>)[];
  const template = all.find(({ kind, metadata }) => kind === 'Rollout' && metadata.name === 'backend')?.spec?.template;
  Object.assign(template?.spec?.containers?.[0] ?? {}, {
    image,
    env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'PASSWORD' } } }],
    resources: { requests: { cpu: '500m', memory: '1Gi' } },
  });
  return all;
}

async function checked(facts: Partial<Facts>, of: KubeObject[] = objects()): Promise<readonly Check[]> {
  const plan = planOf(of, { name: 'test', fileOf: () => undefined, allowsPlaceholders: true });
  return preflight(plan, of, { ...GOOD, ...facts });
}

const bad = (checks: readonly Check[]) => checks.filter(({ verdict }) => verdict !== 'pass');

describe('preflight', () => {
  it('finds nothing where all is well', async () => {
    const checks = await checked({});
    expect(bad(checks)).toEqual([]);
    expect(new Set(checks.map(({ area }) => area))).toEqual(
      new Set(['pins', 'crds', 'controller', 'rights', 'secrets', 'services', 'capacity']),
    );
  });

  it('names the secrets that are missing here of those whom a release tells, which stop no release', async () => {
    const policy = { notifications: { slack: {}, webhook: {}, pagerduty: {} } };
    const of = manifests('v2', { policy });
    const plan = planOf(of);
    const checks = await preflight(plan, of, GOOD, {
      MONEYWISE_SLACK_WEBHOOK_URL: 'https://hooks.slack.com/services/T0/B0/x',
      MONEYWISE_WEBHOOK_URL: 'http://example.com/',
    });
    expect(checks.filter(({ area }) => area === 'notifications')).toMatchObject(
      [
        { subject: 'slack', verdict: 'pass' },
        { subject: 'webhook', verdict: 'unknown', message: /^MONEYWISE_WEBHOOK_URL must be an https URL; / },
        { subject: 'pagerduty', verdict: 'unknown', message: /^MONEYWISE_PAGERDUTY_ROUTING_KEY is not set / },
      ].map((check) => ({ ...check, ...(check.message ? { message: expect.stringMatching(check.message) } : {}) })),
    );
  });

  const LOST: Partial<Facts> = {
    service: async (name) => service(name === 'web' ? { app: 'web' } : { 'rollouts-pod-template-hash': 'abc' }),
  };
  const OLD = { namespace: 'argo', name: 'argo-rollouts', version: 'v1.8.3', available: 1 };

  it.each([
    [
      'no CRDs',
      { argoKinds: async () => 'absent' },
      'fail',
      /rollouts, analysisruns, analysistemplates missing: install/,
    ],
    ['a kind too few', { argoKinds: async () => ['rollouts'] }, 'fail', /analysisruns, analysistemplates missing/],
    [
      'a controller without a pod',
      { controllers: async () => [{ ...OLD, available: 0 }] },
      'fail',
      /no pod is available: kubectl/,
    ],
    ['an old controller', { controllers: async () => [OLD] }, 'fail', /v1.8.3 is too old: update it to 1.9.0 or newer/],
    ['a version 2', { controllers: async () => [{ ...OLD, version: 'v2.0.0' }] }, 'none', /./],
    [
      'an unnamed version',
      { controllers: async () => [{ namespace: 'a', name: 'b', available: 1 }] },
      'unknown',
      /names no version/,
    ],
    [
      'a controller that cannot be seen',
      { controllers: async () => 'hidden' },
      'unknown',
      /may not see.*taken up every Rollout/,
    ],
    [
      'no controller, and Rollouts that wait',
      { controllers: async () => [], rollout: async () => rollout({ observedGeneration: '1', stableRS: 'abc' }, 2) },
      'fail',
      /no Deployment is labelled as one, and Rollout web waits to be taken up/,
    ],
    [
      'no controller, nothing applied',
      { controllers: async () => [], rollout: async () => 'absent' },
      'unknown',
      /not known whether one runs/,
    ],
    [
      'a missing right',
      { missingVerbs: async ({ resource }: Permission) => (resource === 'rollouts/status' ? ['patch'] : []) },
      'fail',
      /may not patch \(to promote, abort\): grant it in namespace shop/,
    ],
    ['a missing Secret', { secretKeys: async () => 'absent' }, 'fail', /missing: create it with the keys PASSWORD/],
    ['a missing key', { secretKeys: async () => ['URL'] }, 'fail', /has no key PASSWORD/],
    [
      'a Secret that cannot be seen',
      { secretKeys: async () => 'hidden' },
      'unknown',
      /cannot be seen by this user; the keys PASSWORD are needed/,
    ],
    [
      'a Service that lost the hash',
      LOST,
      'fail',
      /would go live ungated; put it back: kubectl -n shop patch service web .*"rollouts-pod-template-hash":"abc"/,
    ],
    [
      'a full quota',
      { quotas: async () => [{ metadata: { name: 'team' }, status: { hard: { pods: '10' }, used: { pods: '8' } } }] },
      'fail',
      /ResourceQuota team leaves too little pods \(8 of 10 used\)/,
    ],
    [
      'a quota of memory',
      {
        quotas: async () => [
          {
            metadata: { name: 'team' },
            status: { hard: { 'requests.memory': '4Gi' }, used: { 'requests.memory': '3000Mi' } },
          },
        ],
      },
      'fail',
      /1 CPU, 2048 MiB and 4 pods more.*requests.memory \(3000Mi of 4Gi used\)/,
    ],
  ] as unknown as [string, Partial<Facts>, string, RegExp][])('%s', async (_, facts, verdict, message) => {
    const found = bad(await checked(facts));
    if (verdict === 'none') return expect(found).toEqual([]);
    expect(found).toHaveLength(1);
    expect(found[0]?.verdict).toBe(verdict);
    expect(found[0]?.message).toMatch(message);
  });

  it('names each image pin that stands for no image', async () => {
    const found = bad(await checked({}, objects(`backend@sha256:${'0'.repeat(64)}`)));
    expect(found).toEqual([expect.objectContaining({ area: 'pins', subject: 'Rollout backend', verdict: 'fail' })]);
  });

  it('says that a first deployment is not gated', async () => {
    const checks = await checked({ rollout: async () => 'absent', service: async () => 'absent' });
    expect(bad(checks)).toEqual([]);
    expect(checks.find(({ subject }) => subject === 'Service web')?.message).toContain('first deployment is not gated');
  });

  it('points to the ExternalSecret that makes a missing Secret', async () => {
    const synced = { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'database' } };
    const found = bad(await checked({ secretKeys: async () => 'absent' }, [...objects(), synced]));
    expect(found[0]?.message).toContain('kubectl -n shop describe externalsecret');
  });

  it('rejects when the cluster does not answer', async () => {
    const silent = async () => {
      throw new ClusterError('unreachable', 'no answer');
    };
    await expect(checked({ argoKinds: silent })).rejects.toThrow('no answer');
  });
});

it('finds the Secrets that pods cannot start without', () => {
  const pod = {
    initContainers: [{ envFrom: [{ secretRef: { name: 'whole' } }, { secretRef: { name: 'maybe', optional: true } }] }],
    containers: [
      {
        env: [
          { name: 'A', valueFrom: { secretKeyRef: { name: 'keyed', key: 'a' } } },
          { name: 'B', valueFrom: { secretKeyRef: { name: 'keyed', key: 'b' } } },
          { name: 'C', value: 'plain' },
        ],
      },
    ],
    volumes: [
      { name: 'v', secret: { secretName: 'mounted', items: [{ key: 'tls.crt', path: 'x' }] } },
      {
        name: 'p',
        projected: { sources: [{ secret: { name: 'projected', items: [{ key: 'k' }] } }, { configMap: {} }] },
      },
      { name: 'e', emptyDir: {} },
    ],
    imagePullSecrets: [{ name: 'registry' }],
  };
  const of = (kind: string, spec: object) => ({ apiVersion: 'v1', kind, metadata: { name: kind }, spec }) as KubeObject;
  const found = secretsOf([
    of('Deployment', { template: { spec: pod } }),
    of('CronJob', {
      jobTemplate: {
        spec: { template: { spec: { containers: [{ envFrom: [{ secretRef: { name: 'nightly' } }] }] } } },
      },
    }),
    of('Service', {}),
  ]);
  expect([...found].map(([name, keys]) => [name, [...keys]])).toEqual([
    ['whole', []],
    ['keyed', ['a', 'b']],
    ['mounted', ['tls.crt']],
    ['projected', ['k']],
    ['registry', []],
    ['nightly', []],
  ]);
});

describe('preflight of the values of Secrets', () => {
  const migrate = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate-1', namespace: 'shop' },
    spec: { template: { spec: { initContainers: [{ name: VALUES_CHECK }] } } },
  } as KubeObject;
  const values = async (facts: Partial<Facts>) =>
    (await checked(facts, [...objects(), migrate])).find(({ subject }) => subject.startsWith('values'));
  const ended = (...types: string[]) =>
    ({
      metadata: { name: 'migrate-1' },
      status: { conditions: types.map((type) => ({ type, status: 'True' })) },
    }) as unknown as Job;
  const said = (message: string) =>
    [
      { status: { initContainerStatuses: [{ name: VALUES_CHECK, state: { terminated: { exitCode: 64, message } } }] } },
    ] as unknown as Pod[];

  it.each<[string, Partial<Facts>, Check['verdict'], RegExp]>([
    ['have not been looked at', { job: async () => 'absent' }, 'unknown', /once these manifests are applied/],
    ['are looked at by a Job that cannot be seen', { job: async () => 'hidden' }, 'unknown', /may not see/],
    ['are being looked at', { job: async () => ended() }, 'unknown', /has not ended yet/],
    ['are right', {}, 'pass', /kept the rules/],
    [
      'break a rule',
      { job: async () => ended('Failed'), podsOfJob: async () => said('X must be long') },
      'fail',
      /^X must be long: put them right .* kubectl delete job migrate-1/,
    ],
    ['made the Job fail for another reason', { job: async () => ended('Failed') }, 'fail', /logs job\/migrate-1/],
    [
      'broke a rule before they were put right',
      { podsOfJob: async () => said('X must be long') },
      'pass',
      /kept the rules/,
    ],
    [
      'made the Job fail, and its pods cannot be seen',
      { job: async () => ended('Failed'), podsOfJob: async () => 'hidden' },
      'fail',
      /logs job\/migrate-1/,
    ],
  ])('which %s', async (_, facts, verdict, message) => {
    expect(await values(facts)).toMatchObject({ area: 'secrets', verdict, message: expect.stringMatching(message) });
  });

  it('says nothing of them where no Job looks at them', async () => {
    expect((await checked({ job: async () => 'absent' })).some(({ subject }) => subject.startsWith('values'))).toBe(
      false,
    );
  });

  const GIT = {
    repository: 'https://git.example/shop.git',
    branch: 'main',
    mode: 'push',
    application: { name: 'moneywise-shop', namespace: 'argocd' },
  } as const;
  const application = (more: object) =>
    ({ metadata: { name: 'moneywise-shop', ...more }, spec: { syncPolicy: { automated: {} } } }) as Application;
  const suspended = { enabled: null, release: 'shop', epoch: 3, since: '2030-01-02T03:04:05Z' };

  it.each([
    ['absent', 'fail', /missing: kubectl apply --server-side -f dist\/gitops/],
    ['hidden', 'unknown', /cannot be seen/],
    [application({}), 'pass', /syncs by itself/],
    [
      application({ annotations: { 'moneywise.app/suspended': JSON.stringify(suspended) } }),
      'fail',
      /release shop has suspended .* kubectl -n argocd patch application moneywise-shop/,
    ],
  ] as const)('looks whether Argo CD may apply the release (%#)', async (live, verdict, message) => {
    const checks = await checked({ application: async () => live }, manifests('v2', { policy: { git: GIT } }));
    const [found] = checks.filter(({ area }) => area === 'argo-cd');
    expect(found).toMatchObject({
      subject: 'Application moneywise-shop',
      verdict,
      message: expect.stringMatching(message),
    });
  });

  it('wants the live Service of a canary to lead to both revisions, and its preview to one', async () => {
    const of = manifests('v2', { members: [{ name: 'web', canary: true }] });
    const selects = (selector: Record<string, string>) => async (name: string) =>
      service(name === 'web' ? selector : { 'rollouts-pod-template-hash': 'abc' });
    expect(bad(await checked({ service: selects({ app: 'web' }) }, of))).toEqual([]);
    const [wrong, ...others] = bad(
      await checked({ service: selects({ app: 'web', 'rollouts-pod-template-hash': 'abc' }) }, of),
    );
    expect(others).toEqual([]);
    expect(wrong).toMatchObject({ area: 'services', subject: 'Service web', verdict: 'fail' });
    expect(wrong?.message).toContain('"path":"/spec/selector/rollouts-pod-template-hash"');
  });
});
