import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIONS, type Act, appended, breaksIn, entriesOf } from '../../promotion/git/chain.ts';

const act = (change: Partial<Act> = {}): Act => ({
  time: '2026-07-01T10:00:00.000Z',
  action: 'promote',
  overlay: 'staging',
  version: 'v1.2.3',
  images: { 'ghcr.io/x/backend': `sha256:${'a'.repeat(64)}` },
  outcome: 'promoted',
  by: 'Ada <ada@example.org>',
  from: 'laptop',
  ...change,
});

const record = (...acts: Act[]) => acts.reduce(appended, '');
const numbered = (count: number, change: Partial<Act> = {}) =>
  Array.from({ length: count }, (_, i) => act({ version: `v1.0.${i}`, ...change }));
const linesOf = (text: string) => text.slice(0, -1).split('\n');
const textOf = (lines: readonly string[]) => `${lines.join('\n')}\n`;
const told = (text: string) =>
  breaksIn(text, 'staging').map(({ line, kind, message }) => `${line} ${kind}: ${message}`);

/** Names that images can have. (Any string would be `__proto__` some day, which zod leaves out of a record.) */
const imageName = fc.stringMatching(/^[a-z0-9]+([._/-][a-z0-9]+)*$/);

const acts = fc.array(
  fc.record(
    {
      time: fc.constant('2026-07-01T10:00:00.000Z'),
      action: fc.constantFrom(...ACTIONS),
      overlay: fc.constant('staging'),
      version: fc.string({ unit: 'binary' }),
      images: fc.dictionary(imageName, fc.string(), { noNullPrototype: true }),
      outcome: fc.string({ minLength: 1 }),
      by: fc.string({ minLength: 1, unit: 'binary' }),
      from: fc.string({ minLength: 1 }),
      reason: fc.string({ unit: 'binary' }),
      commit: fc.string(),
    },
    { requiredKeys: ['time', 'action', 'overlay', 'version', 'images', 'outcome', 'by', 'from'] },
  ),
  { minLength: 1, maxLength: 6 },
);

describe('a record', () => {
  it('is one JSON object a line, each with the hash of the one before', () => {
    const text = record(act(), act({ action: 'abort', reason: 'slow' }));
    const [first, second] = entriesOf(text);
    expect(first).toMatchObject({ seq: 1, previous: '0'.repeat(64), ...act() });
    expect(second).toMatchObject({ seq: 2, previous: first?.hash, action: 'abort', reason: 'slow' });
    expect(Object.keys(JSON.parse(linesOf(text)[0] ?? ''))).toEqual([
      ...['seq', 'time', 'action', 'overlay', 'version', 'images', 'outcome', 'by', 'from', 'previous', 'hash'],
    ]);
    expect(told(text)).toEqual([]);
    expect(told('')).toEqual([]);
  });

  it('holds whatever is recorded, and gives it back', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const text = record(...(all as Act[]));
        expect(told(text)).toEqual([]);
        expect(entriesOf(text).map(({ seq: _, previous: __, hash: ___, ...rest }) => rest)).toEqual(all);
      }),
    );
  });
});

