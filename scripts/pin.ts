import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Command } from 'commander';
import { freezeBroken, pinChange, versionOf } from '../overlays/pin-change.ts';
import { pinsFile } from '../overlays/pinning.ts';
import type { Pins } from '../overlays/pins.ts';
import { RECORDS, recordFile } from '../promotion/git/chain.ts';
import { whereThisRuns, whoRunsThis } from '../promotion/git/who.ts';
import {
  type ChangeOptions,
  makeChange,
  onRepository,
  overlayCalled,
  renderIn,
  SOURCES,
  sayer,
  whereToPush,
} from './git-change.ts';
import { RENDERED } from './options.ts';

interface Options extends ChangeOptions {
  readonly version?: string;
  readonly image: readonly string[];
  readonly from?: string;
  readonly breakGlass?: string;
}

export function pinCommand(): Command {
  return onRepository(new Command('pin'))
    .description('pin the images of an overlay, and render again what that changes')
    .argument('<overlay>', 'whose images, e.g. production')
    .option('--version <tag>', 'the version of the images, e.g. v1.2.3')
    .option(
      '--image <workload=image>',
      'backend or web, and its image by digest; may be given several times',
      (image: string, before: readonly string[]) => [...before, image],
      [],
    )
    .option('--from <overlay>', 'take exactly the images that another overlay runs and has settled')
    .option('--break-glass <reason>', 'push in a freeze, for this reason, which is recorded')
    .addHelpText(
      'after',
      `
Without --push it changes overlays/pins/, ${RENDERED}/ and the record in ${RECORDS}/ of the working tree, all of them or none. With
--push the same is one commit on the branch that gitops names, on top of whatever is there by then; nothing is forced, and the
working tree is not touched. An image in quarantine is refused.

Exit codes: 0 pinned, or so already; 2 bad arguments or refused, nothing was changed; 8 the remote does not answer, or moved too
often; 70 a bug of this tool.`,
    )
    .action(run);
}

async function run(name: string, options: Options): Promise<void> {
  const overlay = overlayCalled(name);
  const say = sayer(options);
  const now = new Date();
  const where = options.push ? whereToPush(name) : undefined;
  const broken = where && freezeBroken(overlay, now, options.breakGlass);
  if (broken) say('FROZEN', broken.words, { data: broken.freeze });
  let pins: Pins | undefined;
  const made = await makeChange(
    {
      reads: SOURCES,
      writes: [pinsFile(name), recordFile(name), join(RENDERED, name)],
      change: pinChange({
        overlay,
        asked: { images: options.image, ...(options.version === undefined ? {} : { version: options.version }) },
        source: options.from === undefined ? undefined : overlayCalled(options.from),
        now,
        broken,
        by: options.by ?? (await whoRunsThis()),
        from: whereThisRuns(),
        render: (folder) => renderIn(folder, name),
        warn: (note) => say('PIN', note, { level: 'warning' }),
        pinned(asked) {
          pins = asked;
        },
      }),
      id: `pin-${name}-${randomUUID()}`,
      branch: `release/${name}-${options.version ?? options.from ?? 'images'}`,
    },
    where,
    say,
  );
  const version = pins ? versionOf(pins) : '';
  const outcome = made.outcome === 'unchanged' ? 'unchanged' : 'pinned';
  if (outcome === 'pinned') say('NEXT', `when it is applied: npx moneywise-deploy promote ${name}`);
  say('RESULT', outcome === 'pinned' ? `${name} is pinned to ${version}` : 'nothing was changed', {
    data: { outcome, exitCode: 0, release: name, version, images: pins ?? null, made },
  });
}
