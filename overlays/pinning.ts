import { load } from 'js-yaml';
import semver from 'semver';
import { type Quarantined, quarantineOf } from '../promotion/git/quarantine.ts';
import type { Settled } from '../promotion/git/settled.ts';
import { UsageError } from '../promotion/plan/usage.ts';
import type { Overlay } from './overlay.ts';
import { type Pin, type Pins, pinsSchema, placeholderDigest, type Workload, workloads } from './pins.ts';

// What `pin` decides: which pins an overlay gets for what was asked, or why not.

/** Where pins live, below the root of the repository. */
export const pinsFile = (overlay: string) => `overlays/pins/${overlay}.yaml`;

/** What is asked of an overlay's pins. */
export interface Asked {
  /** The version of the images that are named, or of all where they go by tag. */
  readonly version?: string;
  /** Each `workload=repository[:tag][@digest]`. */
  readonly images: readonly string[];
  /** The environment whose settled images are taken. */
  readonly from?: Source;
}

/** An environment that pins are taken from. */
export interface Source {
  readonly overlay: Pick<Overlay, 'name' | 'images'>;
  readonly pins: Pins;
  /** What its record says it runs. */
  readonly settled: Settled;
}

type Data = Pick<Overlay, 'name' | 'imagePins' | 'images'>;

/** The pins that an overlay gets, and what a person should know about them. Throws `UsageError`. */
export function pinsFor(
  overlay: Data,
  current: Pins,
  asked: Asked,
  quarantine: readonly Quarantined[],
  now: Date,
): { pins: Pins; notes: string[] } {
  const named = namedImages(overlay, asked);
  const given = {
    ...taken(overlay, asked, named),
    ...named,
    ...(isByTagAlone(overlay, asked) ? all(asked.version) : {}),
  };
  if (Object.keys(given).length === 0) {
    throw new UsageError(
      overlay.imagePins === 'digest'
        ? 'nothing to pin: name images with --image backend=REPOSITORY@sha256:…, or the environment they settled in with --from staging'
        : 'nothing to pin: give the tag with --version, or name images with --image backend=REPOSITORY:TAG',
    );
  }
  for (const workload of workloads) {
    const pin = given[workload];
    if (pin) refuseUnfit(overlay, workload, pin, quarantine, now);
  }
  const pins = { ...current, ...given };
  return { pins, notes: workloads.flatMap((workload) => downgrade(workload, current[workload], pins[workload])) };
}

