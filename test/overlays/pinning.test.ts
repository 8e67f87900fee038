import { describe, expect, it } from 'vitest';
import { type Asked, pinsFor, pinsIn, type Source } from '../../overlays/pinning.ts';
import { type Pins, withPins } from '../../overlays/pins.ts';
import { UsageError } from '../../promotion/plan/usage.ts';
import { digestOf, pins, sample } from './samples.ts';

const NOW = new Date('2026-07-01T10:00:00Z');
const { images } = sample();
const one = digestOf('new-backend');
const two = digestOf('new-web');

/** What an overlay of digests gets. */
const pin = (asked: Partial<Asked>, overlay = sample(), quarantine: Parameters<typeof pinsFor>[3] = []) =>
  pinsFor(overlay, overlay.pins, { images: [], ...asked }, quarantine, NOW);

/** Staging, in which these pins have settled. */
const settled = (change: Partial<Source> = {}): Source => {
  const { backend, web } = pins;
  return {
    overlay: { name: 'staging', images },
    pins,
    settled: {
      version: 'v1.2.3',
      time: '2026-06-30T10:00:00.000Z',
      images: { [images.backend]: backend.digest, [images.web]: web.digest },
    },
    ...change,
  };
};
const production = sample(
  { name: 'production' },
  { backend: { version: 'v1.2.2', digest: one }, web: { version: 'v1.2.2', digest: two } },
);

describe('pins by name', () => {
  it('are those that the call names, and the others stay', () => {
    const asked = { version: 'v1.3.0', images: [`backend=${images.backend}@${one}`] };
    expect(pin(asked).pins).toEqual({ ...pins, backend: { version: 'v1.3.0', digest: one } });
    const both = { images: [`backend=${images.backend}:v1.3.0@${one}`, `web=${images.web}:v1.3.1@${two}`] };
    expect(pin(both).pins).toEqual({
      backend: { version: 'v1.3.0', digest: one },
      web: { version: 'v1.3.1', digest: two },
    });
  });

  it('may go back, which is said', () => {
    const back = pin({ version: 'v1.2.0', images: [`web=${images.web}@${two}`] });
    expect(back.notes).toEqual(['web goes back from v1.2.3 to v1.2.0']);
    expect(pin({ version: 'v1.2.3-rc.1', images: [`web=${images.web}@${two}`] }).notes).toHaveLength(1);
    expect(pin({ version: 'v1.10.0', images: [`web=${images.web}@${two}`] }).notes).toEqual([]);
    expect(pin({ version: 'main', images: [`web=${images.web}@${two}`] }).notes).toEqual([]);
  });

  it('go by tag where the overlay says so', () => {
    const byTag = { ...sample(), imagePins: 'tag' as const };
    expect(pin({ version: 'main' }, byTag).pins).toEqual({ backend: { version: 'main' }, web: { version: 'main' } });
    expect(pin({ images: [`web=${images.web}:next`] }, byTag).pins).toEqual({ ...pins, web: { version: 'next' } });
  });

  it('know a registry with a port', () => {
    const overlay = sample({ images: { backend: 'registry.local:5000/backend', web: images.web } });
    const { backend } = pin({ images: [`backend=registry.local:5000/backend:v1.3.0@${one}`] }, overlay).pins;
    expect(backend).toEqual({ version: 'v1.3.0', digest: one });
  });

  it.each([
    ['nothing', {}, /^nothing to pin: name images with --image .* or the environment .* --from staging$/],
    ['a version alone', { version: 'v1.3.0' }, /^nothing to pin/],
    [
      'a tag alone',
      { version: 'v1.3.0', images: [`backend=${images.backend}:v1.3.0`] },
      /backend v1.3.0 is given by its tag alone, .*crane digest/,
    ],
    [
      'another repository',
      { version: 'v1.3.0', images: [`backend=ghcr.io/evil/backend@${one}`] },
      /staging runs backend from ghcr.io\/moneywise.*, not ghcr.io\/evil\/backend/,
    ],
    [
      'the other image’s repository',
      { version: 'v1.3.0', images: [`backend=${images.web}@${one}`] },
      /staging runs backend from/,
    ],
    [
      'the placeholder',
      { version: 'v1.3.0', images: [`web=${images.web}@sha256:${'0'.repeat(64)}`] },
      /stands for no image/,
    ],
    ['half a digest', { version: 'v1.3.0', images: [`web=${images.web}@sha256:abc`] }, /"sha256:abc" is no digest/],
    ['no version', { images: [`web=${images.web}@${one}`] }, /its version is missing: add --version/],
    [
      'two versions',
      { version: 'v1.3.0', images: [`web=${images.web}:v1.3.1@${one}`] },
      /its tag is not --version v1.3.0/,
    ],
    [
      'an unknown workload',
      { version: 'v1.3.0', images: [`worker=${images.web}@${one}`] },
      /--image worker=.*: write backend or web/,
    ],
    ['no workload', { version: 'v1.3.0', images: [images.web] }, /write backend or web/],
    [
      'one twice',
      { version: 'v1.3.0', images: [`web=${images.web}@${one}`, `web=${images.web}@${two}`] },
      /web is named twice/,
    ],
  ] as [string, Partial<Asked>, RegExp][])('are refused for %s', (_, asked, message) => {
    expect(() => pin(asked)).toThrow(UsageError);
    expect(() => pin(asked)).toThrow(message);
  });
});

