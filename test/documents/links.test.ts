import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { expect, it } from 'vitest';
import { EXIT_CODES } from '../../promotion/core/journal.ts';
import { textOf } from './markdown.ts';
import { tracked } from './shown.ts';

/** All nodes of a document, in their order. */
function nodesOf(file: string): Nodes[] {
  const flat = (node: Nodes): Nodes[] => [node, ...('children' in node ? node.children.flatMap(flat) : [])];
  return flat(fromMarkdown(readFileSync(file, 'utf8')));
}

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchors = new Map<string, readonly string[]>();
function anchorsIn(file: string): readonly string[] {
  const known = anchors.get(file);
  if (known) return known;
  const found = nodesOf(file).flatMap((node) => (node.type === 'heading' ? [anchorOf(textOf(node))] : []));
  anchors.set(file, found);
  return found;
}

it('every link of a document into this repository leads somewhere, also to a heading', () => {
  const broken = tracked('*.md').flatMap((file) =>
    nodesOf(file).flatMap((node) => {
      if (node.type !== 'link' || /^[a-z]+:/.test(node.url)) return [];
      const [path = '', anchor] = node.url.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      const isThere = existsSync(target) && (anchor === undefined || anchorsIn(target).includes(anchor));
      return isThere ? [] : [`${file}: ${node.url}`];
    }),
  );
  expect(broken).toEqual([]);
});

it('the runbook says of every outcome what to do, by the code that it really ends with', () => {
  const rows = readFileSync('docs/runbook.md', 'utf8').matchAll(/^\| (\d+) \| ([^|]+) \|/gm);
  const told = [...rows].flatMap(([, code, outcomes = '']) =>
    [...outcomes.matchAll(/`([a-z-]+)`/g)].map(([, outcome]) => [outcome, Number(code)]),
  );
  expect(Object.fromEntries(told)).toEqual(EXIT_CODES);
});
