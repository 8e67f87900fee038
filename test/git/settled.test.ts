import { describe, expect, it } from 'vitest';
import { type Act, appended, entriesOf } from '../../promotion/git/chain.ts';
import { settledIn } from '../../promotion/git/settled.ts';

/** What a record of these acts, written `action outcome version`, says has settled. */
function settledAfter(...acts: string[]): string {
  const text = acts.reduce((text, each, i) => {
    const [action, outcome, version = ''] = each.split(' ');
    return appended(text, {
      time: `2026-07-01T10:00:0${i}.000Z`,
      action: action as Act['action'],
      overlay: 'staging',
      version,
      images: { backend: `sha256:${version}` },
      outcome: outcome ?? '',
      by: 'ada',
      from: 'laptop',
    });
  }, '');
  const settled = settledIn(entriesOf(text));
  return 'unknown' in settled ? settled.unknown : settled.version;
}

describe('what has settled', () => {
  it.each([
    [['promote promoted v1'], 'v1'],
    [['promote promoted v1', 'promote unchanged v1'], 'v1'],
    [['promote promoted v1', 'promote promoted v2'], 'v2'],
    [['promote promoted v1', 'settle promoted v2'], 'v2'],
    [['promote promoted v1', 'pin pinned v2'], 'v1'],
    ...['refused', 'rolled-back', 'superseded', 'interrupted'].map(
      (outcome) => [['promote promoted v1', `promote ${outcome} v2`], 'v1'] as const,
    ),
    [['promote promoted v1', 'abort restored v2', 'quarantine-add added v2'], 'v1'],
    [['promote promoted v1', 'promote promoted v2', 'rollback refused v2'], 'v2'],
    [['promote promoted v1', 'promote promoted v2', 'rollback restored v2', 'promote promoted v3'], 'v3'],
  ] as [string[], string][])('after %j is %s', (acts, version) => {
    expect(settledAfter(...acts)).toBe(version);
  });

  it.each([
    [[], /^no promotion of it is recorded$/],
    [['pin pinned v1'], /^no promotion/],
    [['promote promoted v1', 'promote promoted v2', 'rollback restored v2'], /^v2 was rolled back/],
    [['promote promoted v1', 'promote stuck v2'], /v2.*ended as stuck$/],
    [['promote promoted v1', 'promote unreachable v2'], /v2.*ended as unreachable$/],
    [['promote promoted v1', 'abort stuck v2'], /abort.*v2.*ended as stuck$/],
  ] as [string[], RegExp][])('cannot be said after %j', (acts, reason) => {
    expect(settledAfter(...acts)).toMatch(reason);
  });
});
