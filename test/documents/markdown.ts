import { readFileSync } from 'node:fs';
import type { Code, Html, InlineCode, Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { commandLines } from './shell.ts';

/** A command line that a document shows to people. */
export interface CommandLine {
  readonly file: string;
  /** The heading that it stands below; empty above the first one. */
  readonly heading: string;
  /** Where its block begins in the file, from 1. */
  readonly line: number;
  /** Without its comment; in one line where the document breaks it. */
  readonly text: string;
  /** Whether it has a block of its own, or stands in a sentence. */
  readonly isBlock: boolean;
  /** Why no test runs it: `<!-- not run here: REASON -->` in front of its block. */
  readonly notRunHere?: string;
}

/** A block of which the document does not say whether it is shell. */
export class UnknownBlock extends Error {}

const SHELL = new Set(['sh', 'bash']);
const NOT_RUN = /^<!-- not run here: (.+?) -->$/s;
const IN_A_SENTENCE = /^(?:[A-Z_]+=\S+ )*(?:npx|npm|kubectl|amtool|git|gh|curl) \S/;

/**
 * All command lines of a Markdown file: those of its indented blocks and of blocks in `sh`, and what begins with a known
 * command between backquotes. A block of anything else says which language it is in.
 */
export function commandLinesOf(file: string): CommandLine[] {
  const text = readFileSync(file, 'utf8');
  const found: CommandLine[] = [];
  let heading = '';
  let notRunHere: string | undefined;
  const add = (node: Code | InlineCode, texts: readonly string[]) => {
    const about = { file, heading, line: node.position?.start.line ?? 0, isBlock: node.type === 'code' };
    const marked = about.isBlock && notRunHere !== undefined ? { notRunHere } : {};
    for (const text of texts) found.push({ ...about, text, ...marked });
  };
  const visit = (node: Nodes): void => {
    if (node.type === 'heading') heading = textOf(node);
    else if (node.type === 'inlineCode') add(node, IN_A_SENTENCE.test(node.value) ? [node.value] : []);
    else if (node.type === 'code') {
      if (isShell(node, file, text)) add(node, commandLines(node.value));
    } else if ('children' in node) for (const child of node.children) visit(child);
    if (node.type !== 'text' && node.type !== 'inlineCode') notRunHere = reasonOf(node);
  };
  visit(fromMarkdown(text));
  return found;
}

const reasonOf = (node: Nodes): string | undefined =>
  NOT_RUN.exec((node as Html).value ?? '')?.[1]?.replace(/\s+/g, ' ');

function isShell(node: Code, file: string, text: string): boolean {
  const isFenced = /^(```|~~~)/.test(text.slice(node.position?.start.offset));
  if (isFenced && !node.lang) {
    throw new UnknownBlock(`${file}:${node.position?.start.line}: say after the backquotes which language this is in`);
  }
  return !node.lang || SHELL.has(node.lang);
}

/** The text of a node without its marks. */
export function textOf(node: Nodes): string {
  if ('value' in node) return node.value;
  return 'children' in node ? node.children.map(textOf).join('') : '';
}