describe('an image in quarantine', () => {
  const held = {
    image: images.backend,
    digest: one,
    reason: 'answers 500',
    since: '2026-06-30T00:00:00.000Z',
    until: '2026-07-30T00:00:00.000Z',
    by: 'ada',
    overlay: 'staging',
    release: 'v1.3.0',
  };
  const asked = { version: 'v1.3.0', images: [`backend=${images.backend}@${one}`] };

  it('is refused: since when, where, until when, why, and how to lift it', () => {
    expect(() => pin(asked, sample(), [held])).toThrow(
      new UsageError(
        `backend v1.3.0 (${images.backend}@${one}) is in quarantine since 2026-06-30T00:00:00.000Z in staging (v1.3.0), until 2026-07-30T00:00:00.000Z: answers 500. Pin another image; or, if it is good after all: npx moneywise-deploy quarantine lift ${one} --reason WHY`,
      ),
    );
  });

  it('is refused under another name, too, and from another environment', () => {
    expect(() => pin({ version: 'v1.3.0', images: [`web=${images.web}@${one}`] }, sample(), [held])).toThrow(
      'is in quarantine',
    );
    expect(() => pin({ from: settled() }, production, [{ ...held, digest: pins.web.digest }])).toThrow('web v1.2.3');
  });

  it('is taken when its time is up', () => {
    expect(pin(asked, sample(), [{ ...held, until: '2026-07-01T09:00:00.000Z' }]).pins.backend.digest).toBe(one);
  });
});

describe('pins from another environment', () => {
  it('are exactly what has settled there, with their versions', () => {
    expect(pin({ from: settled() }, production)).toEqual({ pins, notes: [] });
    expect(pin({ from: settled(), version: 'v1.2.3' }, production).pins).toEqual(pins);
  });

  it('give way to an image that is named', () => {
    const asked = { from: settled(), images: [`web=${images.web}:v1.2.4@${two}`] };
    expect(pin(asked, production).pins).toEqual({ ...pins, web: { version: 'v1.2.4', digest: two } });
  });

  const bound = { images: { ...images, environmentBound: ['web' as const] } };

  it('leave out what is built for one environment, unless it is named', () => {
    expect(() => pin({ from: settled() }, sample({ name: 'production', ...bound }))).toThrow(
      /the image of web is built for one environment .* so that of staging is not for production: name its own with --image web=/,
    );
    expect(() => pin({ from: settled({ overlay: { name: 'staging', ...bound } }) }, production)).toThrow(
      'built for one environment',
    );
    const named = { from: settled(), images: [`web=${images.web}:v1.2.3@${two}`] };
    expect(pin(named, sample({ name: 'production', ...bound })).pins.web.digest).toBe(two);
  });

  it.each([
    [
      'nothing has settled there',
      settled({ settled: { unknown: 'no promotion of it is recorded' } }),
      /nothing can be taken from staging: no promotion of it is recorded; promote it there first/,
    ],
    [
      'its pins are newer than what settled',
      settled({ pins: { ...pins, web: { version: 'v1.3.0', digest: two } } }),
      /web of staging is pinned to v1.3.0 \(sha256:.*\), which is not what settled there last \(v1.2.3, 2026-06-30T10:00:00.000Z\)/,
    ],
    [
      'it is the overlay itself',
      settled({ overlay: { name: 'production', images } }),
      /--from production is the overlay itself/,
    ],
    [
      'it has a registry of its own',
      settled({
        overlay: { name: 'staging', images: { ...images, web: 'registry.staging/web' } },
        settled: {
          version: 'v1.2.3',
          time: 'then',
          images: { [images.backend]: pins.backend.digest, 'registry.staging/web': pins.web.digest },
        },
      }),
      /web of staging comes from registry.staging\/web.*copy the image there/,
    ],
  ] as [string, Source, RegExp][])('are refused when %s', (_, from, message) => {
    expect(() => pin({ from }, production)).toThrow(message);
  });

  it('are refused under another version', () => {
    expect(() => pin({ from: settled(), version: 'v9.9.9' }, production)).toThrow(
      '--version v9.9.9 is not what settled in staging (v1.2.3)',
    );
  });
});

describe('a pins file', () => {
  const text = `# The images of x.\nbackend:\n  version: v1.2.3 # hotfix\n  digest: ${pins.backend.digest}\n# The page.\nweb:\n  version: v1.2.3\n  digest: ${pins.web.digest}\n`;

  it('keeps every byte that is no pin', () => {
    const next: Pins = { ...pins, backend: { version: 'v1.3.0', digest: one } };
    const edited = withPins(text, next);
    expect(edited).toBe(text.replace('v1.2.3 # hotfix', 'v1.3.0 # hotfix').replace(pins.backend.digest, one));
    expect(pinsIn(edited, 'x')).toEqual(next);
    expect(withPins(text, pins)).toBe(text);
  });

  it('loses a digest where images go by tag', () => {
    expect(pinsIn(withPins(text, { web: { version: 'main' } }), 'x').web).toEqual({ version: 'main' });
  });

  it.each([
    ['a: [', /^x is not YAML/],
    ['backend: {}', /^x: backend.version /],
    ['', /^x is not YAML: /],
  ])('that is none is refused: %j', (broken, message) => {
    expect(() => pinsIn(broken, 'x')).toThrow(message);
  });
});
