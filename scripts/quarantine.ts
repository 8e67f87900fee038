import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Act, NO_OVERLAY } from '../promotion/git/chain.ts';
import {
  isInForce,
  QUARANTINE_FILE,
  type Quarantined,
  quarantinedIn,
  withoutQuarantined,
  withQuarantined,
} from '../promotion/git/quarantine.ts';
import { appendTo, textOf } from '../promotion/git/record.ts';
import { whereThisRuns, whoRunsThis } from '../promotion/git/who.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import {
  type ChangeOptions,
  makeChange,
  onRepository,
  overlayCalled,
  sayer,
  whereToPush,
  withOutput,
} from './git-change.ts';

interface Options extends ChangeOptions {
  readonly reason: string;
  readonly days: number;
  readonly overlay?: string;
  readonly release?: string;
}

const CODES = `
Exit codes: 0 done, or so already; 2 bad arguments or refused, nothing was changed; 8 the remote does not answer, or moved too often;
70 a bug of this tool.`;

export function quarantineCommand(): Command {
  return new Command('quarantine')
    .description('the images that failed a release, which `pin` refuses')
    .addCommand(
      withOutput(new Command('list'))
        .description('show them, those whose time is up included')
        .addHelpText('after', '\nExit codes: 0, 2, 70.')
        .action(list),
    )
    .addCommand(
      onRepository(new Command('add'))
        .description('refuse an image from now on')
        .argument('<image@digest>', 'e.g. ghcr.io/moneywise/moneywise/backend@sha256:…')
        .requiredOption('--reason <text>', 'what it did')
        .option('--days <number>', 'for how long', positiveDays, 30)
        .option('--overlay <name>', 'the overlay whose release it failed')
        .option('--release <version>', 'the version of that release')
        .addHelpText('after', CODES)
        .action(add),
    )
    .addCommand(
      onRepository(new Command('lift'))
        .description('let an image be pinned again')
        .argument('<digest>', 'sha256:…')
        .requiredOption('--reason <text>', 'why it is good after all')
        .addHelpText('after', CODES)
        .action(lift),
    );
}

async function list(options: Pick<ChangeOptions, 'output'>): Promise<void> {
  const say = sayer(options);
  const now = new Date();
  const entries = quarantinedIn(await textOf(QUARANTINE_FILE));
  for (const entry of entries) {
    const { image, digest, reason, since, until, by, overlay, release } = entry;
    const where = [overlay, release].filter(Boolean).join(' ');
    const time = isInForce(entry, now) ? `until ${until}` : `over since ${until}`;
    say(
      'QUARANTINED',
      `${image}@${digest}\n  ${reason}${where ? ` (${where})` : ''}\n  since ${since}, ${time}, by ${by}`,
      {
        data: { ...entry, isInForce: isInForce(entry, now) },
      },
    );
  }
  const count = entries.filter((entry) => isInForce(entry, now)).length;
  say('RESULT', `${count === 0 ? 'no image is' : count === 1 ? '1 image is' : `${count} images are`} in quarantine`, {
    data: { outcome: 'listed', exitCode: 0, release: null, inForce: count },
  });
}

async function add(image: string, options: Options): Promise<void> {
  const [, name, digest] = /^([^@]+)@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
  if (!name || !digest)
    throw new UsageError(`"${image}" is no image by digest: write REPOSITORY@sha256:… with 64 hex digits`);
  if (options.overlay !== undefined) overlayCalled(options.overlay);
  const now = new Date();
  const entry: Quarantined = {
    image: name,
    digest,
    reason: options.reason,
    since: now.toISOString(),
    until: new Date(now.getTime() + options.days * 86_400_000).toISOString(),
    by: options.by ?? (await whoRunsThis()),
    ...(options.overlay === undefined ? {} : { overlay: options.overlay }),
    ...(options.release === undefined ? {} : { release: options.release }),
  };
  await change(entry, 'quarantine-add', options, async (text) => withQuarantined(text, entry));
}

async function lift(digest: string, options: Options): Promise<void> {
  const asked = { image: digest, digest, reason: options.reason, by: options.by ?? (await whoRunsThis()) };
  await change(asked, 'quarantine-lift', options, async (text) => {
    return quarantinedIn(text).some((each) => each.digest === digest) ? withoutQuarantined(text, digest) : undefined;
  });
}

/** Changes the quarantine, and records it where the overlay of the entry has its record. */
async function change(
  asked: Pick<Quarantined, 'image' | 'digest' | 'reason' | 'by' | 'overlay' | 'release'>,
  action: 'quarantine-add' | 'quarantine-lift',
  options: Options,
  edit: (text: string) => Promise<string | undefined>,
): Promise<void> {
  const say = sayer(options);
  const verb = action === 'quarantine-add' ? 'added' : 'lifted';
  const made = await makeChange(
    {
      reads: [],
      writes: [QUARANTINE_FILE, 'overlays/releases'],
      id: `${action}-${randomUUID()}`,
      branch: action,
      async change({ folder }) {
        const text = await textOf(join(folder, QUARANTINE_FILE));
        const edited = await edit(text);
        if (edited === undefined) return { nothing: `${asked.digest} is not in quarantine` };
        const known = quarantinedIn(text).find(({ digest }) => digest === asked.digest);
        const { image, overlay, release } = action === 'quarantine-add' ? asked : { ...asked, ...known };
        const act: Act = {
          time: new Date().toISOString(),
          action,
          overlay: overlay ?? NO_OVERLAY,
          version: release ?? '',
          images: { [image]: asked.digest },
          outcome: verb,
          by: asked.by,
          from: whereThisRuns(),
          reason: asked.reason,
        };
        await writeFile(join(folder, QUARANTINE_FILE), edited);
        await appendTo(folder, act.overlay, act);
        const subject = action === 'quarantine-add' ? `Put ${image} in quarantine` : `Lift the quarantine of ${image}`;
        return { message: `${subject}\n\n${image}@${asked.digest}\n${asked.reason}\n\nBy ${asked.by}, ${act.from}` };
      },
    },
    options.push ? whereToPush(options.overlay) : undefined,
    say,
  );
  const outcome = made.outcome === 'unchanged' ? 'unchanged' : verb;
  say('RESULT', outcome === 'unchanged' ? 'nothing was changed' : `${asked.digest}: ${verb}`, {
    data: { outcome, exitCode: 0, release: asked.overlay ?? null, digest: asked.digest, made },
  });
}

function positiveDays(value: string): number {
  const days = Number(value);
  if (!(days > 0 && days <= 3650)) throw new InvalidArgumentError('It must be a number of days above 0, e.g. 30.');
  return days;
}
