import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInThisContext } from 'node:vm';
import { context } from 'esbuild';
import { loadAll } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../test/charts/objects.ts';
import { references } from '../../test/charts/references.ts';
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
  [/^charts\/render\.ts: /, 'the order of a sync, which no manifest refers to'],
];
/** What gets through and should not: synth has no way to know it. */
const unknowable: readonly [RegExp, string][] = [
  [/^charts\/backend\.ts: jsonCheck\(/, 'one question fewer in an analysis that asks several'],
  [/^charts\/backend\.ts: tmp → /, 'an init container may write no temporary files'],
  [/^charts\/deploy\.ts: props\.before → /, 'Deployments that nobody migrates for'],
  [/^charts\/constructs\/task-pod\.ts: before → /, 'a Job that does not look at values first'],
  [/^charts\/constructs\/pod-template\.ts: 'topology/, 'pods that are spread by fewer rules'],
  [/^charts\/constructs\/pod-template\.ts: 'kubernetes\.io\/hostname/, 'pods that are spread by fewer rules'],
  [/^charts\/constructs\/(postgres|redis)\.ts: \{ path: '\/(run|dev)/, 'a folder that the process wants to write to'],
  [/^charts\/web\.ts: \{ path: web\.cachePath/, 'a folder that the process wants to write to'],
];

interface Charts {
  render(overlay: unknown): Record<string, string>;
  loadOverlay(name: string): unknown;
  sample(change?: object): unknown;
}

const entry = `
  export { render } from './charts/render.ts';
  export { loadOverlay } from './overlays/load.ts';
  export { sample } from './test/overlays/samples.ts';
`;

/** Bundles the charts, with the text of one file in its place, as often as it is asked. */
async function newBundler() {
  let mutant: SourceMutant | undefined;
  const bundler = await context({
    stdin: { contents: entry, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    write: false,
    logLevel: 'silent',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(process.cwd(), 'overlays', 'load.ts')).href) },
    plugins: [
      {
        name: 'mutant',
        setup: (build) =>
          build.onLoad({ filter: /\/charts\/.*\.ts$/ }, ({ path }) => {
            const text = mutant && resolve(mutant.file) === path ? mutant.text : readFileSync(path, 'utf8');
            // What it would render is asked without the policy as well.
            const open = text.replace(
              /(export function enforcePolicy\(.*\{)/,
              '$1 if (globalThis.withoutPolicy) return;',
            );
            return { contents: open, loader: 'ts' };
          }),
      },
    ],
  });
  return {
    async load(which?: SourceMutant): Promise<Charts> {
      mutant = which;
      const { outputFiles } = await bundler.rebuild();
      const module = { exports: {} as Charts };
      const wrapped = `(function (module, exports, require) {${outputFiles?.[0]?.text}\n})`;
      runInThisContext(wrapped)(module, module.exports, createRequire(join(process.cwd(), 'package.json')));
      return module.exports;
    },
    end: () => bundler.dispose(),
  };
}

function objectsOf(charts: Charts, overlay: unknown, withoutPolicy: boolean): KubeObject[] {
  Object.assign(globalThis, { withoutPolicy });
  return Object.values(charts.render(overlay)).flatMap((yaml) => loadAll(yaml));
}

/** Path → value of every field; hashes in names are left out, since they change with all that is hashed. */
function fieldsOf(objects: readonly KubeObject[]): Map<string, string> {
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
  for (const object of objects) walk(object, `${object.kind} ${object.metadata.name} `);
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
  overlays: readonly unknown[],
  right: readonly Map<string, string>[],
): Verdict {
  let verdict: Verdict = 'no wire';
  for (const [i, overlay] of overlays.entries()) {
    try {
      const [now, before] = [fieldsOf(objectsOf(charts, overlay, true)), right[i] ?? new Map()];
      const changed = [...new Set([...now.keys(), ...before.keys()])].filter((at) => now.get(at) !== before.get(at));
      if (!changed.some((at) => references.some((reference) => reference.test(at)))) continue;
      if (!isAlike(now, before, mutant)) verdict = 'let through';
      else if (verdict === 'no wire') verdict = 'alike';
      objectsOf(charts, overlay, false);
    } catch {
      return 'refused';
    }
  }
  return verdict;
}

describe('a mistake in the source of a chart that changes what refers to what', () => {
  const refused: string[] = [];
  const letThrough: string[] = [];

  beforeAll(async () => {
    const bundler = await newBundler();
    try {
      const charts = await bundler.load();
      const gateway = { name: 'public', namespace: 'gateways', listener: 'https', redirectListener: 'http' };
      const overlays = [
        charts.loadOverlay('production'),
        charts.loadOverlay('development'),
        charts.sample({ ingress: { kind: 'gateway', gateway } }),
      ];
      const right = overlays.map((overlay) => fieldsOf(objectsOf(charts, overlay, true)));
      for (const mutant of sourceMutants()) {
        const words = `${mutant.file}: ${mutant.from.replaceAll(/\s+/g, ' ').slice(0, 60)} → ${mutant.to}`;
        const verdict = await bundler.load(mutant).then(
          (mutated) => judge(mutated, mutant, overlays, right),
          (): Verdict => 'refused',
        );
        if (verdict === 'refused') refused.push(words);
        if (verdict === 'let through') letThrough.push(words);
      }
    } finally {
      await bundler.end();
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
