import { readdirSync, readFileSync } from 'node:fs';
import { type ParserOptions, parse } from '@babel/parser';

/** One small mistake in the source of a chart. */
export interface SourceMutant {
  readonly file: string;
  /** What stands there, and what is put in its place. */
  readonly from: string;
  readonly to: string;
  /** The whole file with the mistake. */
  readonly text: string;
}

/** What is easily taken for another of its kind. */
const siblings: Readonly<Record<string, string>> = {
  backendName: 'webName',
  webName: 'backendName',
  databaseName: 'cacheName',
  cacheName: 'databaseName',
  backendPort: 'webPort',
  webPort: 'backendPort',
  postgresExporterPort: 'redisExporterPort',
  redisExporterPort: 'postgresExporterPort',
  migrationName: 'backendName',
  backupName: 'databaseName',
  pageCheckName: 'webName',
  holdName: 'pageCheckName',
  activeService: 'previewService',
  previewService: 'activeService',
  active: 'preview',
  preview: 'active',
  database: 'cache',
  cache: 'database',
  backend: 'web',
  web: 'backend',
  passwordKey: 'urlKey',
  urlKey: 'passwordKey',
};

/** Charts that wire nothing: documents, and what refers to metrics instead of objects. */
const unwired = /(alertmanager|alerts|dashboard|differences|environments-document|kplus|main|monitoring)\.ts$/;

/** Text for people. */
const sentence = /[a-z]{2}[:,;)]? | [a-z]{2}/;

const options: ParserOptions = { sourceType: 'module', plugins: ['typescript'] };

// biome-ignore lint/suspicious/noExplicitAny: a syntax tree is walked by the names of its fields.
type Node = any;

/** Every mistake in the charts: a literal changed, a name taken for its sibling, an element of a list left out. */
export function sourceMutants(): SourceMutant[] {
  const files = ['charts', 'charts/constructs'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !unwired.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return files.flatMap(mutantsOf);
}

function mutantsOf(file: string): SourceMutant[] {
  const source = readFileSync(file, 'utf8');
  const found: SourceMutant[] = [];
  const put = (to: string, { start, end }: Node, after = end) =>
    found.push({
      file,
      from: source.slice(start, end),
      to,
      text: source.slice(0, start) + to + source.slice(after),
    });
  const walk = (node: Node, parent: Node): void => {
    if (/^(TS(?!As|Satisfies|NonNull)|Import|ThrowStatement)/.test(node.type)) return;
    const isChoice = parent.type === 'BinaryExpression' || parent.type === 'SwitchCase';
    if (node.type === 'StringLiteral' && node.value && !sentence.test(node.value) && !isChoice)
      put(JSON.stringify(`${node.value}-wrong`), node);
    if (node.type === 'NumericLiteral') put(String(node.value + 1), node);
    const isDeclared = parent.type === 'VariableDeclarator' && parent.id === node;
    const sibling = node.type === 'Identifier' ? siblings[node.name] : undefined;
    const isProperty = parent.type === 'MemberExpression' && parent.property === node;
    // Plain names are those that charts share; other names of the same word are local.
    if (sibling && !isDeclared && (isProperty || /Name$|Port$/.test(node.name))) put(sibling, node);
    if (node.type === 'ArrayExpression') {
      for (const element of node.elements.filter(Boolean)) {
        const comma = /^\s*,/.exec(source.slice(element.end))?.[0].length ?? 0;
        put('', element, element.end + comma);
      }
    }
    for (const [key, value] of Object.entries(node)) {
      const isName = node.type === 'ObjectProperty' && key === 'key' && !node.computed;
      if (isName || key === 'loc' || /Comments$/.test(key)) continue;
      for (const child of [value].flat() as Node[]) if (typeof child?.type === 'string') walk(child, node);
    }
  };
  const { program } = parse(source, options);
  walk(program, program);
  return found;
}
