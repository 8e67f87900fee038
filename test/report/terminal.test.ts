import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../promotion/report/events.ts';
import { jsonReport, plainReport } from '../../promotion/report/plain.ts';
import { advance, NOTHING } from '../../promotion/report/progress.ts';
import { frame } from '../../promotion/report/terminal.ts';
import { manifests, run, worldWith } from '../promotion/simulated.ts';

const events = async (): Promise<readonly RunEvent[]> => {
  const world = await worldWith({ 'web:v2': { analysis: { after: 'Failed' } } });
  world.apply(manifests('v2'));
  return (await run(world, manifests('v2'))).events;
};

const colourless = new Chalk({ level: 0 });

describe('the frame on a terminal', () => {
  it('shows each member with its stage, and how it ended, in lines that fit', async () => {
    const all = await events();
    const width = 100;
    for (const count of [1, 10, all.length]) {
      const progress = all.slice(0, count).reduce(advance, NOTHING);
      const lines = frame(progress, new Date(all[0]?.time ?? 0), width, colourless).split('\n');
      expect(lines.filter((line) => line.length > width)).toEqual([]);
      expect(lines.some((line) => line.trim().startsWith('backend'))).toBe(true);
    }
    const last = frame(all.reduce(advance, NOTHING), new Date(), width, colourless);
    expect(last).toContain('rolled back');
    expect(last).toMatch(/web +aborted/);
    // What it says is live is what was live at the end.
    const result = all.at(-1)?.data as { members: { name: string; active: string }[] };
    for (const { name, active } of result.members) expect(last).toMatch(new RegExp(`${name} .*live ${active} `));
  });
});

describe('the report in a log', () => {
  it('begins each line with the seconds since the start and ends with the result', async () => {
    const lines: string[] = [];
    const report = plainReport((line) => lines.push(line));
    for (const event of await events()) report(event);
    expect(lines.filter((line) => !/^ +\d+\.\d s {2}\S /.test(line))).toEqual([]);
    expect(lines.at(-1)).toMatch(/✗ rolled back: web: /);
  });

  it('is one JSON object a line for machines', async () => {
    const lines: string[] = [];
    const report = jsonReport((line) => lines.push(line));
    const all = await events();
    for (const event of all) report(event);
    expect(lines.map((line) => JSON.parse(line))).toEqual(all);
  });
});
