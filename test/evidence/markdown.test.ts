import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { block, code, cut, table } from '../../promotion/evidence/markdown.ts';

const nasty = fc.string({ unit: fc.constantFrom('`', '|', '\n', 'a', ' ', '@', '<', '\\') });

describe('text from elsewhere as Markdown', () => {
  it('stays within its code, on one line', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const shown = code(text);
        const fence = /^`*/.exec(shown)?.[0] ?? '';
        fc.pre(text.trim() !== '');
        const inside = shown.slice(fence.length, -fence.length);
        expect(shown).not.toContain('\n');
        expect(inside.match(/`+/g) ?? []).not.toContain(fence);
        expect(inside.trim()).toBe(text.replace(/\s+/g, ' ').trim());
      }),
    );
  });

  it('is a dash where there is none', () => {
    expect([code(''), code(' \n')]).toEqual(['–', '–']);
  });

  it('never ends the block that it is in', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const [first = '', ...rest] = block(text).split('\n');
        const fence = /^`+/.exec(first)?.[0] ?? '';
        expect(rest.slice(0, -1).some((line) => line.includes(fence))).toBe(false);
        expect(rest.at(-1)).toBe(fence);
      }),
    );
  });

  it('leaves a table its columns', () => {
    expect(table(['a', 'b'], [[code('x|y'), 'z']])).toBe('| a | b |\n| --- | --- |\n| `x\\|y` | z |');
  });
});

describe('Markdown that is too long', () => {
  it('is cut at a line, never longer than it may be, with every block closed', () => {
    const long = ['# head', block(`${'line\n'.repeat(500)}end`), 'after'].join('\n\n');
    for (const longest of [300, 1000, 2000, long.length - 1, long.length]) {
      const short = cut(long, longest);
      expect(short.length).toBeLessThanOrEqual(longest);
      expect((short.match(/^```/gm) ?? []).length % 2).toBe(0);
      if (longest < long.length) expect(short).toMatch(/the folder with the evidence has the rest\._$/);
    }
    expect(cut(long, long.length)).toBe(long);
  });
});
