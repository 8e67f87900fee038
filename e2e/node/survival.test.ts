import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { until } from '../../testbed/run.ts';
import { asRevision, withChecks, withHold } from '../support/edits.ts';
import { removeFolders } from '../support/folder.ts';
import { kubectl, run } from '../support/kubectl.ts';
import { promote } from '../support/promoter.ts';
import { apply, prepareNamespace, renderRelease } from '../support/release.ts';
import { allOn, truthOf } from '../support/truth.ts';

// The promoter is killed, or a person interferes with the plugin, while a release is under way on the real controller.
const namespace = 'survival';
const release = (backend: string, web: string, edit: (object: KubeObject) => KubeObject = (object) => object) =>
  renderRelease({ namespace, backend, web, edit });

async function expectLive(backend: string, web: string): Promise<void> {
  expect(await truthOf(namespace, 'backend')).toEqual(allOn(backend));
  expect(await truthOf(namespace, 'web')).toEqual(allOn(web));
}

/** Runs promote and kills it with SIGKILL when it reports that phase. */
async function killedIn(phase: string, folder: string): Promise<void> {
  const { exitCode, events } = await promote(folder, [], (event, signal) => {
    if (event.code === 'PHASE' && (event.data as { phase: string }).phase === phase) signal('SIGKILL');
  });
  expect(exitCode).toBe(-1);
  expect(events.at(-1)?.code).not.toBe('RESULT');
}

describe('a release on a real node survives', () => {
  let v1: string;

  beforeAll(async () => {
    await prepareNamespace(namespace);
    v1 = await release('v1', 'v1');
    await apply(v1);
    expect((await promote(v1)).exitCode).toBe(0);
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  // Whatever the test before left.
  beforeEach(async () => {
    await apply(v1);
    expect((await promote(v1)).exitCode).toBe(0);
    await expectLive('v1', 'v1');
  });

  it.each(['switching', 'verifying', 'settling'])(
    'kill -9 while %s: the next run goes on to the end',
    async (phase) => {
      const folder = await release('v2', 'v2', asRevision(phase));
      await apply(folder);
      await killedIn(phase, folder);
      const { exitCode, result, events } = await promote(folder);
      expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
      expect(events.map((e) => e.code)).toContain('RESUMED');
      await expectLive('v2', 'v2');
    },
  );

  it('kill -9 while returning: the next run brings the set back', async () => {
    const folder = await release('v3', 'v2-unhealthy-active', asRevision('returning'));
    await apply(folder);
    await killedIn('returning', folder);
    const { exitCode, result } = await promote(folder);
    expect([exitCode, result?.outcome]).toEqual([4, 'rolled-back']);
    await expectLive('v1', 'v1');
  });

  it('kill -9 while verifying with nobody left: the holds bring the set back by themselves', async () => {
    const folder = await release('v2', 'v2', (object) => withHold(30)(asRevision('alone')(object)));
    await apply(folder);
    await killedIn('verifying', folder);
    await until('both members back on v1', 90, async () => {
      await expectLive('v1', 'v1');
      return true;
    });
    const { exitCode } = await promote(folder);
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
  });

  it('kill -9 while verifying, and a newer version applied: the next run ends the old release, then promotes the new one', async () => {
    const folder = await release('v2', 'v2', asRevision('left'));
    await apply(folder);
    await killedIn('verifying', folder);
    const newer = await release('v3', 'v3', asRevision('newer'));
    await apply(newer);
    const { exitCode, result } = await promote(newer);
    expect([exitCode, result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v3', 'v3');
  });

  it('a second run while the first is at it: the second says who holds the release', async () => {
    // A check that cannot pass keeps the first run at it until the second has ended.
    const never = {
      name: 'never',
      when: 'before-switch',
      target: { url: `http://web-preview.${namespace}.svc.cluster.local:3000/` },
      expect: { status: 418 },
      tries: 1000,
      intervalSeconds: 1,
    };
    const folder = await release('v2', 'v2', (object) => withChecks([never])(asRevision('second')(object)));
    await apply(folder);
    let second: ReturnType<typeof promote> | undefined;
    const first = await promote(folder, [], (event, signal) => {
      if (event.code !== 'MEMBER' || (event.data as { stage: string }).stage !== 'prepared') return;
      second ??= promote(folder).finally(() => signal('SIGINT'));
    });
    const late = await second;
    expect(late?.exitCode).toBe(7);
    expect(late?.events.at(-1)?.message).toMatch(/has been acting on release .* since/);
    expect(first.exitCode).toBe(130);
    await expectLive('v1', 'v1');
  });

  it('an operator who aborts one member while the set is held: the set comes back', async () => {
    const folder = await release('v2', 'v2', asRevision('aborted'));
    await apply(folder);
    let typed: Promise<unknown> | undefined;
    const { exitCode, events } = await promote(folder, [], (event) => {
      if (event.code === 'PHASE' && event.message.includes('verifying')) {
        typed ??= run('kubectl', ['argo', 'rollouts', '-n', namespace, 'abort', 'backend']);
      }
    });
    await typed;
    expect(exitCode).toBe(4);
    expect(events.find((e) => e.code === 'GOING_BACK')?.message).toContain('backend');
    await expectLive('v1', 'v1');
  });

  it('Ctrl-C after the switch: the set comes back', async () => {
    const folder = await release('v2', 'v2', asRevision('interrupted'));
    await apply(folder);
    const { exitCode } = await promote(folder, [], (event, signal) => {
      if (event.code === 'PHASE' && event.message.includes('verifying')) signal('SIGINT');
    });
    expect(exitCode).toBe(4);
    await expectLive('v1', 'v1');
  });
});
