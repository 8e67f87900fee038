import { describe, expect, it } from 'vitest';
import {
  type Quarantined,
  quarantinedIn,
  quarantineOf,
  withoutQuarantined,
  withQuarantined,
} from '../../promotion/git/quarantine.ts';
import { UsageError } from '../../promotion/plan/usage.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const entry = (letter: string, change: Partial<Quarantined> = {}): Quarantined => ({
  image: 'ghcr.io/x/backend',
  digest: digest(letter),
  reason: 'answers 500 under load: see "evidence"',
  since: '2026-07-01T10:00:00.000Z',
  until: '2026-07-31T10:00:00.000Z',
  by: 'ada',
  ...change,
});

describe('the quarantine', () => {
  it('holds an image until its time is up, whatever the image is called', () => {
    const entries = quarantinedIn(withQuarantined('', entry('a')));
    expect(entries).toEqual([entry('a')]);
    expect(quarantineOf(entries, digest('a'), new Date('2026-07-31T09:59:59.999Z'))).toEqual(entry('a'));
    expect(quarantineOf(entries, digest('a'), new Date('2026-07-31T10:00:00Z'))).toBeUndefined();
    expect(quarantineOf(entries, digest('b'), new Date('2026-07-02T00:00:00Z'))).toBeUndefined();
  });

  it('keeps what people wrote beside the entries', () => {
    const text = withQuarantined(
      withQuarantined('', entry('a', { overlay: 'staging', release: 'v1.2.3' })),
      entry('b'),
    );
    const commented = text.replace('- image', '# Waits for the fix of the pool.\n- image');
    const lifted = withoutQuarantined(withQuarantined(commented, entry('c')), digest('b'));
    expect(lifted).toContain('# Waits for the fix of the pool.\n- image');
    expect(lifted).toMatch(/^# Images that failed a release/);
    expect(quarantinedIn(lifted).map((each) => each.digest)).toEqual([digest('a'), digest('c')]);
  });

  it('has one entry a digest: the newest', () => {
    const text = withQuarantined(
      withQuarantined('', entry('a')),
      entry('a', { reason: 'still', until: '2026-12-31T00:00:00Z' }),
    );
    expect(quarantinedIn(text)).toEqual([entry('a', { reason: 'still', until: '2026-12-31T00:00:00Z' })]);
  });

  it('is an empty list again when the last is lifted', () => {
    const text = withoutQuarantined(withQuarantined('', entry('a')), digest('a'));
    expect(quarantinedIn(text)).toEqual([]);
    expect(text.trimEnd().endsWith('[]')).toBe(true);
    expect(quarantinedIn(withQuarantined(text, entry('b')))).toEqual([entry('b')]);
  });

  it.each([
    ['no YAML', 'a: [', /is not YAML/],
    ['no list', 'image: x', /must be a list/],
    [
      'an entry without its time',
      `- image: x\n  digest: ${digest('a')}\n  reason: r\n  since: 2026-07-01T10:00:00Z\n  by: ada\n`,
      /until/,
    ],
    ['a field that does not exist', withQuarantined('', entry('a')).replace('reason:', 'because:'), /because/],
  ])('is refused as %s', (_, text, message) => {
    expect(() => quarantinedIn(text)).toThrow(message);
    expect(() => withQuarantined(text, entry('b'))).toThrow(UsageError);
  });
});
