import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Act, entriesOf, recordFile } from '../promotion/git/chain.ts';
import { QUARANTINE_FILE, quarantinedIn } from '../promotion/git/quarantine.ts';
import { appendTo, textOf } from '../promotion/git/record.ts';
import { settledIn } from '../promotion/git/settled.ts';
import type { FileChange } from '../promotion/git/working-tree.ts';
import { freezeAt } from '../promotion/plan/freeze.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import type { Overlay } from './overlay.ts';
import { type Asked, pinsFile, pinsFor, pinsIn } from './pinning.ts';
import { imageName, type Pins, withPins, workloads } from './pins.ts';

/** A freeze that somebody breaks, and why. */
export interface Broken {
  readonly reason: string;
  readonly freeze: ReturnType<typeof freezeAt>;
}

/** The freeze that a push to an overlay breaks for the reason given; undefined on other days. Throws `UsageError` without a reason. */
export function freezeBroken(
  { name, freezes }: Pick<Overlay, 'name' | 'freezes'>,
  now: Date,
  breakGlass: string | undefined,
): (Broken & { readonly words: string }) | undefined {
  const frozen = freezeAt(freezes, now);
  if (!frozen) return undefined;
  const why = `until ${frozen.until}: ${frozen.reason}`;
  if (breakGlass === undefined) {
    throw new UsageError(`${name} is frozen ${why}. If it cannot wait: --break-glass "the reason", which is recorded`);
  }
  return { reason: breakGlass, freeze: frozen, words: `pushing in a freeze (${why}): ${breakGlass}` };
}

export interface PinChange extends Pick<Act, 'by' | 'from'> {
  readonly overlay: Overlay;
  readonly asked: Omit<Asked, 'from'>;
  /** The overlay whose settled images are taken. */
  readonly source: Overlay | undefined;
  readonly now: Date;
  readonly broken: Broken | undefined;
  /** Renders the overlay again in a folder of the repository. */
  readonly render: (folder: string) => Promise<void>;
  /** Told what a person should know. */
  readonly warn: (note: string) => void;
  /** Told the pins that were asked for, changed or not. */
  readonly pinned: (pins: Pins) => void;
}

/** Pins, renders and records, in the files of a repository. Throws `UsageError` for what is refused. */
export function pinChange({
  overlay,
  asked,
  source,
  now,
  broken,
  by,
  from,
  render,
  warn,
  pinned,
}: PinChange): FileChange {
  const { name } = overlay;
  return async ({ folder }) => {
    const read = (file: string) => textOf(join(folder, file));
    const pinsOf = async (overlay: string) => {
      const text = await read(pinsFile(overlay));
      if (text === '') throw new UsageError(`${pinsFile(overlay)} is not here: run this in the root of the repository`);
      return { text, pins: pinsIn(text, pinsFile(overlay)) };
    };
    const { text, pins: current } = await pinsOf(name);
    const settled = source && {
      overlay: source,
      pins: (await pinsOf(source.name)).pins,
      settled: settledIn(entriesOf(await read(recordFile(source.name)))),
    };
    const quarantine = quarantinedIn(await read(QUARANTINE_FILE));
    const { pins, notes } = pinsFor(
      overlay,
      current,
      { ...asked, ...(settled ? { from: settled } : {}) },
      quarantine,
      now,
    );
    pinned(pins);
    const version = versionOf(pins);
    if (
      workloads.every(
        (each) => pins[each].digest === current[each].digest && pins[each].version === current[each].version,
      )
    ) {
      return { nothing: `${name} is pinned to ${version} already` };
    }
    for (const note of notes) warn(note);
    await writeFile(join(folder, pinsFile(name)), withPins(text, pins));
    await render(folder);
    const images = Object.fromEntries(
      workloads.map((workload) => [overlay.images[workload], pins[workload].digest ?? pins[workload].version]),
    );
    const about = { time: now.toISOString(), overlay: name, version, images, by, from };
    if (broken) {
      await appendTo(folder, name, {
        ...about,
        action: 'freeze-override',
        outcome: 'overridden',
        reason: broken.reason,
      });
    }
    const reason = source ? { reason: `settled in ${source.name}` } : {};
    await appendTo(folder, name, { ...about, action: 'pin', outcome: 'pinned', ...reason });
    const lines = workloads.map((workload) => `${workload}: ${imageName(overlay.images[workload], pins[workload])}`);
    const why = broken ? [`In a freeze: ${broken.reason}`] : [];
    return {
      message: [`Pin ${name} to ${version}`, [...lines, ...notes, ...why].join('\n'), `By ${by}, ${from}`].join('\n\n'),
    };
  };
}

/** What the pins are called together. */
export function versionOf({ backend, web }: Pins): string {
  return backend.version === web.version ? backend.version : `backend ${backend.version}, web ${web.version}`;
}
