import { afterEach, describe, expect, it } from 'vitest';
import { followedAgain, restartApiServer } from '../support/api-server.ts';
import { baseline } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';

// The API server is killed just before a write of the promoter, which it never answers, and starts again.

describe('an API server that restarts', () => {
  const { namespace, release, expectLive } = baseline('outage');
  afterEach(() => followedAgain(namespace));

  it.each([
    ['before the first member is switched', 'promote backend'],
    ['with one of two members switched', 'promote web'],
    ['while the set settles', 'end-hold backend'],
  ])('%s does not keep the set from going live', async (_, write) => {
    const folder = await release('v2', 'v2', asRevision(write.replace(' ', '-')));
    await apply(folder);
    const { exitCode, events, unanswered, errors } = await watched(namespace, () =>
      promoteHeld(folder, justBefore(write, restartApiServer)),
    );
    expect(exitCode, events.at(-1)?.message).toBe(0);
    await expectLive('v2', 'v2');
    expect([...unanswered, ...errors]).toEqual([]);
  });

  it('while the set goes back does not keep it from being back', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('back'));
    await apply(folder);
    const { exitCode, events, unanswered } = await watched(namespace, () =>
      promoteHeld(folder, justBefore('abort backend', restartApiServer)),
    );
    expect(exitCode, events.at(-1)?.message).toBe(4);
    await expectLive('v1', 'v1');
    expect(unanswered).toEqual([]);
  });
});
