import { beforeAll, describe, expect, it } from 'vitest';
import type * as Gitops from '../../charts/gitops.ts';
import type * as GitopsPolicy from '../../charts/policy/gitops.ts';
import type { FollowedRelease } from '../../charts/policy/gitops.ts';
import type * as Policy from '../../charts/policy/policy.ts';
import type { RenderedObject } from '../../charts/policy/rendered.ts';
import type * as Render from '../../charts/render.ts';
import { loadOverlay } from '../../overlays/load.ts';
import type { Overlay } from '../../overlays/overlay.ts';
import type { KubeObject } from '../../test/charts/objects.ts';
import { gitopsReferences, references } from '../../test/charts/references.ts';
import { sample, sampleUnderLoad } from '../../test/overlays/samples.ts';
import { newChartsLoader } from './mutated-charts.ts';
import { type SourceMutant, sourceMutants } from './source-mutants.ts';

// Mistakes in the sources of the charts, made mechanically. Those that change a field by which one rendered object refers
// to another must not get through a synth. (test/charts/mutations.test.ts does the same to what is rendered.)

/** What gets through, and why it may: `file: what stood there → what replaced it`. */
const harmless: readonly [RegExp, string][] = [
  [/^charts\/names\.ts/, 'what stands there is changed for all that use it'],
  [/^charts\/constructs\/hashed-config-map\.ts/, 'a hash of another form, in the name and in all that refers to it'],
  [/^charts\/ingress\.ts: 'preview' → /, 'the name of an Ingress, to which nothing refers'],
  [
    /^charts\/constructs\/pinned-selector\.ts: 'app.kubernetes.io\/instance'/,
    'selectors are narrowed by another label alike',
  ],
  [/^charts\/constructs\/postgres\.ts: 'app.kubernetes.io\/name'/, 'the name of a ConfigMap, in all that refers to it'],
  [/^charts\/render\.ts: /, 'other numbers for the waves of a sync, in the same order'],
];
/** What gets through and should not: synth has no way to know it. */
const unknowable: readonly [RegExp, string][] = [
  [/^charts\/backend\.ts: jsonCheck\(/, 'one question fewer in an analysis that asks several'],
  [/^charts\/backend\.ts: tmp → /, 'an init container may write no temporary files'],
  [/^charts\/promoter-job\.ts: 'Job' → /, 'a kind that no API server has'],
  [/^charts\/deploy\.ts: props\.before → /, 'Deployments that nobody migrates for'],
  [/^charts\/constructs\/task-pod\.ts: before → /, 'a Job that does not look at values first'],
  [/^charts\/constructs\/pod-template\.ts: 'topology/, 'pods that are spread by fewer rules'],
  [/^charts\/constructs\/pod-template\.ts: 'kubernetes\.io\/hostname/, 'pods that are spread by fewer rules'],
  [/^charts\/constructs\/(postgres|redis)\.ts: \{ path: '\/(run|dev)/, 'a folder that the process wants to write to'],
  [/^charts\/web\.ts: \{ path: web\.cachePath/, 'a folder that the process wants to write to'],
];

type Charts = typeof Render & typeof Policy & typeof Gitops & typeof GitopsPolicy;
const files = ['charts/render.ts', 'charts/policy/policy.ts', 'charts/gitops.ts', 'charts/policy/gitops.ts'];

/** What is rendered, before it is judged, and the judge. */
interface Judged {
  readonly objects: readonly RenderedObject[];
  /** The fields by which these objects refer to each other. */
  readonly references: readonly RegExp[];
  /** @throws PolicyError */
  readonly enforce: () => void;
}

/** Each overlay by itself, and the objects of Argo CD beside the overlays that those apply. */
function* renderings(charts: Charts, overlays: readonly Overlay[]): Generator<Judged> {
  const releases: FollowedRelease[] = [];
  for (const overlay of overlays) {
    const { files, started } = charts.renderObjects(overlay);
    const written = [...files.values()].flat();
    const objects = [...written, ...started];
    yield { objects, references, enforce: () => charts.enforcePolicy(objects, charts.contextOf(overlay)) };
    if (charts.isFollowed(overlay)) releases.push({ overlay, objects: written });
  }
  const objects = [...charts.renderGitopsObjects(releases).values()].flat();
  yield {
    objects: [...objects, ...releases.flatMap((release) => release.objects)],
    references: gitopsReferences,
    enforce: () => charts.enforceGitopsPolicy(objects, releases),
  };
}

/** Path → value of every field; hashes in names are left out, since they change with all that is hashed. */
function fieldsOf({ objects }: Judged): Map<string, string> {
  const fields = new Map<string, string>();
  const without = (text: string) => text.replace(/-[0-9a-f]{10}\b/g, '-HASH');
  const walk = (value: KubeObject, path: string) => {
    if (value === null || typeof value !== 'object') {
      fields.set(without(path), without(String(value)));
      return;
    }
    for (const key of Object.keys(value)) {
      const name = /(^|\.)env$/.test(path) ? (value[key]?.name ?? key) : key;
      walk(value[key], /^\S+ \S+ $/.test(path) ? `${path}${name}` : `${path}.${name}`);
    }
  };
  for (const { manifest } of objects) walk(manifest, `${manifest.kind} ${manifest.metadata.name} `);
  return fields;
}

type Verdict = 'no wire' | 'alike' | 'refused' | 'let through';

/** Whether nothing has changed but one word for another, wherever it stands: then everything still fits together. */
function isAlike(now: Map<string, string>, before: Map<string, string>, { from, to }: SourceMutant): boolean {
  const [old, word] = [from, to].map((text) => text.replaceAll(/^['"]|['"]$/g, ''));
  if (!old || !word) return false;
  const told = (fields: Map<string, string>) =>
    [...fields].map((field) => field.join(' = ').replaceAll(word, old)).sort();
  return JSON.stringify(told(now)) === JSON.stringify(told(before));
}

function judge(
  charts: Charts,
  mutant: SourceMutant,
  overlays: readonly Overlay[],
  right: readonly Map<string, string>[],
): Verdict {
  let verdict: Verdict = 'no wire';
  try {
    let at = 0;
    for (const rendering of renderings(charts, overlays)) {
      const [now, before] = [fieldsOf(rendering), right[at++] ?? new Map()];
      const changed = [...new Set([...now.keys(), ...before.keys()])].filter((at) => now.get(at) !== before.get(at));
      if (!changed.some((at) => rendering.references.some((reference) => reference.test(at)))) continue;
      if (!isAlike(now, before, mutant)) verdict = 'let through';
      else if (verdict === 'no wire') verdict = 'alike';
      rendering.enforce();
    }
  } catch {
    return 'refused';
  }
  return verdict;
}

describe('a mistake in the source of a chart that changes what refers to what', () => {
  const refused: string[] = [];
  const letThrough: string[] = [];

  beforeAll(async () => {
    const load = await newChartsLoader();
    const gateway = { name: 'public', namespace: 'gateways', listener: 'https', redirectListener: 'http' };
    const promoter = {
      kind: 'job' as const,
      image: { repository: 'promoter', version: 'v0.1.0', digest: `sha256:${'1'.repeat(64)}` },
      apiServer: { cidrs: ['10.0.0.1/32'] },
      evidence: { sizeGibibytes: 1 },
    };
    const overlays = [
      loadOverlay('production'),
      loadOverlay('development'),
      sample({ ingress: { kind: 'gateway', gateway }, promoter, strategy: sampleUnderLoad().strategy }),
    ];
    const right = [...renderings(await load<Charts>(files), overlays)].map(fieldsOf);
    for (const mutant of sourceMutants()) {
      const words = `${mutant.file}: ${mutant.from.replaceAll(/\s+/g, ' ').slice(0, 60)} → ${mutant.to}`;
      const verdict = await load<Charts>(files, mutant).then(
        (mutated) => judge(mutated, mutant, overlays, right),
        (): Verdict => 'refused',
      );
      if (verdict === 'refused') refused.push(words);
      if (verdict === 'let through') letThrough.push(words);
    }
  }, 600_000);

  const isAmong = (list: readonly [RegExp, string][], words: string) => list.some(([what]) => what.test(words));

  it('is made in at least 60 places', () => {
    expect(refused.length).toBeGreaterThanOrEqual(60);
  });

  it('is refused by synth wherever synth can know', () => {
    const unexplained = letThrough.filter((words) => !isAmong(harmless, words) && !isAmong(unknowable, words));
    expect(unexplained).toEqual([]);
  });

  it('is refused in 95 of 100 places, but for what does no harm', () => {
    const harmful = letThrough.filter((words) => !isAmong(harmless, words));
    expect(refused.length / (refused.length + harmful.length)).toBeGreaterThanOrEqual(0.95);
  });

  it.each([...harmless, ...unknowable])('is still let through where it is listed: %s', (what) => {
    expect(letThrough.filter((words) => what.test(words))).not.toEqual([]);
  });
});
