import { expect, it } from 'vitest';
import { EXIT_CODES } from '../../promotion/core/journal.ts';

it('each outcome ends the command as the contract says', () => {
  expect(EXIT_CODES).toEqual({
    promoted: 0,
    unchanged: 0,
    restored: 0,
    usage: 2,
    refused: 3,
    'rolled-back': 4,
    stuck: 5,
    superseded: 6,
    locked: 7,
    unreachable: 8,
    internal: 70,
    interrupted: 130,
  });
});
