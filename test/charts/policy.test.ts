import { describe, expect, it } from 'vitest';
import { contextOf, enforcePolicy } from '../../charts/policy/policy.ts';
import { renderObjects } from '../../charts/render.ts';
import type { Overlay } from '../../overlays/overlay.ts';
import { sample } from '../overlays/samples.ts';
import { find, type KubeObject, objectsOf, ofKind, podTemplates } from './objects.ts';

const overlay = sample({ ingress: { kind: 'ingress', tls: { kind: 'secret', secretName: 'tls' } } });

/** What the policy says about the sample after something in it was broken. */
function findings(
  spoil: (objects: KubeObject[]) => unknown,
  imagePins: 'digest' | 'tag' = 'digest',
  of: Overlay = overlay,
): string[] {
  const objects = structuredClone(objectsOf(of));
  spoil(objects);
  const rendered = objects.map((manifest) => ({ path: 'app/chart/construct', manifest }));
  try {
    enforcePolicy(rendered, { ...contextOf(of), imagePins });
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

const rollout = (objects: KubeObject[], name = 'backend') => find(objects, 'Rollout', name).spec;
const blueGreen = (objects: KubeObject[]) => rollout(objects).strategy.blueGreen;
const container = (objects: KubeObject[]) => rollout(objects).template.spec.containers[0];
const metric = (objects: KubeObject[], template = 'backend-health') =>
  find(objects, 'AnalysisTemplate', template).spec.metrics[0];
const without = (objects: KubeObject[], kind: string, name: string) =>
  objects.splice(objects.indexOf(find(objects, kind, name)), 1);
const policyOf = (objects: KubeObject[], name: string) => find(objects, 'NetworkPolicy', name).spec;

/** Writes something else into the release policy. */
const edit = (objects: KubeObject[], text: string, other: string) => {
  const { data } = find(objects, 'ConfigMap', 'release-policy');
  data['policy.yaml'] = data['policy.yaml'].replaceAll(text, other);
};

it('lets pass what is rendered', () => {
  expect(findings(() => {})).toEqual([]);
});

it('names construct path, object and fix', () => {
  expect(
    findings((objects) => blueGreen(objects).prePromotionAnalysis.templates.push({ templateName: 'gone' })),
  ).toEqual([
    'app/chart/construct (Rollout moneywise-staging/backend): is analysed by gone, which is no AnalysisTemplate here; correct the name',
  ]);
});

describe('a synth is refused', () => {
  it.each<[string, (objects: KubeObject[]) => unknown, RegExp]>([
    [
      'with an object twice',
      (o) => o.push(find(o, 'Service', 'web')),
      /Service .*web.* is also rendered by app\/chart/,
    ],
    [
      'with a public host that leads to what is not live',
      (o) => {
        find(o, 'Ingress', 'public').spec.rules[0].http.paths[0].backend.service.name = 'backend-preview';
      },
      /leads \S+ to Service backend-preview, which is not live; use the active Service/,
    ],
    [
      'with a preview host that leads to what is live',
      (o) => {
        find(o, 'Ingress', 'preview').spec.rules[0].http.paths[1].backend.service.name = 'web';
      },
      /leads the preview host \S+ to Service web, which is live; use the preview Service/,
    ],
    [
      'with pages whose API is not served',
      (o) => find(o, 'Ingress', 'public').spec.rules[0].http.paths.shift(),
      /Namespace .*has no route for \S+\/api; add it to the routes/,
    ],
    [
      'with an analysis that no Rollout asks for',
      (o) => {
        for (const name of ['backend', 'web'])
          rollout(o, name).strategy.blueGreen.postPromotionAnalysis.templates.pop();
      },
      /AnalysisTemplate .*hold\): is used by nothing; name it in the analysis of a Rollout/,
    ],
    [
      'with configuration that no pod reads',
      (o) => {
        for (const [, { spec }] of podTemplates(o))
          for (const one of [...spec.containers, ...(spec.initContainers ?? [])]) delete one.envFrom;
      },
      /ConfigMap .*backend-config-\w+\): is used by nothing; give it to the pods/,
    ],
    [
      'with a claim that nothing mounts',
      (o) => o.push({ ...find(o, 'PersistentVolumeClaim', 'backups'), metadata: { name: 'spare' } }),
      /PersistentVolumeClaim spare\): is used by nothing; mount it/,
    ],
    [
      'with rights that nobody gets',
      (o) => {
        find(o, 'RoleBinding', 'promoter').subjects = [];
      },
      /RoleBinding .*gives its role to nobody; add the subject/,
    ],
    [
      'with a variable that names a file of no volume',
      (o) => find(o, 'StatefulSet', 'postgres').spec.template.spec.containers[0].volumeMounts.shift(),
      /container postgres: POSTGRES_PASSWORD_FILE is \S+, which no volume holds; mount it/,
    ],
    [
      'with an exporter that nobody is let in to scrape',
      (o) => {
        const { ingress } = policyOf(o, 'redis');
        ingress.splice(
          ingress.findIndex(({ ports }: KubeObject) => ports[0].port === 9121),
          1,
        );
      },
      /ServiceMonitor .*scrapes port 9121, which is not open to network.monitoring; add the flow/,
    ],
    [
      'with an analysis that the controller is not let in for',
      (o) => {
        const { ingress } = policyOf(o, 'backend');
        const { rollouts } = overlay.network;
        ingress.splice(
          ingress.findIndex(({ from }: KubeObject) => JSON.stringify(from).includes(rollouts.namespace)),
          1,
        );
      },
      /Rollout .*backend\): metric health asks port 3001, which is not open to network.rollouts; add the flow/,
    ],
    [
      'with an analysis whose Job is not let out to what it asks',
      (o) => {
        policyOf(o, 'web-page').egress = policyOf(o, 'web-page').egress.slice(1);
      },
      /Rollout .*web\): metric page asks port 3000, which is not open to its own pods; add the flow/,
    ],
    [
      'with an analysis that measures nothing',
      (o) => {
        find(o, 'AnalysisTemplate', 'hold').spec.metrics = [];
      },
      /AnalysisTemplate .*hold\): has no metric; add one/,
    ],
    [
      'with a pod of no container',
      (o) => {
        find(o, 'CronJob', 'backup').spec.jobTemplate.spec.template.spec.containers = [];
      },
      /CronJob .*backup\): has pods without a container; add one/,
    ],
    [
      'with a URL in the place of a password',
      (o) => {
        const { env } = find(o, 'CronJob', 'backup').spec.jobTemplate.spec.template.spec.containers[0];
        env.find(({ name }: KubeObject) => name === 'PGPASSWORD').valueFrom.secretKeyRef.key = 'DATABASE_URL';
      },
      /CronJob .*takes key DATABASE_URL of Secret moneywise-database for a password \(PGPASSWORD\), and DATABASE_URL takes it for a URL; correct one/,
    ],
    [
      'with several pods that a drained node may take at once',
      (o) => without(o, 'PodDisruptionBudget', 'web'),
      /Rollout .*web\): has \d pods and no DisruptionBudget; add one/,
    ],
    [
      'with a container that has no place for temporary files',
      (o) => {
        container(o).volumeMounts = [];
      },
      /Rollout .*backend\): container backend: cannot write to \/tmp; mount a volume/,
    ],
    [
      'with a selector that moves with a release',
      (o) => {
        rollout(o).selector.matchLabels['app.kubernetes.io/version'] = 'v1.2.3';
      },
      /selects by app.kubernetes.io\/version, which may change/,
    ],
    [
      'with a selector that its pods do not meet',
      (o) => {
        rollout(o).template.metadata.labels['app.kubernetes.io/name'] = 'other';
      },
      /selects by app.kubernetes.io\/name, which its pods do not have/,
    ],
    [
      'with two workloads for the same pods',
      (o) => {
        rollout(o, 'web').template.metadata.labels = rollout(o).template.metadata.labels;
      },
      /also selects the pods of Rollout web/,
    ],
    [
      'with an image by tag',
      (o) => {
        container(o).image = 'backend:v1';
      },
      /image backend:v1 has no digest/,
    ],
    ['without requests', (o) => delete container(o).resources.requests.cpu, /resources.requests.cpu is missing/],
    [
      'without a memory limit',
      (o) => delete container(o).resources.limits.memory,
      /resources.limits.memory is missing/,
    ],
    ['without a probe', (o) => delete container(o).readinessProbe, /readinessProbe is missing/],
    [
      'with a probe of another port',
      (o) => {
        container(o).livenessProbe.httpGet.port = 9;
      },
      /livenessProbe asks port 9/,
    ],
    ['without a drain', (o) => delete container(o).lifecycle, /does not drain/],
    [
      'with pods that are killed while they drain',
      (o) => {
        rollout(o).template.spec.terminationGracePeriodSeconds = 10;
      },
      /is killed after 10 s, within the drain/,
    ],
    [
      'with a token in a pod',
      (o) => {
        rollout(o).template.spec.automountServiceAccountToken = true;
      },
      /mounts a token/,
    ],
    [
      'with capabilities',
      (o) => {
        container(o).securityContext.capabilities.drop = [];
      },
      /keeps capabilities/,
    ],
    [
      'with a member that promotes itself',
      (o) => {
        blueGreen(o).autoPromotionEnabled = true;
      },
      /promotes itself/,
    ],
    ['without analysis before the switch', (o) => delete blueGreen(o).prePromotionAnalysis, /no analysis before/],
    ['without analysis after the switch', (o) => delete blueGreen(o).postPromotionAnalysis, /no analysis after/],
    [
      'without an abort delay',
      (o) => delete blueGreen(o).abortScaleDownDelaySeconds,
      /abortScaleDownDelaySeconds undefined/,
    ],
    [
      'with old pods that go before the verification ends',
      (o) => {
        blueGreen(o).scaleDownDelaySeconds = 480;
      },
      /scaleDownDelaySeconds 480 ends within hold and verification \(480 s\)/,
    ],
    [
      'with a web metric on an open connection',
      (o) => {
        metric(o).provider.web.headers = [];
      },
      /metric health may judge the old pods/,
    ],
    ['with a metric that never ends', (o) => delete metric(o).count, /metric health never ends/],
    ['with a metric that takes any answer', (o) => delete metric(o).successCondition, /takes any answer/],
    [
      'with a Job that is asked again',
      (o) => delete metric(o, 'web-page').provider.job.spec.backoffLimit,
      /is asked again when it said no/,
    ],
    [
      'with an analysis that does not look at the version',
      (o) => {
        metric(o).successCondition = 'result.status == "ok"';
      },
      /judged without a look at its version/,
    ],
    [
      'with an argument missing',
      (o) => blueGreen(o).prePromotionAnalysis.args.pop(),
      /does not give the analysis its argument version/,
    ],
    [
      'with a field that is not there',
      (o) => delete rollout(o).template.metadata.annotations['reported-version'],
      /has no field spec.template.metadata.annotations.reported-version/,
    ],
    [
      'with the active Service judged before the switch',
      (o) => {
        blueGreen(o).prePromotionAnalysis.args[0].value = 'backend';
      },
      /is judged by the answers of Service backend; ask backend-preview/,
    ],
    ['without a Service of a Rollout', (o) => without(o, 'Service', 'web-preview'), /refers to Service web-preview/],
    [
      'with a Service that leads nowhere',
      (o) => {
        find(o, 'Service', 'postgres').spec.selector = { app: 'postgres' };
      },
      /refers to pods with {"app":"postgres"}/,
    ],
    [
      'with a Service to a port that pods do not have',
      (o) => {
        find(o, 'Service', 'postgres').spec.ports[0].targetPort = 'psql';
      },
      /refers to container port psql/,
    ],
    [
      'with a Service that names a port by number',
      (o) => {
        find(o, 'Service', 'postgres').spec.ports[0].targetPort = 5432;
      },
      /names target port 5432 by number/,
    ],
    [
      'with an Ingress to another port',
      (o) => {
        find(o, 'Ingress', 'public').spec.rules[0].http.paths[0].backend.service.port.name = 'https';
      },
      /refers to port https of Service backend/,
    ],
    [
      'with a host without certificate',
      (o) => find(o, 'Ingress', 'public').spec.tls[0].hosts.pop(),
      /no certificate for/,
    ],
    [
      'with a network policy for nobody',
      (o) => {
        policyOf(o, 'web').podSelector.matchLabels['app.kubernetes.io/name'] = 'site';
      },
      /NetworkPolicy .*web.* refers to pods with/,
    ],
    [
      'with a network policy for a port that pods do not have',
      (o) => {
        policyOf(o, 'web').ingress[0].ports[0].port = 80;
      },
      /refers to port 80 of its pods/,
    ],
    [
      'with one end of a flow missing',
      (o) => policyOf(o, 'redis').ingress.shift(),
      /lets out .*6379, which nothing lets in/,
    ],
    [
      'with an autoscaler for nobody',
      (o) => {
        find(o, 'HorizontalPodAutoscaler', 'web').spec.scaleTargetRef.name = 'site';
      },
      /refers to argoproj.io\/v1alpha1 Rollout site/,
    ],
    [
      'with replicas beside an autoscaler',
      (o) => {
        rollout(o).replicas = 2;
      },
      /scales Rollout backend, which renders replicas/,
    ],
    ['without a ServiceAccount', (o) => without(o, 'ServiceAccount', 'web'), /refers to ServiceAccount web/],
    [
      'without the ConfigMap of a pod',
      (o) => {
        container(o).envFrom[0].configMapRef.name = 'backend-config';
      },
      /refers to ConfigMap backend-config/,
    ],
    [
      'with a key that no Secret has',
      (o) => {
        container(o).env[0].valueFrom.secretKeyRef.key = 'PASSWORD';
      },
      /refers to key PASSWORD of Secret moneywise-database/,
    ],
    [
      'with a mount of nothing',
      (o) => {
        container(o).volumeMounts[0].name = 'temp';
      },
      /refers to volume temp/,
    ],
    ['without a headless Service', (o) => without(o, 'Service', 'redis-headless'), /refers to Service redis-headless/],
    [
      'without the policy that denies everything',
      (o) => without(o, 'NetworkPolicy', 'default-deny'),
      /has no policy that denies/,
    ],
    [
      'with pods that no flow names',
      (o) => o.splice(o.indexOf(find(o, 'NetworkPolicy', 'migration')), 1),
      /Job .* has pods that no network policy names/,
    ],
    [
      'with a protocol that nothing here speaks',
      (o) => {
        policyOf(o, 'web').ingress[0].ports[0].protocol = 'UDP';
      },
      /opens UDP 3000/,
    ],
    [
      'with pods that ask by a name and cannot look it up',
      (o) => {
        policyOf(o, 'migration').egress[1].ports.pop();
      },
      /lets its pods ask somebody, but no DNS/,
    ],
    [
      'with a store that pods cannot reach',
      (o) => {
        find(o, 'Service', 'redis').metadata.name = 'cache';
      },
      /REDIS_HOST redis: is no Service here/,
    ],
    ['without a way to Sentry', (o) => policyOf(o, 'backend').egress.splice(3, 1), /cannot reach Sentry/],
    [
      'with a public route that nobody may use',
      (o) => policyOf(o, 'web').ingress.shift(),
      /has a public route that no network policy lets in/,
    ],
    [
      'with pods of a namespace that the overlay does not know',
      (o) => {
        policyOf(o, 'web').ingress[0].from[0].namespaceSelector.matchLabels['kubernetes.io/metadata.name'] = 'other';
      },
      /names pods of another namespace/,
    ],
    [
      'with a workload that is not called as its pods are',
      (o) => {
        find(o, 'StatefulSet', 'postgres').metadata.name = 'db';
      },
      /is not called postgres as its pods are/,
    ],
    [
      'with pods that are spread among others',
      (o) => {
        rollout(o).template.spec.topologySpreadConstraints[0].labelSelector.matchLabels['app.kubernetes.io/name'] =
          'web';
      },
      /among pods that are not its own/,
    ],
    ['without a release policy', (o) => without(o, 'ConfigMap', 'release-policy'), /has no ConfigMap release-policy/],
    [
      'with a monitor of a port that no Service has',
      (o) => {
        find(o, 'ServiceMonitor', 'redis').spec.endpoints[0].port = 'http';
      },
      /refers to a Service with port http/,
    ],
    [
      'with a path that nobody serves',
      (o) => {
        metric(o).provider.web.url = metric(o).provider.web.url.replace('/health', '/healthz');
      },
      /no probe of the pods behind backend-preview asks that path/,
    ],
    [
      'with a public path that no route serves',
      (o) => edit(o, 'url: https://staging.moneywise.app/', 'url: https://stage.moneywise.app/'),
      /ConfigMap .*release-policy\): public path web asks https:\/\/stage.moneywise.app\/, which no Ingress or HTTPRoute serves; correct the address, or add its route/,
    ],
    [
      'with a plain address that no route serves',
      (o) => edit(o, 'redirectFrom: http://staging.moneywise.app/', 'redirectFrom: http://moneywise.app/'),
      /public path web asks http:\/\/moneywise.app\/, which no Ingress or HTTPRoute serves/,
    ],
    [
      'with a path that no route covers',
      (o) => {
        const { rules } = find(o, 'Ingress', 'public').spec;
        rules.find(({ host }: KubeObject) => host === overlay.hosts.api).http.paths[0].path = '/v1';
      },
      /health check api-health asks https:\/\/staging-api.moneywise.app\/api\/health, which no Ingress or HTTPRoute serves/,
    ],
    [
      'with a health check of what is not live',
      (o) => edit(o, 'https://staging-api.moneywise.app', 'https://preview.staging.moneywise.app'),
      /health check api-health asks https:\/\/preview.staging.moneywise.app\/api\/health, which leads to Service backend-preview, which is not live; ask a public host/,
    ],
    [
      'with a URL that no Service answers',
      (o) => {
        metric(o, 'hold').provider.web.url = metric(o, 'hold').provider.web.url.replace(':3001', ':3002');
      },
      /refers to http:\/\/backend.moneywise-staging.svc.cluster.local:3002/,
    ],
  ])('%s', (_, spoil, message) => {
    expect(findings(spoil).join('\n')).toMatch(message);
  });

  it('with a tag that moves where tags are allowed', () => {
    const tagged = (image: string) =>
      findings((o) => {
        for (const { spec } of ofKind(o, 'Rollout')) spec.template.spec.containers[0].image = image;
      }, 'tag');
    expect(tagged('backend:main')).toEqual([]);
    expect(tagged('backend:latest')[0]).toContain('image backend:latest moves; name a version');
    expect(tagged('backend')[0]).toContain('image backend moves; name a version');
  });

  it.each<[string, (objects: KubeObject[]) => unknown, RegExp]>([
    [
      'a Service that is not there',
      (o) => edit(o, 'service: web', 'service: site'),
      /ConfigMap .*release-policy\): health check web-page asks Service site, which is not there; correct the name/,
    ],
    [
      'a port that the Service does not have',
      (o) => edit(o, 'port: http', 'port: https'),
      /health check web-page asks port https of Service web, which has none such; correct the port/,
    ],
    [
      'the Service of what is not live',
      (o) => edit(o, 'service: web', 'service: web-preview'),
      /health check web-page asks Service web-preview, which is not live; ask the active Service/,
    ],
  ])('with a health check that asks, through the API server, %s', (_, spoil, message) => {
    const asked = sample({ health: { checkVia: 'service' }, network: { apiServerCidrs: ['10.0.0.1/32'] } });
    expect(findings(() => {}, 'digest', asked)).toEqual([]);
    expect(findings(spoil, 'digest', asked).join('\n')).toMatch(message);
  });

  it('with a promoter in the cluster that finds no plan', () => {
    const promoter = {
      kind: 'job' as const,
      image: { repository: 'promoter', version: 'v0.1.0', digest: `sha256:${'1'.repeat(64)}` },
      apiServer: { cidrs: ['10.0.0.1/32'] },
    };
    const inCluster = sample({ promoter });
    const { started } = renderObjects(inCluster);
    const withoutPlan = (objects: KubeObject[]) => {
      const [job] = structuredClone(started.map(({ manifest }) => manifest));
      const [promote] = job.spec.template.spec.containers;
      promote.volumeMounts = promote.volumeMounts.filter(({ name }: KubeObject) => name !== 'plan');
      objects.push(job);
    };
    expect(findings(withoutPlan, 'digest', inCluster).join('\n')).toMatch(
      /Job .*promote-\w+\): container promote: --manifests is \S+, which no volume holds; mount it/,
    );
  });
});
