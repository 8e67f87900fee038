import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';

// `npm run import`: regenerates imports/argoproj.io.ts from the CRDs of the Argo Rollouts version that testbed/go.mod
// names. imports/README.md says what is left out of the file and why.

const root = fileURLToPath(new URL('..', import.meta.url));
const module = 'github.com/argoproj/argo-rollouts';
const output = join(root, 'imports', 'argoproj.io.ts');

/** A JSON schema, or a CRD that holds one. */
// biome-ignore lint/suspicious/noExplicitAny: the tree is walked by key and never trusted beyond that.
type Tree = any;

/** What a field whose content this project writes with other types becomes: any object. */
const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

const crds: { file: string; trim: (spec: Tree) => void }[] = [
  {
    file: 'rollout-crd.yaml',
    trim: (spec) => {
      spec.template = free;
    },
  },
  {
    file: 'analysis-template-crd.yaml',
    trim: (spec) => {
      const provider = spec.metrics.items.properties.provider;
      const { job, prometheus, web } = provider.properties;
      job.properties.spec = free;
      provider.properties = { job, prometheus, web };
    },
  },
];

/** Without the descriptions, which are two thirds of a CRD and are better read in the upstream documentation. */
function withoutDescriptions(tree: Tree): Tree {
  if (Array.isArray(tree)) return tree.map(withoutDescriptions);
  if (tree === null || typeof tree !== 'object') return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key, value]) => !(key === 'description' && typeof value === 'string'))
      .map(([key, value]) => [key, withoutDescriptions(value)]),
  );
}

/** The generator writes CommonJS-era TypeScript; these rewrites make it load as ESM with types that can be erased. */
function asErasableEsm(source: string): string {
  return `${source
    .replace(/[ \t]*\/\*\*?[\s\S]*?\*\/\n?/g, '')
    .replace('ApiObjectMetadata, GroupVersionKind }', 'type ApiObjectMetadata, type GroupVersionKind }')
    .replace('import { Construct }', 'import type { Construct }')
    .replace(
      / {2}private constructor\(public readonly value: (.+)\) \{\n/g,
      '  public readonly value: $1;\n  private constructor(value: $1) {\n    this.value = value;\n',
    )
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim()}\n`;
}

const { Dir: folder, Version: version } = JSON.parse(
  execFileSync('go', ['mod', 'download', '-json', module], { cwd: join(root, 'testbed'), encoding: 'utf8' }),
);
const work = mkdtempSync(join(tmpdir(), 'cdk8s-import-'));
try {
  const documents = crds.map(({ file, trim }) => {
    const crd = withoutDescriptions(load(readFileSync(join(folder, 'manifests', 'crds', file), 'utf8')));
    const schema = crd.spec.versions[0].schema.openAPIV3Schema;
    trim(schema.properties.spec.properties);
    delete schema.properties.status;
    return dump(crd);
  });
  writeFileSync(join(work, 'crds.yaml'), documents.join('---\n'));
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules', 'cdk8s-cli', 'bin', 'cdk8s'),
      ...['import', 'crds.yaml', '--output', 'out', '--language', 'typescript', '--no-save', '--no-check-upgrade'],
    ],
    { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const generated = asErasableEsm(readFileSync(join(work, 'out', 'argoproj.io.ts'), 'utf8'));
  writeFileSync(
    output,
    `// From the CRDs of ${module}@${version} by \`npm run import\`; not edited by hand.\n${generated}`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
