import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('the demo of the README ends as it promises: all new after the good release, all old after the bad one', () => {
  const demo = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/demo.ts'], { encoding: 'utf8' });
  expect([demo.status, demo.stdout.trim().split('\n').at(-1)]).toEqual([0, 'All new, then all old: as promised.']);
}, 300_000);
