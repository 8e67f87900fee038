import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { loadAll } from 'js-yaml';
import { messageOf, run } from '../testbed/run.ts';

// `npm run rendered-diff`: what the manifests in dist/ are now and were not at another commit, as Markdown for a comment.

const RENDERED = 'dist';
/** GitHub takes 65,536 characters in a comment. */
const LONGEST = 60_000;

/** Every object of a folder of manifests, by kind and name, as its YAML reads. */
type Objects = Map<string, string>;

function objectsIn(files: readonly string[]): Objects {
  const objects = files.flatMap((yaml) => loadAll(yaml) as ({ kind?: string; metadata?: { name?: string } } | null)[]);
  return new Map(
    objects
      .filter((object) => object !== null)
      .map((object) => [`${object.kind} ${object.metadata?.name}`, JSON.stringify(object)]),
  );
}

async function objectsNow(folder: string): Promise<Objects> {
  const files = existsSync(folder) ? await readdir(folder) : [];
  return objectsIn(await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8'))));
}

const git = (...args: readonly string[]) => run(['git', ...args]);

async function objectsAt(commit: string, folder: string): Promise<Objects> {
  const files = (await git('ls-tree', '--name-only', commit, `${folder}/`)).split('\n').filter(Boolean);
  return objectsIn(await Promise.all(files.map((file) => git('show', `${commit}:${file}`))));
}

/** One overlay's part of the comment; undefined where nothing is different. */
async function partOf(overlay: string, commit: string): Promise<string | undefined> {
  const folder = `${RENDERED}/${overlay}`;
  const diff = await git('diff', '--no-color', '--no-ext-diff', commit, '--', folder);
  if (diff === '') return undefined;
  const [before, now] = [await objectsAt(commit, folder), await objectsNow(folder)];
  const list = (title: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`- ${title}: ${names.map((name) => `\`${name}\``).join(', ')}`];
  const lines = [
    ...list(
      'new',
      [...now.keys()].filter((name) => !before.has(name)),
    ),
    ...list(
      'changed',
      [...now.keys()].filter((name) => before.has(name) && before.get(name) !== now.get(name)),
    ),
    ...list(
      'gone',
      [...before.keys()].filter((name) => !now.has(name)),
    ),
  ];
  // Longer than any row of backquotes in it, so that nothing in a manifest ends the block.
  const fence = '`'.repeat(Math.max(3, ...(diff.match(/`+/g) ?? []).map(({ length }) => length + 1)));
  const block = ['<details><summary>lines</summary>', '', `${fence}diff`, diff.trimEnd(), fence, '', '</details>'];
  return [`### ${overlay}`, '', ...lines, '', ...block, ''].join('\n');
}

async function comment(commit: string): Promise<string> {
  await git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`).catch(() => {
    throw new Error(`${commit} is no commit of this clone: fetch it first`);
  });
  const then = (await git('ls-tree', '--name-only', commit, `${RENDERED}/`)).split('\n').filter(Boolean);
  const overlays = new Set([...then.map((path) => path.slice(RENDERED.length + 1)), ...(await readdir(RENDERED))]);
  const title = '## What changes in the clusters\n\n';
  let text = title;
  for (const overlay of [...overlays].sort()) {
    const part = await partOf(overlay, commit);
    if (part === undefined) continue;
    const whole =
      text.length + part.length > LONGEST
        ? part.replace(/<details>.*<\/details>\n/s, 'Too long to show here.\n')
        : part;
    text += `${whole}\n`;
  }
  return text === title ? `${title}Nothing.\n` : text;
}

const program = new Command('rendered-diff')
  .description('say in Markdown how dist/ differs from what it was at a commit')
  .argument('<commit>', 'the commit to compare with, e.g. origin/main');
program.parse();
try {
  process.stdout.write(await comment(program.args[0] ?? ''));
} catch (error) {
  console.error(`rendered-diff: ${messageOf(error)}`);
  process.exitCode = 2;
}
