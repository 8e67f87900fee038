import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Application } from '../../promotion/cluster/objects.ts';
import { quarantinedIn } from '../../promotion/git/quarantine.ts';
import { SUSPENDED } from '../../promotion/gitops/suspend.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { argoNamespace } from '../../testbed/gitops.ts';
import { images } from '../../testbed/images.ts';
import { until } from '../../testbed/run.ts';
import { removeFolders } from '../support/folder.ts';
import { exposed, type GitOps, newGitOps, observed, synced, type Watched } from '../support/gitops.ts';
import { kubectl, read } from '../support/kubectl.ts';
import { carryOut, promote } from '../support/promoter.ts';
import { prepareNamespace } from '../support/release.ts';
import { type Answer, answersOnly, watched } from '../support/traffic.ts';
import { allOn, truthOf } from '../support/truth.ts';

// From a commit to a settled release and back, with the real Argo CD, which syncs and heals whenever it wants to. Clients ask
// all the time, on fresh connections. The last test is the control: the same cluster, taken back by the plugin's own commands.

const namespace = 'shop';
const members = ['backend', 'web'] as const;

describe('a release by Git and Argo CD', () => {
  let repository: GitOps;
  let v1: string;
  let v3: string;

  beforeAll(async () => {
    // Who reverts; in a checkout of a person or a CI system git knows.
    for (const who of ['AUTHOR', 'COMMITTER']) {
      process.env[`GIT_${who}_NAME`] = 'Release';
      process.env[`GIT_${who}_EMAIL`] = 'release@example.com';
    }
    await prepareNamespace(namespace);
    repository = await newGitOps(namespace);
    v1 = await repository.head();
    await synced(repository, v1);
    await exposed(repository);
    const { exitCode, events, stderr } = await promote(repository.dist);
    expect(exitCode, stderr || events.at(-1)?.message).toBe(0);
  });
  afterAll(async () => {
    await kubectl(['-n', argoNamespace, 'delete', 'application', repository.application]);
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });

  it('goes from its commit to settled', async () => {
    const { result, seen } = await observed(repository, () =>
      watched(namespace, async () => {
        v3 = (await repository.pin('v3', 'v3')).commit;
        return promote(repository.dist);
      }),
    );
    expect([result.exitCode, result.result?.outcome]).toEqual([0, 'promoted']);
    await expectLive('v3');
    // How it ended is recorded by a commit of its own.
    await synced(repository, await repository.head());
    expect([...result.unanswered, ...result.errors]).toEqual([]);
    expect(await tagsOf(seen)).toEqual({ backend: ['v1', 'v3'], web: ['v1', 'v3'] });
    expect(seen.syncs.filter(({ isSelfHeal }) => isSelfHeal)).toEqual([]);
  });

  it('that fails comes back in the cluster, then in Git, and stays away', async () => {
    let bad = '';
    const { result, seen } = await observed(repository, () =>
      watched(namespace, async () => {
        bad = (await repository.pin('v2', 'v2-unhealthy-active')).commit;
        return promote(repository.dist);
      }),
    );
    tell('failed promotion', result, seen);
    expect([result.exitCode, result.result?.outcome]).toEqual([4, 'rolled-back']);
    await expectLive('v3');
    await expectGit(v3, bad);
    await expectAutomated();
    expect(servedAfterBack(result, '2.0.0')).toEqual([]);
    expect(await tagsOf(seen)).toEqual({ backend: ['v3', 'v2', 'v3'], web: ['v3', 'v2-unhealthy-active', 'v3'] });
    expect(seen.syncs.filter(({ isSelfHeal }) => isSelfHeal)).toEqual([]);
    const references = await images();
    const quarantined = quarantinedIn(await repository.git('show', 'origin/main:overlays/quarantine.yaml'));
    expect(quarantined.map(({ image, digest }) => `${image}@${digest}`).sort()).toEqual(
      ['backend:v2', 'web:v2-unhealthy-active'].map((name) => references[`testbed.local/moneywise/${name}`]).sort(),
    );
    const before = await repository.head();
    const again = await repository.pin('v2', 'v2-unhealthy-active');
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/quarantine/)]);
    expect(await repository.head()).toBe(before);
  });

  it('that has settled is rolled back in the cluster, then in Git, with Argo CD held back meanwhile', async () => {
    const { result, seen } = await observed(repository, () =>
      watched(namespace, () => carryOut('rollback', repository.dist)),
    );
    tell('rollback', result, seen);
    expect([result.exitCode, result.result?.outcome]).toEqual([0, 'restored']);
    await expectLive('v1');
    await expectGit(v1, v3);
    await expectAutomated();
    expect(seen.automated.map(({ enabled }) => enabled)).toEqual([undefined, false, undefined]);
    expect(servedAfterBack(result, '3.0.0')).toEqual([]);
    expect(await tagsOf(seen)).toEqual({ backend: ['v3', 'v1'], web: ['v3', 'v1'] });
    expect(seen.syncs.filter(({ isSelfHeal }) => isSelfHeal)).toEqual([]);
    expect([...result.unanswered, ...result.errors]).toEqual([]);
  });

  it('goes live past the gates that it has failed, where a person types undo instead (the control)', async () => {
    const bad = 'v2-fails-analysis';
    const { code, commit, stderr } = await repository.pin(bad, bad);
    expect([code, stderr]).toEqual([0, '']);
    const refused = ['wait', ...members.map((name) => `rollout/${name}`), '--for=jsonpath={.status.phase}=Degraded'];
    await until('Argo CD to apply it', 60, async () => (await taken()).every((tag) => tag === bad));
    await kubectl(['-n', namespace, ...refused, '--timeout=90s']);
    const { result, seen } = await observed(repository, () =>
      watched(namespace, async () => {
        const undoneAt = Date.now();
        for (const member of members) await kubectl(['argo', 'rollouts', '-n', namespace, 'undo', member]);
        await until('the version that failed to be live and stable', 100, async () => {
          for (const member of members) expect(await truthOf(namespace, member)).toEqual(allOn(bad));
          return true;
        });
        return { undoneAt, liveAt: Date.now() };
      }),
    );
    const served = result.answers.filter(({ at, version }) => at > result.undoneAt && version === '2.0.0');
    const syncs = seen.syncs.map(
      (s) => `${((s.at - result.undoneAt) / 1000).toFixed(1)} s ${s.isSelfHeal ? 'self-heal' : 'sync'}`,
    );
    console.log(
      `control: ${bad} live ${result.liveAt - result.undoneAt} ms after undo, ${served.length} answers of it by then; ${syncs.join(', ')}`,
    );
    expect(served.length).toBeGreaterThan(0);
    expect(seen.syncs.at(-1)?.revision).toBe(commit);
    // Each goes back to what `undo` put there, and forward again to what Git asks for.
    expect(await tagsOf(seen)).toEqual({ backend: [bad, 'v1', bad], web: [bad, 'v1', bad] });
  });

  /** The tags that the Rollouts ask for now. */
  async function taken(): Promise<(string | undefined)[]> {
    const jsonpath = '{range .items[*]}{.spec.template.spec.containers[0].image}{"\\n"}{end}';
    const asked = await kubectl(['-n', namespace, 'get', 'rollouts', '-o', `jsonpath=${jsonpath}`]);
    const tags = await tagsByImage();
    return asked
      .trim()
      .split('\n')
      .map((image) => tags.get(image));
  }

  async function expectLive(tag: string): Promise<void> {
    for (const member of members) {
      expect(await truthOf(namespace, member)).toEqual(allOn(tag));
      await answersOnly(namespace, member, `${tag.slice(1)}.0.0`);
    }
  }

  /** That `main` asks for what `good` asked for, by one revert of `bad`, and that Argo CD has synced it. */
  async function expectGit(good: string, bad: string): Promise<void> {
    await repository.git('fetch', '-q', 'origin', 'main');
    const head = await repository.head();
    const reverts = await repository.git('log', '--format=%H', `--grep=^Reverts: ${bad}$`, head);
    expect(reverts.trim().split('\n')).toHaveLength(1);
    const paths = ['dist/staging', 'overlays/pins/staging.yaml'];
    expect(await repository.git('diff', '--stat', good, head, '--', ...paths)).toBe('');
    const { status } = await read<Application>(argoNamespace, 'application', repository.application);
    expect(status?.sync?.status).toBe('Synced');
    // What is recorded after the revert is a commit, too.
    expect([reverts.trim(), head]).toContain(status?.sync?.revision);
  }

  async function expectAutomated(): Promise<void> {
    const { metadata, spec } = await read<Application>(argoNamespace, 'application', repository.application);
    expect(spec?.syncPolicy?.automated).toEqual({ prune: true, selfHeal: true });
    expect(metadata.annotations?.[SUSPENDED]).toBeUndefined();
  }
});

