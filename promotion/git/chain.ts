import { createHash } from 'node:crypto';
import { z } from 'zod';

// The record of releases: one JSON object a line, each with the hash of the line before it and its own, so that nobody changes,
// removes, inserts or moves a line unseen. That the newest lines were not cut off, no chain can tell; the history of Git can.

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** What is done to a release, its images, or the rules about it. */
export const ACTIONS = [
  'pin',
  'promote',
  'settle',
  'abort',
  'rollback',
  /** Its commit was reverted in Git. */
  'revert',
  'quarantine-add',
  'quarantine-lift',
  /** Something was done in a freeze, for the reason given. */
  'freeze-override',
] as const;

/** What is recorded of one act. */
export const actSchema = z.strictObject({
  /** RFC 3339, UTC. */
  time: z.iso.datetime(),
  action: z.enum(ACTIONS),
  /** Whose record this is: an overlay, or a release that no overlay rendered. */
  overlay: z.string().min(1),
  /** What people call it, e.g. `v1.2.3`; empty where it has no name. */
  version: z.string(),
  /** Image name without tag or digest → digest, or tag where it goes by tag. */
  images: z.record(z.string(), z.string()),
  /** How it ended: the outcome of the command, e.g. `promoted`; `pinned`, `reverted`, `added`, `lifted`, `overridden`. */
  outcome: z.string().min(1),
  /** Who did it: a login of a CI system, or name and address as git has them. */
  by: z.string().min(1),
  /** Where it was done: the URL of a CI run, or a host. */
  from: z.string().min(1),
  /** Why, where a person had to say it. */
  reason: z.string().optional(),
  /** The commit that it was about. */
  commit: z.string().optional(),
});

const entrySchema = z.strictObject({
  /** 1 in the first line. */
  seq: z.int().min(1),
  ...actSchema.shape,
  /** The hash of the line before; of the first, zeros. */
  previous: hash,
  /** SHA-256 of the line as it stands, up to this field. */
  hash,
});

export type Act = z.output<typeof actSchema>;
/** One line of a record. */
export type Entry = z.output<typeof entrySchema>;

/** Where the record of an overlay is kept, below the root of the repository. */
export const recordFile = (overlay: string) => `${RECORDS}/${overlay}.jsonl`;
/** Whose record holds what is done to an image that no overlay is named with. */
export const NO_OVERLAY = 'quarantine';
/** The folder of all records: what only grows, and no revert takes back. */
export const RECORDS = 'overlays/releases';

const NOTHING_BEFORE = '0'.repeat(64);

/** The text of a record with one more line. A break further up does not keep what happens now from being recorded. */
export function appended(text: string, act: Act): string {
  const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const last = parsed(whole.trimEnd().split('\n').at(-1) ?? '');
  // After a line that cannot be read, the chain goes on from its bytes.
  const [seq, previous] = last
    ? [last.entry.seq + 1, last.entry.hash]
    : [
        linesOf(whole).length + 1,
        whole.trim() === '' ? NOTHING_BEFORE : sha256(whole.trimEnd().split('\n').at(-1) ?? ''),
      ];
  const start = JSON.stringify({ seq, ...actSchema.parse(act), previous }).slice(0, -1);
  return `${whole}${start},"hash":"${sha256(start)}"}\n`;
}

/** The lines of a record that can be read, oldest first. */
export function entriesOf(text: string): Entry[] {
  return linesOf(text).flatMap((line) => parsed(line)?.entry ?? []);
}

/** One thing wrong with a record. */
export interface Break {
  /** Number of the line, from 1. */
  readonly line: number;
  readonly kind: 'changed' | 'removed' | 'reordered' | 'repeated' | 'forked' | 'foreign';
  readonly message: string;
}

/** Everything that is wrong with the record of an overlay; empty when the chain holds. */
export function breaksIn(text: string, overlay: string): Break[] {
  const lines = linesOf(text);
  const read = lines.map(parsed);
  const breaks: Break[] = [];
  const found = (at: number, kind: Break['kind'], message: string) => breaks.push({ line: at + 1, kind, message });
  if (text !== '' && !text.endsWith('\n')) found(lines.length - 1, 'changed', 'its end is cut off');
  let isLost = false;
  for (const [at, line] of read.entries()) {
    const before = read[at - 1];
    if (!line) {
      found(at, 'changed', lines[at]?.endsWith('\r') ? 'its end is CRLF' : 'it is no line of a record');
      isLost = true;
      continue;
    }
    if (!line.isIntact) found(at, 'changed', 'its content is not what was written: its hash is another');
    if (line.entry.overlay !== overlay) found(at, 'foreign', `it is of the record of ${line.entry.overlay}`);
    const { seq, previous, hash } = line.entry;
    const expected = at === 0 ? NOTHING_BEFORE : before?.entry.hash;
    if (previous !== expected && !isLost) {
      const isSame = (other: (typeof read)[number]) => other?.entry.previous === previous;
      const twin = read.findIndex((other, i) => i < at && other?.entry.hash === hash);
      const fork = read.findIndex((other, i) => i < at && isSame(other));
      const isElsewhere =
        read.some((other, i) => i !== at - 1 && other?.entry.hash === previous) || previous === NOTHING_BEFORE;
      const last = before?.entry.seq ?? 0;
      if (twin >= 0) found(at, 'repeated', `it stands in line ${twin + 1} already`);
      else if (fork >= 0) found(at, 'forked', `it follows the same line as line ${fork + 1}: two records were merged`);
      else if (isElsewhere) found(at, 'reordered', `number ${seq} stands after number ${last}`);
      else if (line.isIntact) found(at, 'removed', gone(last, seq));
      else found(at, 'changed', 'the hash of the line before it is another');
    } else if (!isLost && line.isIntact && seq !== (before?.entry.seq ?? 0) + 1) {
      found(at, 'changed', `its number is ${seq}, after ${before?.entry.seq ?? 0}`);
    }
    isLost = false;
  }
  return breaks;
}

function gone(last: number, seq: number): string {
  if (seq === last + 2) return `number ${last + 1}, before it, is gone`;
  if (seq > last + 2) return `numbers ${last + 1} to ${seq - 1}, before it, are gone`;
  return `what it follows is not there, and number ${last} is`;
}

/** What stands between line ends; an empty line is a line. */
function linesOf(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function parsed(line: string): { entry: Entry; isIntact: boolean } | undefined {
  const [, start = '', end] = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
  if (end === undefined) return undefined;
  try {
    return { entry: entrySchema.parse(JSON.parse(line)), isIntact: sha256(start) === end };
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
