import { readdirSync, readFileSync } from 'node:fs';
import { dump, loadAll } from 'js-yaml';
import { expect, it } from 'vitest';
import { overlayNames } from '../../overlays/load.ts';
import { type KubeObject, objectsOf } from '../../test/charts/objects.ts';
import { sampleWithBucket } from '../../test/overlays/samples.ts';
import { binaries } from '../../testbed/binaries.ts';
import { run } from '../../testbed/run.ts';

/** Findings that are meant: check, object, reason. */
const exceptions: [check: string, object: RegExp, why: string][] = [
  ['container-resources', /./, 'no CPU limit: a throttled process is slow for no one’s good; our policy has the rest'],
  ['container-image-pull-policy', /./, 'a digest never changes what it names, so pulling it again gains nothing'],
  ['container-security-context-user-group-id', /./, 'the users of the official images, who own what is in them'],
  ['deployment-has-host-podantiaffinity', /./, 'topology spread does it, each colour by itself'],
  ['deployment-replicas', /moneywise-development/, 'one pod is what a developer’s machine has room for'],
];

/** What kube-score knows: a Rollout is scored as the Deployment that its pods could be, a metric's Job as a Job. */
function scored(object: KubeObject): KubeObject[] {
  const { kind, metadata, spec } = object;
  if (kind === 'Rollout') {
    const { replicas, selector, template } = spec;
    return [{ ...object, apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas, selector, template } }];
  }
  if (kind === 'HorizontalPodAutoscaler') {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: spec.scaleTargetRef.name };
    return [{ ...object, spec: { ...spec, scaleTargetRef } }];
  }
  if (kind === 'AnalysisTemplate') {
    return spec.metrics
      .filter((metric: KubeObject) => metric.provider.job)
      .map(({ provider }: KubeObject) => ({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: provider.job.spec }));
  }
  return [object];
}

const committed = (folder: string): KubeObject[] =>
  readdirSync(folder).flatMap((file) => loadAll(readFileSync(`${folder}/${file}`, 'utf8')) as KubeObject[]);

it.each([
  ...overlayNames.map((name): [string, () => KubeObject[]] => [`dist/${name}`, () => committed(`dist/${name}`)]),
  // What no committed overlay asks for.
  ['data stores in the cluster with dumps in a bucket', () => objectsOf(sampleWithBucket())],
])('kube-score finds nothing in %s', async (_, read) => {
  const objects = read();
  const input = objects
    .flatMap(scored)
    .map((object) => dump(object, { noRefs: true }))
    .join('---\n');
  const tools = await binaries('checks');
  const argv = [tools.of('kube-score'), 'score', '--exit-one-on-warning=false', '--output-format=json', '-'];
  const report = JSON.parse(await run(['sh', '-c', '"$@" || true', 'sh', ...argv], { input }));
  const findings = report.flatMap(({ checks, object_name }: KubeObject) =>
    checks
      .filter(({ grade, skipped }: KubeObject) => !skipped && grade < 10)
      .filter(
        ({ check }: KubeObject) => !exceptions.some(([id, object]) => check.id === id && object.test(object_name)),
      )
      .map(
        ({ check, comments }: KubeObject) =>
          `${object_name}: ${check.id} ${(comments ?? []).map((c: KubeObject) => `${c.path} ${c.summary}`).join('; ')}`,
      ),
  );
  expect(findings).toEqual([]);
});