/**
 * Requests that a rejected version answered although its member was back by then, for whoever opens a connection: from the first one
 * on that the version from before answered after the promoter had seen Service and endpoints back. The node's rules follow those
 * within kube-proxy's sync period, a second by default, and later on a busy machine.
 */
function servedAfterBack({ answers, events }: Told, version: string): Answer[] {
  const backAt = new Map(
    events.flatMap(({ code, member = '', time, data }) =>
      code === 'ACT' && (data as { act: string }).act === 'retire' ? [[member, Date.parse(time)] as const] : [],
    ),
  );
  expect([...backAt.keys()].sort()).toEqual([...members]);
  return members.flatMap((member) => {
    const after = answers.filter((answer) => answer.member === member && answer.at > (backAt.get(member) ?? 0));
    const first = after.findIndex((answer) => answer.version !== version);
    expect(first, `${member} is answered by the version from before`).toBeGreaterThanOrEqual(0);
    return after.slice(first).filter((answer) => answer.version === version);
  });
}

interface Told {
  readonly answers: readonly Answer[];
  readonly events: readonly RunEvent[];
}

/** The tags of the images that each Rollout asked for, in order. */
async function tagsOf({ templates }: Watched): Promise<Record<string, (string | undefined)[]>> {
  const tags = await tagsByImage();
  return Object.fromEntries(
    members.map((member) => [member, templates.filter((t) => t.member === member).map(({ image }) => tags.get(image))]),
  );
}

async function tagsByImage(): Promise<Map<string, string | undefined>> {
  return new Map(Object.entries(await images()).map(([name, reference]) => [reference, name.split(':').at(-1)]));
}

/** What Git and Argo CD had to do with it, for who reads the log. */
function tell(what: string, { events, answers }: Told, seen: Watched): void {
  const start = Date.parse(events[0]?.time ?? '');
  const lines = events
    .filter(({ code }) => /^(GOING_BACK|GIT|ARGO_CD|NEXT|RESULT)/.test(code))
    .map(({ time, code, message }) => `${((Date.parse(time) - start) / 1000).toFixed(1)} s ${code} ${message}`);
  const syncs = seen.syncs.map((s) => `${((s.at - start) / 1000).toFixed(1)} s sync of ${s.revision.slice(0, 10)}`);
  console.log([what, ...lines, ...syncs, `${answers.length} answers`].join('\n'));
}
