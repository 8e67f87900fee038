import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIONS, type Act, appended, entriesOf } from '../../promotion/git/chain.ts';
import { type Delivery, deliveryOf, type Figure } from '../../promotion/git/delivery.ts';

const START = Date.parse('2026-07-01T00:00:00.000Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The lines of a record of these acts, written `hour action outcome version`. */
const recordOf = (...acts: string[]) =>
  entriesOf(
    acts.reduce((text, each) => {
      const [hour = '', action, outcome = '', version = ''] = each.split(' ');
      return appended(text, {
        time: new Date(START + Number(hour) * HOUR).toISOString(),
        action: action as Act['action'],
        overlay: 'production',
        version,
        images: { backend: `sha256:${version}`, ...(action === 'pin' ? {} : { exporter: 'v1' }) },
        outcome,
        by: 'ada',
        from: 'laptop',
      });
    }, ''),
  );

/** What those acts come to after ten days. */
const measured = (...acts: string[]): Delivery => deliveryOf(recordOf(...acts), START + 10 * DAY);
const amount = (figure: Figure) => ('unknown' in figure ? 'unknown' : figure.value);

describe('deployment frequency', () => {
  it('counts what went live and settled, by whichever command, a day since the first line', () => {
    const acts = ['0 promote promoted v1', '5 settle promoted v2', '6 promote unchanged v2', '7 rollback restored v2'];
    expect(measured(...acts, '8 promote refused v3').deploymentFrequency).toEqual({
      value: 0.2,
      unit: 'a day',
      samples: 2,
    });
  });

  it('is none a day where nothing went live, and unknown where less than a day or nothing is recorded', () => {
    expect(amount(measured('0 pin pinned v1').deploymentFrequency)).toBe(0);
    expect(amount(measured('220 promote promoted v1').deploymentFrequency)).toBe('unknown');
    expect(amount(measured().deploymentFrequency)).toBe('unknown');
  });
});

describe('lead time', () => {
  it('is from the pin of the images to the release that had them live, the median', () => {
    const { leadTime } = measured(
      ...['0 pin pinned v1', '1 promote promoted v1', '10 pin pinned v2', '12 promote rolled-back v2'],
      ...['14 promote promoted v2', '20 pin pinned v3', '22 promote promoted v3'],
    );
    expect(leadTime).toEqual({ value: 2 * 3600, unit: 'seconds', samples: 3 });
  });

  it('takes the newest pin of the very images, once', () => {
    const { leadTime } = measured(
      ...['0 pin pinned v1', '1 pin pinned v2', '2 pin pinned v1', '3 promote promoted v1', '9 promote promoted v1'],
    );
    // The second deployment finds the older pin, the one that was never used.
    expect(leadTime).toMatchObject({ samples: 2 });
  });

  it('is unknown of releases that nobody pinned', () => {
    const { leadTime } = measured('0 promote promoted v1', '1 promote promoted v2', '2 promote promoted v3');
    expect(leadTime).toEqual({ unknown: expect.stringContaining('needs 3'), samples: 0 });
  });
});

describe('change-failure rate', () => {
  it.each([
    [
      'a rollback',
      ['0 promote promoted v1', '1 promote promoted v2', '2 promote promoted v3', '3 rollback restored v3'],
      1 / 3,
    ],
    [
      'two rollbacks, which take back two releases',
      [
        '0 promote promoted v1',
        '1 promote promoted v2',
        '2 promote promoted v3',
        '3 rollback restored v3',
        '4 rollback restored v2',
      ],
      2 / 3,
    ],
    ['a run that went back', ['0 promote promoted v1', '1 promote rolled-back v2', '2 promote promoted v3'], 1 / 3],
    ['a run that got stuck', ['0 promote promoted v1', '1 promote stuck v2', '2 promote promoted v3'], 1 / 3],
    [
      'nothing of what reached nobody',
      [
        '0 promote promoted v1',
        '1 promote refused v2',
        '2 promote promoted v3',
        '3 promote superseded v4',
        '4 promote promoted v5',
      ],
      0,
    ],
    [
      'nothing of a rollback that was refused',
      ['0 promote promoted v1', '1 promote promoted v2', '2 promote promoted v3', '3 rollback refused v3'],
      0,
    ],
  ] as [string, string[], number][])('counts %s', (_, acts, share) => {
    expect(amount(measured(...acts).changeFailureRate)).toBeCloseTo(100 * share);
  });

  it('is unknown of fewer than three releases', () => {
    expect(amount(measured('0 promote promoted v1', '1 promote rolled-back v2').changeFailureRate)).toBe('unknown');
  });
});

describe('time to restore', () => {
  it('is from settling to the rollback, or from being stuck to what ended it', () => {
    const { timeToRestore, unrestored } = measured(
      ...['0 promote promoted v1', '10 promote promoted v2', '11 rollback restored v2', '20 promote stuck v3'],
      ...['22 abort restored v3', '30 promote stuck v4', '31 promote unreachable v4', '33 promote promoted v5'],
    );
    expect(timeToRestore).toEqual({ value: 2 * 3600, unit: 'seconds', samples: 3 });
    expect(unrestored).toBe(0);
  });

  it('does not guess how long a run that went back had been switched, nor an end that is not there', () => {
    const { timeToRestore, unrestored } = measured(
      '0 promote promoted v1',
      '1 promote rolled-back v2',
      '2 promote stuck v3',
    );
    expect(timeToRestore).toMatchObject({ unknown: expect.any(String), samples: 0 });
    expect(unrestored).toBe(1);
  });

  it('goes on when the rollback is stuck', () => {
    const { timeToRestore, unrestored } = measured(
      ...['0 promote promoted v1', '1 promote promoted v2', '2 rollback stuck v2', '3 rollback restored v2'],
    );
    expect([timeToRestore.samples, unrestored]).toEqual([1, 0]);
  });
});

describe('a window', () => {
  it('leaves out what went live before it, and its failures', () => {
    const record = recordOf('0 promote promoted v1', '1 rollback restored v1', '100 promote promoted v2');
    const { changeFailureRate, deploymentFrequency, from } = deliveryOf(record, START + 10 * DAY, START + 4 * DAY);
    expect(from).toBe('2026-07-05T00:00:00.000Z');
    expect(changeFailureRate.samples).toBe(1);
    expect(amount(deploymentFrequency)).toBeCloseTo(1 / 6);
  });

  it('does not begin before the record', () => {
    expect(deliveryOf(recordOf('48 promote promoted v1'), START + 10 * DAY, START).from).toBe(
      '2026-07-03T00:00:00.000Z',
    );
  });
});

describe('of any record', () => {
  const acts = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 300 }),
      fc.constantFrom(...ACTIONS),
      fc.constantFrom('promoted', 'unchanged', 'restored', 'refused', 'rolled-back', 'stuck', 'superseded', 'pinned'),
      fc.constantFrom('v1', 'v2', 'v3'),
    ),
    { maxLength: 40 },
  );

  it('no figure is out of its range, and none rests on fewer than three cases or more than there are lines', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const delivery = measured(...all.map((each) => each.join(' ')));
        const { changeFailureRate, deploymentFrequency, leadTime, timeToRestore } = delivery;
        for (const figure of [changeFailureRate, leadTime, timeToRestore]) {
          expect(figure.samples).toBeLessThanOrEqual(all.length);
          if ('unknown' in figure) continue;
          expect(figure.samples).toBeGreaterThanOrEqual(3);
          expect(figure.value).toBeGreaterThanOrEqual(0);
        }
        expect([0, 100, 'unknown'].includes(amount(changeFailureRate)) || Number(amount(changeFailureRate)) < 100).toBe(
          true,
        );
        expect(deploymentFrequency.samples).toBeLessThanOrEqual(all.length);
        expect(delivery.unrestored).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('more successful releases at its end never raise the rate of failures', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const lines = ['0 promote promoted v1', '0 promote promoted v2', '0 promote promoted v3'];
        lines.push(...all.map((each) => each.join(' ')));
        const before = amount(measured(...lines).changeFailureRate);
        const later = amount(measured(...lines, '239 promote promoted v9').changeFailureRate);
        expect(later).toBeLessThanOrEqual(before as number);
      }),
    );
  });
});
