import { isSeq, parseDocument, type YAMLSeq } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../plan/usage.ts';

/** An image that failed a release. It is told by its digest, whatever it is called. */
export const quarantinedSchema = z.strictObject({
  /** Its name without tag or digest, for people. */
  image: z.string().min(1),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hex digits'),
  /** What it did. */
  reason: z.string().min(1),
  /** RFC 3339, UTC. */
  since: z.iso.datetime(),
  /** When it may be pinned again without anybody's word. RFC 3339, UTC. */
  until: z.iso.datetime(),
  /** Who put it here. */
  by: z.string().min(1),
  /** The overlay whose release it failed. */
  overlay: z.string().min(1).optional(),
  /** The version of that release. */
  release: z.string().min(1).optional(),
});

export type Quarantined = z.output<typeof quarantinedSchema>;

/** Where they are kept, below the root of the repository. */
export const QUARANTINE_FILE = 'overlays/quarantine.yaml';

const HEADER = `# Images that failed a release: \`pin\` refuses them until their time is up. Added and lifted by \`moneywise-deploy quarantine\`.
`;

/** All entries, those whose time is up included. Throws `UsageError`. */
export function quarantinedIn(text: string): Quarantined[] {
  const { entries } = read(text);
  return entries;
}

/** The entry in force for a digest. */
export function quarantineOf(entries: readonly Quarantined[], digest: string, now: Date): Quarantined | undefined {
  return entries.find((entry) => entry.digest === digest && isInForce(entry, now));
}

export function isInForce({ until }: Quarantined, now: Date): boolean {
  return now.getTime() < Date.parse(until);
}

/** The text with one more entry, which takes the place of an earlier one for the same digest. Throws `UsageError`. */
export function withQuarantined(text: string, entry: Quarantined): string {
  const { list, document, entries } = read(text);
  const at = entries.findIndex(({ digest }) => digest === entry.digest);
  const node = document.createNode(quarantinedSchema.parse(entry));
  if (at < 0) list.add(node);
  else list.set(at, node);
  list.flow = false;
  return document.toString({ lineWidth: 0 });
}

/** The text without the entries for a digest. Throws `UsageError`. */
export function withoutQuarantined(text: string, digest: string): string {
  const { list, document, entries } = read(text);
  for (const [at, entry] of [...entries.entries()].reverse()) if (entry.digest === digest) list.delete(at);
  list.flow = list.items.length === 0;
  return document.toString({ lineWidth: 0 });
}

function read(text: string) {
  const document = parseDocument(text.trim() === '' ? `${HEADER}[]\n` : text);
  const problem = document.errors[0];
  if (problem) throw new UsageError(`${QUARANTINE_FILE} is not YAML: ${problem.message.split('\n')[0]}`);
  if (document.contents === null) document.contents = document.createNode([]) as never;
  if (!isSeq(document.contents)) throw new UsageError(`${QUARANTINE_FILE} must be a list of images`);
  const parsed = z.array(quarantinedSchema).safeParse(document.toJS());
  if (!parsed.success) throw new UsageError(`${QUARANTINE_FILE}: ${z.prettifyError(parsed.error)}`);
  return { document, list: document.contents as YAMLSeq, entries: parsed.data };
}
