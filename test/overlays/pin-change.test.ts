import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezeBroken, type PinChange, pinChange } from '../../overlays/pin-change.ts';
import { withPins } from '../../overlays/pins.ts';
import { breaksIn, entriesOf } from '../../promotion/git/chain.ts';
import { withQuarantined } from '../../promotion/git/quarantine.ts';
import { UsageError } from '../../promotion/plan/usage.ts';
import { put } from '../git/stage.ts';
import { digestOf, pins, sample } from './samples.ts';

const NOW = new Date('2026-07-03T17:00:00Z');
const weekend = { weekly: { from: 'Fri 16:00', to: 'Mon 08:00' }, timeZone: 'UTC', reason: 'nobody is there' };
const frozen = sample({ freezes: [weekend] });
const { images } = frozen;
const newer = { version: 'v1.3.0', digest: digestOf('v1.3.0') };
const asked = { version: 'v1.3.0', images: [`web=${images.web}@${newer.digest}`] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moneywise-pin-'));
  put(folder, { 'overlays/pins/staging.yaml': withPins('backend: {}\nweb: {}\n', pins) });
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (file: string) => readFileSync(join(folder, file), 'utf8');
const record = () => entriesOf(read('overlays/releases/staging.jsonl'));

async function pin(change: Partial<PinChange> = {}) {
  const told: string[] = [];
  const common = { overlay: frozen, asked, source: undefined, now: NOW, broken: undefined, by: 'ada', from: 'laptop' };
  const render = async () => void told.push('rendered');
  const warn = (note: string) => void told.push(note);
  const changed = await pinChange({ ...common, render, warn, pinned: () => {}, ...change })({ folder });
  return { changed, told };
}

describe('a freeze', () => {
  it('refuses a push until it is over, unless a reason is given', () => {
    expect(() => freezeBroken(frozen, NOW, undefined)).toThrow(
      new UsageError(
        'staging is frozen until Mon 08:00, UTC: nobody is there. If it cannot wait: --break-glass "the reason", which is recorded',
      ),
    );
    expect(freezeBroken(frozen, NOW, 'the bank calls')).toEqual({
      reason: 'the bank calls',
      freeze: { reason: 'nobody is there', until: 'Mon 08:00, UTC' },
      words: 'pushing in a freeze (until Mon 08:00, UTC: nobody is there): the bank calls',
    });
    expect(freezeBroken(frozen, new Date('2026-07-06T08:00:00Z'), undefined)).toBeUndefined();
    expect(freezeBroken(sample(), NOW, 'for nothing')).toBeUndefined();
  });

  it('that is broken is in the record, before what was done, and in the commit', async () => {
    const { changed } = await pin({ broken: freezeBroken(frozen, NOW, 'the bank calls') });
    expect(record().map(({ action, outcome, reason }) => [action, outcome, reason])).toEqual([
      ['freeze-override', 'overridden', 'the bank calls'],
      ['pin', 'pinned', undefined],
    ]);
    expect(changed).toMatchObject({ message: expect.stringContaining('In a freeze: the bank calls') });
  });
});

describe('a change of pins', () => {
  it('writes the pins, renders, records, and says all of it in its message', async () => {
    const { changed, told } = await pin();
    expect(read('overlays/pins/staging.yaml')).toContain(newer.digest);
    expect(told).toEqual(['rendered']);
    expect(record()).toMatchObject([{ seq: 1, action: 'pin', by: 'ada', from: 'laptop', time: NOW.toISOString() }]);
    expect(record()[0]?.images).toEqual({ [images.backend]: pins.backend.digest, [images.web]: newer.digest });
    expect(changed).toEqual({
      message: [
        'Pin staging to backend v1.2.3, web v1.3.0',
        `backend: ${images.backend}:v1.2.3@${pins.backend.digest}\nweb: ${images.web}:v1.3.0@${newer.digest}`,
        'By ada, laptop',
      ].join('\n\n'),
    });
  });

  it('goes back and forth, each in the record', async () => {
    await pin();
    const back = { version: 'v1.2.3', images: [`web=${images.web}@${pins.web.digest}`] };
    expect((await pin({ asked: back })).told).toEqual(['web goes back from v1.3.0 to v1.2.3', 'rendered']);
    await pin();
    expect(record().map(({ version }) => version)).toEqual([
      'backend v1.2.3, web v1.3.0',
      'v1.2.3',
      'backend v1.2.3, web v1.3.0',
    ]);
    expect(breaksIn(read('overlays/releases/staging.jsonl'), 'staging')).toEqual([]);
  });

  it('is none when the pins are so already, whatever the order of their fields', async () => {
    const { backend, web } = pins;
    const text = `web: {digest: '${web.digest}', version: v1.2.3}\nbackend: {digest: '${backend.digest}', version: v1.2.3}\n`;
    put(folder, { 'overlays/pins/staging.yaml': text });
    const same = { version: 'v1.2.3', images: [`web=${images.web}@${web.digest}`] };
    expect(await pin({ asked: same })).toEqual({
      changed: { nothing: 'staging is pinned to v1.2.3 already' },
      told: [],
    });
  });

  it('is refused by the quarantine of the repository that is changed', async () => {
    const entry = {
      image: images.web,
      digest: newer.digest,
      reason: 'slow',
      since: NOW.toISOString(),
      until: '2027-01-01T00:00:00Z',
      by: 'bob',
    };
    put(folder, { 'overlays/quarantine.yaml': withQuarantined('', entry) });
    await expect(pin()).rejects.toThrow(/is in quarantine since 2026-07-03.*: slow/);
  });

  it('is refused outside of the repository', async () => {
    rmSync(join(folder, 'overlays'), { recursive: true });
    await expect(pin()).rejects.toThrow(
      new UsageError('overlays/pins/staging.yaml is not here: run this in the root of the repository'),
    );
  });
});
