import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ask, Outcome } from '../../promotion/core/journal.ts';
import { breaksIn, entriesOf } from '../../promotion/git/chain.ts';
import { imagesOf } from '../../promotion/git/record.ts';
import { recordRun } from '../../promotion/git/record-run.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { manifests } from '../promotion/simulated.ts';
import { fileAt, git, hook, newStage, type Stage, subjects } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = newStage();
  vi.spyOn(process, 'cwd').mockReturnValue(stage.work);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(stage.folder, { recursive: true, force: true });
});

/** Records a run on the release `shop`, and says with which events. */
async function record(
  ask: Ask,
  outcome: Outcome,
  version: string,
  { breakGlass, mode = 'push' as 'push' | 'pull-request', repository = stage.bare } = {} as {
    breakGlass?: string;
    mode?: 'push' | 'pull-request';
    repository?: string;
  },
): Promise<RunEvent[]> {
  const policy = { release: 'shop', version, git: { repository, branch: 'main', mode } };
  const events: RunEvent[] = [];
  const about = { by: 'ada', from: 'laptop', time: new Date('2026-07-01T10:00:00Z'), breakGlass };
  await recordRun(planOf(manifests(version, { policy })), ask, outcome, about, (event) => events.push(event));
  return events;
}

const recorded = () => entriesOf(fileAt(stage.bare, 'overlays/releases/shop.jsonl'));

describe('the end of a run', () => {
  it('is one line in one commit: who, when, from where, which images, how it ended', async () => {
    const events = await record('promote', 'promoted', 'v1');
    expect(events.map(({ code }) => code)).toEqual(['RECORDED']);
    expect(recorded()).toMatchObject([
      {
        seq: 1,
        time: '2026-07-01T10:00:00.000Z',
        action: 'promote',
        overlay: 'shop',
        version: 'v1',
        images: { backend: 'v1', web: 'v1' },
        outcome: 'promoted',
        by: 'ada',
        from: 'laptop',
      },
    ]);
    expect(subjects(stage.bare)).toEqual(['Record: promote shop v1 promoted', 'first']);
    await record('rollback', 'restored', 'v1');
    const text = fileAt(stage.bare, 'overlays/releases/shop.jsonl');
    expect(breaksIn(text, 'shop')).toEqual([]);
    expect(entriesOf(text).map(({ action }) => action)).toEqual(['promote', 'rollback']);
  });

  it('of runs at the same time are in one chain', async () => {
    await Promise.all(['v1', 'v2', 'v3'].map((version) => record('abort', 'restored', version)));
    const text = fileAt(stage.bare, 'overlays/releases/shop.jsonl');
    expect(breaksIn(text, 'shop')).toEqual([]);
    expect(
      entriesOf(text)
        .map(({ version }) => version)
        .sort(),
    ).toEqual(['v1', 'v2', 'v3']);
  });

  it('is recorded once while the release stays what it is', async () => {
    await record('promote', 'promoted', 'v1');
    expect(await record('promote', 'unchanged', 'v1')).toEqual([]);
    expect(recorded()).toHaveLength(1);
    await record('promote', 'unchanged', 'v2');
    expect(recorded().map(({ version }) => version)).toEqual(['v1', 'v2']);
  });

  it.each(['usage', 'locked'] as const)('that did nothing is not recorded: %s', async (outcome) => {
    expect(await record('promote', outcome, 'v1')).toEqual([]);
    expect(subjects(stage.bare)).toEqual(['first']);
  });

  it('in a freeze has the reason in front', async () => {
    await record('promote', 'promoted', 'v1', { breakGlass: 'the bank calls' });
    expect(recorded().map(({ action, outcome, reason }) => [action, outcome, reason])).toEqual([
      ['freeze-override', 'overridden', 'the bank calls'],
      ['promote', 'promoted', undefined],
    ]);
  });

  it('goes to a branch of its own where the policy asks for pull requests', async () => {
    const events = await record('promote', 'promoted', 'v1', { mode: 'pull-request' });
    expect(events.map(({ code }) => code)).toEqual(['RECORDED', 'NEXT']);
    expect(events[1]?.message).toMatch(/^open a pull request from record\/shop-\w{8} into main$/);
    expect(subjects(stage.bare)).toEqual(['first']);
    expect(git(stage.bare, 'branch', '--list', 'record/*')).toMatch(/record\/shop-\w{8}/);
  });

  it('that the remote refuses is a warning, and nothing else', async () => {
    hook(`${stage.bare}/hooks`, 'pre-receive', 'echo "main is protected" >&2; exit 1');
    const events = await record('promote', 'promoted', 'v1');
    expect(events.map(({ code, level, data }) => [code, level, data])).toEqual([
      ['RECORD_FAILED', 'warning', { outcome: 'refused' }],
    ]);
    expect(events[0]?.message).toMatch(
      /^not recorded: nothing was pushed to .*main is protected.*gitops.changes to 'pull-request'/s,
    );
  });

  it('that cannot be sent is a warning without the login of the address', async () => {
    const events = await record('promote', 'promoted', 'v1', { repository: 'http://127.0.0.1:9/x.git' });
    expect(events.map(({ code, data }) => [code, data])).toEqual([['RECORD_FAILED', { outcome: 'unreachable' }]]);
  });

  it('is left alone where the policy names no repository', async () => {
    const events: RunEvent[] = [];
    const about = { by: 'ada', from: 'laptop', time: new Date() };
    await recordRun(planOf(manifests('v1')), 'promote', 'promoted', about, (event) => events.push(event));
    expect(events).toEqual([]);
  });
});

it('images are told by their digest, else by their tag', () => {
  const member = (image: string) => ({ template: { spec: { containers: [{ name: 'x', image }] } } }) as never;
  expect(
    imagesOf({ members: ['a/b@sha256:1', 'host:5000/c:v1', 'd', 'e:v2@sha256:2', 'a/b@sha256:1'].map(member) }),
  ).toEqual({
    'a/b': 'sha256:1',
    'host:5000/c': 'v1',
    d: 'latest',
    e: 'sha256:2',
  });
});
