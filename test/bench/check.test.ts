import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare } from '../../scripts/bench/check.ts';
import { DECISION, PARTS_OF_BACK, PARTS_OF_DECISION } from '../../scripts/bench/decisions.ts';
import { type Machine, machine } from '../../scripts/bench/machine.ts';
import { type Figure, figuresOf, measured, type Part, type Results, withRun } from '../../scripts/bench/results.ts';

const ran = (part: Part, figures: readonly Figure[], on: Machine = machine()): Results => ({
  [part]: [{ date: '2026-01-01T00:00:00Z', command: '', minutes: 1, machine: on, figures }],
});
/** Times of 30 releases of ours and of the control, each so many times what it is. */
const decisions = (ours: number, control: number, machines?: Machine, what: string = DECISION) => {
  const times = Array.from({ length: 30 }, (_, at) => 100 + at);
  const name = (who: string) => ({ what, at: '8 members', who });
  return ran(
    'decisions',
    [
      measured(
        name('promoter'),
        'ms',
        times.map((time) => ours * time),
      ),
      measured(
        name('bare controller'),
        'ms',
        times.map((time) => control * time),
      ),
    ],
    machines,
  );
};
const simulation = (runs: number, on?: Machine) =>
  ran('simulation', [measured({ what: 'releases', at: '', who: 'simulation' }, 'runs/s', [runs, runs])], on);
const counted = (count: number, of: number) =>
  ran('switch', [{ what: 'failed requests', at: 'switch', who: 'fresh', count, of }]);
const verdicts = (recorded: Results, now: Results) => compare(recorded, now).map(({ verdict }) => verdict);

describe('a benchmark that is compared with the recorded one', () => {
  it('is fine when it has measured the same', () => {
    expect(verdicts(decisions(1, 1), decisions(1, 1))).toEqual(['fine']);
  });

  it('is worse when ours takes twice as long beside the control', () => {
    expect(verdicts(decisions(1, 1), decisions(2, 1))).toEqual(['worse']);
  });

  it('says nothing of the parts of a decision, which may take no time at all', () => {
    for (const part of [...Object.values(PARTS_OF_DECISION), ...Object.values(PARTS_OF_BACK)])
      expect(verdicts(decisions(1, 0, machine(), part), decisions(2, 0, machine(), part))).toEqual([]);
  });

  it('is fine on a machine that is slower for both, and says nothing of the control alone', () => {
    const slower = { ...machine(), cpu: 'slower' };
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 10, noNaN: true }), (factor) => {
        expect(verdicts(decisions(1, 1), decisions(factor, factor, slower))).toEqual(['fine']);
      }),
    );
  });

  it('lets a quarter pass, beside noise', () => {
    expect(verdicts(decisions(1, 1), decisions(1.24, 1))).toEqual(['fine']);
  });

  it('takes less for worse where more is better', () => {
    expect(verdicts(simulation(100), simulation(50))).toEqual(['worse']);
    expect(verdicts(simulation(100), simulation(200))).toEqual(['fine']);
  });

  it('is not comparable on another machine where there is no control', () => {
    expect(verdicts(simulation(100), simulation(50, { ...machine(), cores: 999 }))).toEqual(['not comparable']);
    expect(verdicts({}, simulation(50))).toEqual(['not comparable']);
  });

  it('is worse when a figure is missing that was there', () => {
    const none = ran('simulation', [{ what: 'releases', at: '', who: 'simulation', why: 'over 60 s' }]);
    expect(verdicts(simulation(100), none)).toEqual(['worse']);
  });

  it('is worse by a single failure where there was none, and by more than chance where there were some', () => {
    expect(verdicts(counted(0, 10_000), counted(1, 10_000))).toEqual(['worse']);
    expect(verdicts(counted(0, 10_000), counted(0, 20_000))).toEqual(['fine']);
    expect(verdicts(counted(100, 10_000), counted(120, 10_000))).toEqual(['fine']);
    expect(verdicts(counted(100, 10_000), counted(140, 10_000))).toEqual(['worse']);
  });
});

describe('what was recorded', () => {
  it('keeps the sizes that a later run has not measured, and has one run for each of them', () => {
    const run = (date: string, ...ats: string[]) => ({
      date,
      command: '',
      minutes: 1,
      machine: machine(),
      figures: ats.map((at) => ({ what: 'requests', at, who: 'promoter', count: 1, of: 1 })),
    });
    const first = withRun({}, 'decisions', run('1', '2 members', '8 members'));
    const second = withRun(first, 'decisions', run('2', '8 members', '32 members'));
    expect(second.decisions?.map(({ date, figures }) => [date, figures.map(({ at }) => at)])).toEqual([
      ['1', ['2 members']],
      ['2', ['8 members', '32 members']],
    ]);
    expect(figuresOf(withRun(second, 'decisions', run('3', '2 members')), 'decisions')).toHaveLength(3);
  });
});
