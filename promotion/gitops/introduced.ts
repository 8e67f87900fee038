import { loadAll } from 'js-yaml';
import type { PodTemplate, Rollout } from '../cluster/objects.ts';
import { difference } from '../core/template.ts';
import type { Place } from '../git/remote.ts';

/** What a folder of manifests asks of its Rollouts at some commit: name → pod template. */
export type Asked = ReadonlyMap<string, PodTemplate>;

/** What a branch says about revisions that were rejected. */
export type Found =
  /** Its newest commit still asks for them; this one was the first to do so. */
  | { readonly state: 'asked-for'; readonly commit: string }
  /** It asks for something else since this commit, which reverts the one that asked for them. */
  | { readonly state: 'reverted'; readonly by: string }
  /** It asks for something else, since this commit where it ever asked for them. */
  | { readonly state: 'moved-on'; readonly by?: string };

/** How many changes of a folder are looked at. */
const LOOK_BACK = 30;

/**
 * Finds the commit that introduced revisions, by what the folder `path` asks for before and after each commit: not by version
 * numbers or messages, which can say anything. `rejected` has the templates as they run: member → template.
 * @returns what it found, and the commits that ask for them, newest first
 */
export async function introducedBy(
  { git, head }: Place,
  path: string,
  rejected: Asked,
): Promise<{ readonly found: Found; readonly rejecting: readonly string[] }> {
  const asksForThem = async (commit: string) => isAskedFor(await askedAt(git, commit, path), rejected);
  const changes = linesOf(
    await git('log', '--first-parent', `--max-count=${LOOK_BACK}`, '--format=%H', head, '--', path),
  );
  // From the newest change of the folder on, until the one that introduced them.
  const isAskedNow = await asksForThem(head);
  let last: string | undefined;
  let removedBy: string | undefined;
  for (let at = 0; at < changes.length; at += 1) {
    const commit = changes[at] as string;
    if (await asksForThem(commit)) {
      last = commit;
      // One that reverts a later release has put them back, and not brought them: what it reverts is passed over with it.
      const reverted = await revertedBy(git, commit);
      at = Math.max(at, reverted === undefined ? -1 : changes.indexOf(reverted));
    } else if (last) break;
    else removedBy = commit;
  }
  if (!last) return { found: { state: 'moved-on' }, rejecting: [] };
  const since = linesOf(await git('log', '--first-parent', '--format=%H', `${last}..${removedBy ?? head}`));
  const rejecting = [...since.filter((commit) => commit !== removedBy), last];
  if (isAskedNow) return { found: { state: 'asked-for', commit: last }, rejecting };
  if (!removedBy) return { found: { state: 'moved-on' }, rejecting };
  const isReverted = (await revertedBy(git, removedBy)) !== undefined;
  return { found: { state: isReverted ? 'reverted' : 'moved-on', by: removedBy }, rejecting };
}

/** The commit that a commit of this tool reverts, as its trailer says; undefined where it reverts none. */
async function revertedBy(git: Place['git'], commit: string): Promise<string | undefined> {
  const trailer = await git('log', '--max-count=1', '--format=%(trailers:key=Reverts,valueonly)', commit);
  return linesOf(trailer).at(-1);
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** What a folder asks for at a commit; nothing where there is no such commit or folder. */
export async function askedAt(git: Place['git'], commit: string, path: string): Promise<Asked> {
  const pattern = `kind"?:[ ]*"?Rollout"?`;
  const files = await git('grep', '--name-only', '-E', pattern, commit, '--', path).catch(() => '');
  return askedIn(await Promise.all(linesOf(files).map((file) => git('show', file))));
}

/** What the texts of manifests ask for. */
export function askedIn(texts: readonly string[]): Asked {
  return new Map(
    texts
      .flatMap((text) => loadAll(text) as (Rollout | { kind: 'List'; items: Rollout[] } | null)[])
      .flatMap((object) => (object && 'items' in object ? object.items : (object ?? [])))
      .flatMap(({ kind, metadata, spec }) => {
        const template = kind === 'Rollout' ? spec?.template : undefined;
        return template ? [[metadata.name, template] as const] : [];
      }),
  );
}

function isAskedFor(asked: Asked, rejected: Asked): boolean {
  return (
    rejected.size > 0 &&
    [...rejected].every(([name, live]) => {
      const wanted = asked.get(name);
      return wanted !== undefined && difference(live, wanted) === undefined;
    })
  );
}
