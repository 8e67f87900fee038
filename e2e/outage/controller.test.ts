import { afterEach, describe, expect, it } from 'vitest';
import { baseline } from '../support/baseline.ts';
import { asRevision } from '../support/edits.ts';
import { justBefore, promoteHeld } from '../support/held.ts';
import { kubectl } from '../support/kubectl.ts';
import { processHere } from '../support/processes.ts';
import { apply } from '../support/release.ts';
import { watched } from '../support/traffic.ts';

describe('a Rollouts controller that stands still', () => {
  const { namespace, release, expectLive } = baseline('standstill');
  const controller = async (signal: 'SIGSTOP' | 'SIGCONT') =>
    process.kill(await processHere('rollouts-controller'), signal);
  afterEach(() => controller('SIGCONT'));

  // At its next look the controller takes a revision live ungated whose active Service has lost the hash, and nobody can
  // tell when it looks. It looks again when the promoter is about to abort: the Service has to be put back by then.
  it('finds an active Service put back that had lost its hash, and so takes nothing live that was refused', async () => {
    const folder = await release('v2', 'v2', asRevision('unguarded'));
    await apply(folder);
    const paused = ['rollout/backend', 'rollout/web', '--for=jsonpath={.status.phase}=Paused', '--timeout=60s'];
    await kubectl(['-n', namespace, 'wait', ...paused]);
    await controller('SIGSTOP');
    await kubectl(['-n', namespace, 'patch', 'service', 'backend', '--type=merge', '-p', '{"spec":{"selector":null}}']);
    const { exitCode, events, unanswered, errors } = await watched(namespace, () =>
      promoteHeld(
        folder,
        justBefore('abort backend', () => controller('SIGCONT')),
      ),
    );
    expect(exitCode, events.at(-1)?.message).toBe(3);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('kubectl patch service backend');
    expect([...unanswered, ...errors]).toEqual([]);
    await expectLive('v1', 'v1');
  });
});
