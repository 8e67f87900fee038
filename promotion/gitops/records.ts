import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodTemplate } from '../cluster/objects.ts';
import { type Act, RECORDS } from '../git/chain.ts';
import { QUARANTINE_FILE, withQuarantined } from '../git/quarantine.ts';
import { appendTo, textOf } from '../git/record.ts';
import { containersOf } from '../plan/plan.ts';
import type { Gone, Records } from './git-side.ts';

/** How long an image that failed a release is kept from the next one, in milliseconds: two weeks, or until somebody lifts it. */
const QUARANTINED_FOR = 14 * 86_400_000;

/** Who reverts what, for the records. */
export interface Reverter {
  readonly release: string;
  /** The version that the manifests name; empty where they name none. */
  readonly version: string;
  readonly by: string;
  readonly from: string;
  readonly now: () => Date;
}

/** Enters a release that went back into the repository's records: its images into quarantine, and the revert into the audit. */
export function recordsOf(reverter: Reverter): Records {
  return {
    paths: [QUARANTINE_FILE, RECORDS],
    async enter({ folder }, gone, commit) {
      const { release, version, by, from } = reverter;
      const time = reverter.now().toISOString();
      const images = rejectedImages(gone);
      const reason = gone.cause.message;
      const about = { time, overlay: release, version, images, by, from, reason };
      const acts: Act[] = [{ ...about, action: 'revert', outcome: 'reverted', commit }];
      const isQuarantined = isFailure(gone) && Object.keys(images).length > 0;
      if (isQuarantined) acts.push({ ...about, action: 'quarantine-add', outcome: 'added' });
      for (const act of acts) await appendTo(folder, release, act);
      if (!isQuarantined) return;
      const until = new Date(Date.parse(time) + QUARANTINED_FOR).toISOString();
      const named = version === '' ? {} : { release: version };
      const file = join(folder, QUARANTINE_FILE);
      let text = await textOf(file);
      for (const [image, digest] of Object.entries(images)) {
        text = withQuarantined(text, { image, digest, reason, since: time, until, by, overlay: release, ...named });
      }
      await writeFile(file, text);
    },
  };
}

/** Whether it says something about the images: not when a person stopped the run, or took back what had not failed. */
function isFailure({ ask, cause }: Gone): boolean {
  return cause.code !== 'interrupted' && !(ask === 'abort' && cause.code === 'asked');
}

/** The images that the release brought, name → digest: those that the release before it runs as well did not fail. */
export function rejectedImages({ members }: Gone): Record<string, string> {
  const before = new Set(members.flatMap(({ kept }) => digestsIn(kept).map(([, digest]) => digest)));
  const brought = members.flatMap(({ rejected }) => digestsIn(rejected)).filter(([, digest]) => !before.has(digest));
  return Object.fromEntries(brought);
}

function digestsIn(template: PodTemplate): [image: string, digest: string][] {
  return containersOf(template).flatMap(({ image = '' }): [string, string][] => {
    const [, name, digest] = /^(.+?)(?::[^/@]+)?@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
    return name && digest ? [[name, digest]] : [];
  });
}
