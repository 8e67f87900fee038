import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Freeze, freezeAt, freezeSchema } from '../../promotion/plan/freeze.ts';

const freeze = (input: object): Freeze => freezeSchema.parse({ reason: 'no', ...input });
const isFrozen = (input: object, at: string) => freezeAt([freeze(input)], new Date(at)) !== undefined;

describe('a freeze between two times', () => {
  const christmas = { from: '2026-12-23T16:00:00+01:00', to: '2027-01-04T08:00:00+01:00', reason: 'Christmas' };

  it('begins at the first and is over at the second', () => {
    expect(isFrozen(christmas, '2026-12-23T14:59:59.999Z')).toBe(false);
    expect(isFrozen(christmas, '2026-12-23T15:00:00Z')).toBe(true);
    expect(isFrozen(christmas, '2027-01-04T06:59:59.999Z')).toBe(true);
    expect(isFrozen(christmas, '2027-01-04T07:00:00Z')).toBe(false);
  });

  it('says why, and until when', () => {
    expect(freezeAt([freeze(christmas)], new Date('2026-12-24T00:00:00Z'))).toEqual({
      reason: 'Christmas',
      until: '2027-01-04T08:00:00+01:00',
    });
  });
});

describe('a weekly freeze', () => {
  const weekend = { weekly: { from: 'Fri 16:00', to: 'Mon 08:00' }, timeZone: 'Europe/Berlin' };

  it.each([
    // Summer: two hours before UTC.
    ['2026-07-03T13:59:59Z', false],
    ['2026-07-03T14:00:00Z', true],
    ['2026-07-05T12:00:00Z', true],
    ['2026-07-06T05:59:59Z', true],
    ['2026-07-06T06:00:00Z', false],
    // Winter: one hour.
    ['2026-01-02T14:59:59Z', false],
    ['2026-01-02T15:00:00Z', true],
    ['2026-01-05T06:59:59Z', true],
    ['2026-01-05T07:00:00Z', false],
    // The clocks change within it.
    ['2026-03-30T05:59:59Z', true],
    ['2026-03-30T06:00:00Z', false],
  ])('goes by the clocks of its time zone: %s', (at, frozen) => {
    expect(isFrozen(weekend, at)).toBe(frozen);
  });

  it('may lie within a day, and says when it is over', () => {
    const lunch = freeze({ weekly: { from: 'Wed 12:00', to: 'Wed 13:00' }, reason: 'lunch' });
    expect(freezeAt([lunch], new Date('2026-07-01T12:30:00Z'))).toEqual({ reason: 'lunch', until: 'Wed 13:00, UTC' });
    expect(freezeAt([lunch], new Date('2026-07-01T13:00:00Z'))).toBeUndefined();
    expect(freezeAt([lunch], new Date('2026-07-02T12:30:00Z'))).toBeUndefined();
  });

  it('is the opposite of the one whose ends are swapped, at any time in any zone', () => {
    const time = fc
      .tuple(fc.constantFrom('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'), fc.nat(23), fc.nat(59))
      .map(([day, hour, minute]) => `${day} ${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Kiritimati');
    const moment = fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(time, time, zone, moment, (from, to, timeZone, at) => {
        fc.pre(from !== to);
        const one = freezeAt([freeze({ weekly: { from, to }, timeZone })], at);
        const other = freezeAt([freeze({ weekly: { from: to, to: from }, timeZone })], at);
        expect(one === undefined).toBe(other !== undefined);
      }),
    );
  });
});

describe('several freezes', () => {
  it('hold together', () => {
    const freezes = [
      freeze({ weekly: { from: 'Fri 16:00', to: 'Mon 08:00' } }),
      freeze({ from: '2026-07-01T00:00:00Z', to: '2026-07-02T00:00:00Z' }),
    ];
    expect(freezeAt(freezes, new Date('2026-07-01T10:00:00Z'))?.until).toBe('2026-07-02T00:00:00Z');
    expect(freezeAt(freezes, new Date('2026-07-04T10:00:00Z'))?.until).toBe('Mon 08:00, UTC');
    expect(freezeAt(freezes, new Date('2026-07-02T10:00:00Z'))).toBeUndefined();
    expect(freezeAt([], new Date())).toBeUndefined();
  });
});

describe('a freeze that cannot be', () => {
  it.each([
    ['over before it begins', { from: '2026-07-02T00:00:00Z', to: '2026-07-01T00:00:00Z' }],
    ['at no offset', { from: '2026-07-01T00:00:00', to: '2026-07-02T00:00:00' }],
    ['of no length', { weekly: { from: 'Fri 16:00', to: 'Fri 16:00' } }],
    ['in no time zone', { weekly: { from: 'Fri 16:00', to: 'Mon 08:00' }, timeZone: 'Mars/Olympus' }],
    ['on no day', { weekly: { from: 'Freitag 16:00', to: 'Mon 08:00' } }],
    ['at no hour', { weekly: { from: 'Fri 24:00', to: 'Mon 08:00' } }],
    ['for no reason', { weekly: { from: 'Fri 16:00', to: 'Mon 08:00' }, reason: '' }],
  ])('%s is refused', (_, input) => {
    expect(freezeSchema.safeParse({ reason: 'no', ...input }).success).toBe(false);
  });
});
