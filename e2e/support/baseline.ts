import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type KubeObject, POD_HASH, type ReplicaSet, type Rollout } from '../../promotion/cluster/objects.ts';
import { removeFolders } from './folder.ts';
import { kubectl, read } from './kubectl.ts';
import { promote } from './promoter.ts';
import { apply, prepareNamespace, renderRelease } from './release.ts';
import { answersOnly } from './traffic.ts';
import { allOn, truthOf } from './truth.ts';

type Edit = (object: KubeObject) => KubeObject;

/** What a suite of one namespace works with. */
export interface Baseline {
  readonly namespace: string;
  /** Renders a release of these image tags and returns its folder. */
  readonly release: (backend: string, web: string, ...edits: Edit[]) => Promise<string>;
  /** Expects a member of each tag: live, stable, behind the endpoints, and in every answer on a fresh connection. */
  readonly expectLive: (backend: string, web: string) => Promise<void>;
  /** Types `kubectl argo rollouts VERB MEMBER`; throws what the plugin says if it refuses. */
  readonly type: (verb: 'promote' | 'abort' | 'retry', member: string) => Promise<unknown>;
  /** A member's Rollout as the API server has it. */
  readonly rollout: (member: string) => Promise<Rollout>;
}

/** Makes a namespace with v1 live and stable, and puts it back to that before each test of the suite. */
export function baseline(namespace: string, ...always: Edit[]): Baseline {
  let v1: string;
  const rollout = (member: string) => read<Rollout>(namespace, 'rollout', member);
  const release: Baseline['release'] = (backend, web, ...edits) =>
    renderRelease({
      namespace,
      backend,
      web,
      edit: (object) => [...always, ...edits].reduce((o, edit) => edit(o), object),
    });

  async function expectLive(backend: string, web: string): Promise<void> {
    expect(await truthOf(namespace, 'backend')).toEqual(allOn(backend));
    expect(await truthOf(namespace, 'web')).toEqual(allOn(web));
    await Promise.all([
      answersOnly(namespace, 'backend', versionOf(backend)),
      answersOnly(namespace, 'web', versionOf(web)),
    ]);
  }

  beforeAll(async () => {
    await prepareNamespace(namespace);
    v1 = await release('v1', 'v1');
  });
  beforeEach(async () => {
    await backTo(namespace, v1);
    await expectLive('v1', 'v1');
  });
  afterAll(async () => {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await removeFolders();
  });
  const type: Baseline['type'] = (verb, member) =>
    kubectl(['argo', 'rollouts', '-n', namespace, verb, ...(verb === 'retry' ? ['rollout'] : []), member]);
  return { namespace, release, expectLive, type, rollout };
}

/** The version that the stand-in of a tag reports: `2.0.0` for `v2-never-ready`. */
export function versionOf(tag: string): string {
  return `${tag.split('-')[0]?.slice(1)}.0.0`;
}

/** Takes that release live whatever the test before left, and the pods of all others away. */
async function backTo(namespace: string, folder: string): Promise<void> {
  await kubectl(['-n', namespace, 'delete', 'resourcequota', '--all']);
  await apply(folder);
  for (const member of ['backend', 'web']) {
    await kubectl(['-n', namespace, 'patch', 'rollout', member, '--type=merge', '-p', '{"spec":{"paused":null}}']);
  }
  const { exitCode, events } = await promote(folder);
  expect(exitCode, events.at(-1)?.message).toBe(0);
  const stable = await kubectl(['-n', namespace, 'get', 'rollouts', '-o', 'jsonpath={.items[*].status.stableRS}']);
  const { items } = JSON.parse(await kubectl(['-n', namespace, 'get', 'replicasets', '-o', 'json'])) as {
    items: ReplicaSet[];
  };
  const left = items.filter((set) => set.spec.replicas && !stable.includes(set.metadata.labels?.[POD_HASH] ?? ''));
  if (left.length > 0)
    await kubectl(['-n', namespace, 'scale', '--replicas=0', ...left.map((set) => `replicaset/${set.metadata.name}`)]);
}
