import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';

// `npm run import`: regenerates imports/*.ts from the CRDs of Go modules, each at a version that a go.mod or this file
// names. imports/README.md says what is left out and why.

const root = fileURLToPath(new URL('..', import.meta.url));

/** A JSON schema, or a CRD that holds one. */
// biome-ignore lint/suspicious/noExplicitAny: the tree is walked by key and never trusted beyond that.
type Tree = any;

/** What a field whose content this project writes with other types becomes: any object. */
const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** Keeps the named fields of an object's schema, and what they require. */
function keep(schema: Tree, ...fields: string[]): Tree {
  const { properties, required = [] } = schema;
  schema.properties = Object.fromEntries(fields.map((field) => [field, properties[field]]));
  schema.required = required.filter((field: string) => fields.includes(field));
  if (schema.required.length === 0) delete schema.required;
  // A rule of the API server about a field that is left out would not compile.
  delete schema['x-kubernetes-validations'];
  for (const [field, found] of Object.entries(schema.properties)) {
    if (!found) throw new Error(`the CRD has no field ${field} any more`);
  }
  return schema.properties;
}

interface Source {
  /** Go module; without a version, the one of testbed/go.mod. */
  readonly module: string;
  readonly version?: string;
  /** Below the module: CRD file → what is left of its `spec`. */
  readonly crds: Readonly<Record<string, (spec: Tree) => void>>;
}

const sources: readonly Source[] = [
  {
    module: 'github.com/argoproj/argo-rollouts',
    crds: {
      'manifests/crds/rollout-crd.yaml': (spec) => {
        spec.properties.template = free;
      },
      'manifests/crds/analysis-template-crd.yaml': (spec) => {
        const { provider } = spec.properties.metrics.items.properties;
        keep(provider, 'job', 'prometheus', 'web').job.properties.spec = free;
      },
    },
  },
  {
    module: 'github.com/argoproj/argo-cd/v3',
    version: 'v3.2.3',
    crds: {
      'manifests/crds/application-crd.yaml': (spec) => {
        const fields = keep(
          spec,
          'destination',
          'ignoreDifferences',
          'project',
          'revisionHistoryLimit',
          'source',
          'syncPolicy',
        );
        keep(fields.source, 'directory', 'path', 'repoURL', 'targetRevision');
        keep(fields.source.properties.directory, 'recurse', 'include', 'exclude');
      },
      'manifests/crds/appproject-crd.yaml': (spec) => {
        keep(
          spec,
          ...['clusterResourceWhitelist', 'description', 'destinations', 'namespaceResourceWhitelist'],
          ...['orphanedResources', 'sourceRepos', 'syncWindows'],
        );
      },
    },
  },
  {
    module: 'github.com/external-secrets/external-secrets',
    version: 'v1.3.2',
    crds: {
      'config/crds/bases/external-secrets.io_externalsecrets.yaml': (spec) => {
        const { data, target } = keep(spec, 'data', 'refreshInterval', 'secretStoreRef', 'target');
        keep(data.items, 'remoteRef', 'secretKey');
        keep(data.items.properties.remoteRef, 'key', 'property');
        keep(target, 'creationPolicy', 'deletionPolicy', 'name', 'template');
        keep(target.properties.template, 'type');
      },
    },
  },
  {
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.3.0',
    crds: {
      'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml': (spec) => {
        const { rules, parentRefs } = keep(spec, 'hostnames', 'parentRefs', 'rules');
        keep(parentRefs.items, 'name', 'namespace', 'sectionName');
        const { backendRefs, filters, matches } = keep(rules.items, 'backendRefs', 'filters', 'matches');
        keep(backendRefs.items, 'name', 'port');
        keep(filters.items, 'requestRedirect', 'type');
        keep(filters.items.properties.requestRedirect, 'scheme', 'statusCode');
        keep(matches.items, 'path');
      },
    },
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    crds: {
      'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml': (spec) => {
        const { endpoints } = keep(spec, 'endpoints', 'jobLabel', 'selector', 'targetLabels');
        keep(endpoints.items, 'interval', 'path', 'port', 'scrapeTimeout');
      },
      'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml': () => {},
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
    .replace(/^export enum (\w+) \{\n([\s\S]*?)^\}/gm, (_, name: string, members: string) => {
      const fields = members.replace(/ = /g, ': ');
      return `export const ${name} = {\n${fields}} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
    })
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim()}\n`;
}

/** The unpacked folder of a module and its version, by way of the Go module proxy. */
function download({ module, version }: Source): { Dir: string; Version: string } {
  const named = version ? `${module}@${version}` : module;
  return JSON.parse(
    execFileSync('go', ['mod', 'download', '-json', named], { cwd: join(root, 'testbed'), encoding: 'utf8' }),
  );
}

const work = mkdtempSync(join(tmpdir(), 'cdk8s-import-'));
try {
  const origins = new Map<string, Set<string>>();
  const documents = sources.flatMap((source) => {
    const { Dir: folder, Version: version } = download(source);
    return Object.entries(source.crds).map(([file, trim]) => {
      const crd = withoutDescriptions(load(readFileSync(join(folder, file), 'utf8')));
      crd.spec.versions = crd.spec.versions.filter((version: Tree) => version.storage);
      const schema = crd.spec.versions[0].schema.openAPIV3Schema;
      trim(schema.properties.spec);
      delete schema.properties.status;
      // Operations of Argo CD are no part of a manifest.
      delete schema.properties.operation;
      const { group } = crd.spec;
      origins.set(group, (origins.get(group) ?? new Set()).add(`${source.module}@${version}`));
      return dump(crd);
    });
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
  for (const [group, modules] of origins) {
    const generated = asErasableEsm(readFileSync(join(work, 'out', `${group}.ts`), 'utf8'));
    const from = `// From the CRDs of ${[...modules].join(' and ')} by \`npm run import\`; not edited by hand.`;
    writeFileSync(join(root, 'imports', `${group}.ts`), `${from}\n${generated}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