describe('a record that somebody edited', () => {
  const edited = acts.chain((all) => {
    const text = record(...(all as Act[]));
    const at = fc.nat(text.length - 1);
    const character = fc.oneof(fc.string({ minLength: 1, maxLength: 1 }), fc.constantFrom('\n', '\r', '"', '0', ' '));
    return fc.record({
      text: fc.constant(text),
      edit: fc.oneof(
        fc.tuple(at, character).map(([i, c]) => text.slice(0, i) + c + text.slice(i + 1)),
        fc.tuple(at, character).map(([i, c]) => text.slice(0, i) + c + text.slice(i)),
        at.map((i) => text.slice(0, i) + text.slice(i + 1)),
        // Cut in the middle of a line.
        at.filter((i) => i > 0 && text[i - 1] !== '\n').map((i) => text.slice(0, i)),
      ),
    });
  });

  it('is found out by any one character that is another, new or gone', () => {
    fc.assert(
      fc.property(edited, ({ text, edit }) => {
        fc.pre(edit !== text);
        expect(told(edit)).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('is found out by any line that is gone, unless it was the last, moved, repeated, or put in', () => {
    const count = 6;
    const lines = linesOf(record(...numbered(count)));
    const other = linesOf(record(...numbered(count, { by: 'Eve' })));
    const place = fc.nat(count - 1);
    const change = fc.oneof(
      fc.nat(count - 2).map((i) => lines.filter((_, at) => at !== i)),
      fc
        .tuple(place, place)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => {
          const rest = lines.filter((_, at) => at !== a);
          return [...rest.slice(0, b), lines[a] ?? '', ...rest.slice(b)];
        }),
      fc.tuple(place, fc.nat(count)).map(([a, b]) => [...lines.slice(0, b), lines[a] ?? '', ...lines.slice(b)]),
      fc.tuple(place, fc.nat(count)).map(([a, b]) => [...lines.slice(0, b), other[a] ?? '', ...lines.slice(b)]),
      place.map((a) => lines.map((line, at) => (at === a ? (other[a] ?? '') : line))),
    );
    fc.assert(
      fc.property(change, (given) => {
        expect(told(textOf(given))).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  const lines = linesOf(record(...numbered(5)));
  const [a = '', b = '', c = '', d = '', e = ''] = lines;
  const branch = linesOf([act({ by: 'Bob' }), act({ by: 'Bob', outcome: 'refused' })].reduce(appended, textOf([a, b])));
  const [, , c2 = '', d2 = ''] = branch;

  it.each([
    [
      'a changed word',
      [a, b.replace('v1.0.1', 'v9.9.9'), c],
      ['2 changed: its content is not what was written: its hash is another'],
    ],
    [
      'a changed hash',
      [a, b, c.replace(/.{4}"\}$/, '0000"}')],
      ['3 changed: its content is not what was written: its hash is another'],
    ],
    ['a removed line', [a, b, d, e], ['3 removed: number 3, before it, is gone']],
    ['removed lines', [a, e], ['2 removed: numbers 2 to 4, before it, are gone']],
    ['a removed first line', [b, c], ['1 removed: number 1, before it, is gone']],
    [
      'two lines in each other’s place',
      [a, c, b, d],
      ['2 reordered: number 3 stands after number 1', '3 reordered', '4 reordered'],
    ],
    ['a line twice', [a, b, b, c], ['3 repeated: it stands in line 2 already']],
    [
      'two records merged',
      [a, b, c, d, c2, d2],
      ['5 forked: it follows the same line as line 3: two records were merged'],
    ],
    ['an empty line', [a, '', b], ['2 changed: it is no line of a record']],
    ['CRLF', [`${a}\r`, `${b}\r`], ['1 changed: its end is CRLF', '2 changed: its end is CRLF']],
    [
      'another overlay’s line',
      linesOf(record(act(), act({ overlay: 'production' }))),
      ['2 foreign: it is of the record of production'],
    ],
  ] as [string, string[], string[]][])('is told in which line and how: %s', (_, given, expected) => {
    const found = told(textOf(given));
    expect(found.map((line, i) => line.slice(0, expected[i]?.length ?? line.length))).toEqual(expected);
  });

  it('cut in its last line, too', () => {
    expect(told(textOf([a, b]).slice(0, -1))).toEqual(['2 changed: its end is cut off']);
  });

  it('goes on being recorded in', () => {
    for (const broken of [
      textOf([a, b, 'nonsense']),
      textOf([a, c]),
      textOf([a, b]).slice(0, -1),
      textOf([a, b, c, c2]),
    ]) {
      const before = told(broken).filter((line) => !line.includes('cut off'));
      const after = appended(broken, act({ outcome: 'refused' }));
      expect(after.startsWith(broken)).toBe(true);
      expect(told(after)).toEqual(before);
      expect(entriesOf(after).at(-1)?.outcome).toBe('refused');
    }
  });
});
