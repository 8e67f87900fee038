import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Plan } from '../plan/plan.ts';
import { containersOf } from '../plan/plan.ts';
import type { Policy } from '../plan/policy.ts';
import { type Act, appended, entriesOf, recordFile } from './chain.ts';
import { type Change, type CommitEnd, type CommitOptions, commitOnto, type Target } from './remote.ts';
import { settledIn } from './settled.ts';

/** Image name without tag or digest → digest, or tag: what the members of a plan run. */
export function imagesOf({ members }: Pick<Plan, 'members'>): Act['images'] {
  const images = members.flatMap(({ template }) => containersOf(template)).map(({ image = '' }) => image);
  return Object.fromEntries([...new Set(images)].sort().map(nameAndPin));
}

/** An image reference as its name and its digest, else its tag. */
function nameAndPin(image: string): [string, string] {
  const [, name = image, tag, digest] = /^(.*?)(?::([^:/@]+))?(?:@(.+))?$/.exec(image) ?? [];
  return [name, digest ?? tag ?? 'latest'];
}

/** Adds a line to a record of the repository in `folder`. */
export async function appendTo(folder: string, record: string, act: Act): Promise<void> {
  const file = join(folder, recordFile(record));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, appended(await textOf(file), act));
}

/** The text of a file, empty where there is none. */
export async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** Outcomes of calls that did nothing worth a line. */
const NOT_RECORDED = ['usage', 'locked'];

/**
 * Commits what was done to a release to its record, with the mode of its policy: to the branch, or to a branch of its own.
 * Undefined when there is nothing to record: a call that did nothing, or a release that is recorded as settled and is so still.
 */
export async function recordActs(
  git: NonNullable<Policy['git']>,
  acts: readonly Act[],
  options: Pick<CommitOptions, 'patience' | 'checkout'> = {},
): Promise<{ end: CommitEnd; target: Target } | undefined> {
  const last = acts.at(-1);
  if (!last || NOT_RECORDED.includes(last.outcome)) return undefined;
  const { overlay, action, version, outcome } = last;
  const record: Change = async ({ folder }) => {
    const settled = settledIn(entriesOf(await textOf(join(folder, recordFile(overlay)))));
    if (outcome === 'unchanged' && !('unknown' in settled) && isSame(settled.images, last.images)) {
      return { nothing: `${version || overlay} is recorded as settled already` };
    }
    for (const act of acts) await appendTo(folder, overlay, act);
    return { message: `Record: ${action} ${overlay} ${version} ${outcome}` };
  };
  const id = randomUUID();
  const target = { repository: git.repository, branch: git.branch };
  const pullRequest = git.mode === 'push' ? {} : { pullRequest: `record/${overlay}-${id.slice(0, 8)}` };
  const end = await commitOnto(target, record, { act: `record-${id}`, ...pullRequest, ...options });
  return { end, target };
}

function isSame(some: Act['images'], others: Act['images']): boolean {
  const [one, other] = [some, others].map((images) => JSON.stringify(Object.entries(images).sort()));
  return one === other;
}