/** The pins in a file's text. Throws `UsageError`. */
export function pinsIn(text: string, file: string): Pins {
  let data: unknown;
  try {
    data = load(text);
  } catch (error) {
    throw new UsageError(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const parsed = pinsSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${file}: ${issue?.path.map(String).join('.')} ${issue?.message}`);
}

const isByTagAlone = ({ imagePins }: Data, { images, from }: Asked) =>
  imagePins === 'tag' && images.length === 0 && from === undefined;

function all(version: string | undefined): Partial<Pins> {
  return version === undefined ? {} : { backend: { version }, web: { version } };
}

/** The images that the call names. */
function namedImages(overlay: Data, { images, version }: Asked): Partial<Pins> {
  const pins: Partial<Pins> = {};
  for (const image of images) {
    const [, workload = '', repository = '', tag, digest] =
      /^([^=]+)=([^@]*?)(?::([^:/@]+))?(?:@(.*))?$/.exec(image) ?? [];
    if (!isWorkload(workload) || repository === '') {
      throw new UsageError(`--image ${image}: write ${workloads.join(' or ')}, then =REPOSITORY@sha256:…`);
    }
    if (pins[workload]) throw new UsageError(`--image ${image}: ${workload} is named twice: leave one out`);
    if (repository !== overlay.images[workload]) {
      throw new UsageError(
        `--image ${image}: ${overlay.name} runs ${workload} from ${overlay.images[workload]}, not ${repository}: name an image of that repository, or change images.${workload} in overlays/${overlay.name}.ts`,
      );
    }
    if (tag !== undefined && version !== undefined && tag !== version) {
      throw new UsageError(`--image ${image}: its tag is not --version ${version}: leave one out`);
    }
    const called = version ?? tag;
    if (called === undefined) throw new UsageError(`--image ${image}: its version is missing: add --version v1.2.3`);
    pins[workload] = digest === undefined ? { version: called } : { version: called, digest };
  }
  return pins;
}

/** The images that another environment runs and has settled. */
function taken(overlay: Data, { from, version }: Asked, named: Partial<Pins>): Partial<Pins> {
  if (from === undefined) return {};
  const { name } = from.overlay;
  if (name === overlay.name) throw new UsageError(`--from ${name} is the overlay itself: name another`);
  if ('unknown' in from.settled) {
    throw new UsageError(
      `nothing can be taken from ${name}: ${from.settled.unknown}; promote it there first (npx moneywise-deploy promote ${name})`,
    );
  }
  const { images, time, version: settled } = from.settled;
  const pins: Partial<Pins> = {};
  for (const workload of workloads.filter((each) => named[each] === undefined)) {
    const pin = from.pins[workload];
    const repository = from.overlay.images[workload];
    if (images[repository] !== (pin.digest ?? pin.version)) {
      throw new UsageError(
        `${workload} of ${name} is pinned to ${pin.version} (${pin.digest ?? 'by tag'}), which is not what settled there last (${settled}, ${time}): promote it there first, or put its pins back`,
      );
    }
    if (overlay.images.environmentBound.includes(workload) || from.overlay.images.environmentBound.includes(workload)) {
      throw new UsageError(
        `the image of ${workload} is built for one environment (images.environmentBound), so that of ${name} is not for ${overlay.name}: name its own with --image ${workload}=${overlay.images[workload]}@sha256:…`,
      );
    }
    if (repository !== overlay.images[workload]) {
      throw new UsageError(
        `${workload} of ${name} comes from ${repository}, and that of ${overlay.name} from ${overlay.images[workload]}: copy the image there, then name it with --image`,
      );
    }
    if (version !== undefined && version !== pin.version) {
      throw new UsageError(`--version ${version} is not what settled in ${name} (${pin.version}): leave it out`);
    }
    pins[workload] = pin;
  }
  return pins;
}

function refuseUnfit(
  overlay: Data,
  workload: Workload,
  { digest, version }: Pin,
  quarantine: readonly Quarantined[],
  now: Date,
): void {
  const repository = overlay.images[workload];
  if (digest === undefined) {
    if (overlay.imagePins === 'tag') return;
    throw new UsageError(
      `${workload} ${version} is given by its tag alone, which can move, and ${overlay.name} goes by digest: add @sha256:… as \`crane digest ${repository}:${version}\` prints it`,
    );
  }
  if (digest === placeholderDigest) {
    throw new UsageError(`${workload}: ${digest} stands for no image: give the digest of the image that was built`);
  }
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw new UsageError(`${workload}: "${digest}" is no digest: it must be sha256: and 64 lower-case hex digits`);
  }
  const held = quarantineOf(quarantine, digest, now);
  if (!held) return;
  const where = held.overlay ? ` in ${held.overlay}${held.release ? ` (${held.release})` : ''}` : '';
  throw new UsageError(
    `${workload} ${version} (${repository}@${digest}) is in quarantine since ${held.since}${where}, until ${held.until}: ${held.reason}. Pin another image; or, if it is good after all: npx moneywise-deploy quarantine lift ${digest} --reason WHY`,
  );
}

function downgrade(workload: Workload, from: Pin, to: Pin): string[] {
  const [before, after] = [semver.parse(from.version), semver.parse(to.version)];
  if (!before || !after || semver.gte(after, before)) return [];
  return [`${workload} goes back from ${from.version} to ${to.version}`];
}

function isWorkload(word: string): word is Workload {
  return (workloads as readonly string[]).includes(word);
}
