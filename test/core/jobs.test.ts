import { describe, expect, it } from 'vitest';
import type { Job, Pod } from '../../promotion/cluster/objects.ts';
import { brokenRules, whyFailed } from '../../promotion/core/jobs.ts';
import { VALUES_CHECK } from '../../promotion/plan/plan.ts';
import { actsOf, decisionAt, SINCE } from './moment.ts';
import { memberOf, NOW, planFor, type State } from './state.ts';

const job = (name: string, ...conditions: readonly [type: string, status: string][]): Job =>
  ({
    kind: 'Job',
    metadata: { name, namespace: 'shop', uid: `${name}-uid` },
    status: { conditions: conditions.map(([type, status]) => ({ type, status })) },
  }) as unknown as Job;

const pod = (name: string, owner: string, message: string | undefined, container = VALUES_CHECK, exitCode = 64): Pod =>
  ({
    kind: 'Pod',
    metadata: { name, ownerReferences: [{ kind: 'Job', name: owner, uid: `${owner}-uid` }] },
    status: {
      initContainerStatuses: [
        { name: container, state: message === undefined ? {} : { terminated: { exitCode, message } } },
      ],
    },
  }) as unknown as Pod;

/** How the check of values ended. */
const ended = (message: string | undefined) => ({
  name: VALUES_CHECK,
  state: { terminated: { exitCode: 64, ...(message === undefined ? {} : { message }) } },
});

const plan = planFor([memberOf('backend')], { timeouts: { prepareSeconds: 600 } }, ['other', 'migrate']);
const preparing = (jobs: readonly Job[], pods: readonly Pod[] = [], now = NOW) =>
  decisionAt({
    plan,
    now,
    phase: 'preparing',
    at: { backend: 'prepared' },
    changed: (state: State): State => ({
      ...state,
      jobs: Object.fromEntries(jobs.map((j) => [j.metadata.name, j])),
      pods: { ...state.pods, ...Object.fromEntries(pods.map((p) => [p.metadata.name, p])) },
    }),
  });
const DONE = job('other', ['Complete', 'True']);
const FAILED = job('migrate', ['Failed', 'True']);

describe('the Jobs of a release', () => {
  it.each<[string, readonly Job[]]>([
    ['is not there', [DONE]],
    ['has not ended', [DONE, job('migrate')]],
    ['says that it is not complete', [DONE, job('migrate', ['Complete', 'False'], ['Failed', 'False'])]],
    ['is suspended', [DONE, job('migrate', ['Suspended', 'True'])]],
  ])('are waited for: one %s', (_, jobs) => {
    const { journal, actions } = preparing(jobs);
    expect([journal.phase, actions.map(({ act }) => act).filter((act) => act === 'refresh')]).toEqual([
      'preparing',
      [],
    ]);
  });

  it('let the release go on once all are complete', () => {
    expect(actsOf(preparing([DONE, job('migrate', ['Complete', 'True'])]))).toContain('refresh');
  });

  it('end the release when one has failed, whatever else it says', () => {
    for (const jobs of [[DONE, FAILED], [FAILED], [DONE, job('migrate', ['Complete', 'True'], ['Failed', 'True'])]]) {
      const { journal } = preparing(jobs);
      expect([journal.phase, journal.cause]).toEqual([
        'returning',
        { code: 'gate-failed', message: 'Job migrate failed: kubectl -n shop logs job/migrate --all-containers' },
      ]);
    }
  });

  it('name the rules that the check of values found broken, each once, and what to do', () => {
    const pods = [pod('a', 'migrate', 'X must be long\nY must differ\n'), pod('b', 'migrate', 'X must be long\n')];
    expect(preparing([DONE, FAILED], pods).journal.cause?.message).toBe(
      'Job migrate failed: X must be long; Y must differ: put them right in their Secrets, then kubectl -n shop delete job migrate and apply these manifests again',
    );
  });

  it('say nothing of what was written at another end: by other containers, in pods of other Jobs, by a check that could not run', () => {
    const pods = [
      pod('a', 'migrate', 'password=hidden', 'migrate'),
      pod('b', 'another', 'X must be long'),
      pod('e', 'migrate', 'exec: "node": not found', VALUES_CHECK, 128),
    ];
    expect(preparing([DONE, FAILED], pods).journal.cause?.message).toBe(
      'Job migrate failed: kubectl -n shop logs job/migrate --all-containers',
    );
    const stateless = { initContainerStatuses: [{ name: VALUES_CHECK }] } as unknown as NonNullable<Pod['status']>;
    const { status: _, ...unbegun } = pod('f', 'migrate', '');
    for (const silent of [
      pod('c', 'migrate', undefined),
      { ...pod('d', 'migrate', ''), status: {} },
      { ...unbegun, status: stateless },
      unbegun,
      { ...unbegun, status: { initContainerStatuses: [ended(undefined)] } as unknown as NonNullable<Pod['status']> },
    ])
      expect(brokenRules([silent])).toEqual([]);
    expect(brokenRules([pod('g', 'migrate', '  X must be long \n\n')])).toEqual(['X must be long']);
  });

  it('are named while they are waited for, and after they failed where no namespace is known', () => {
    const { cause } = preparing([DONE], [], SINCE + 600_000).journal;
    expect(cause?.message).toContain('after 600 s: Job migrate is not complete');
    const { namespace: _, ...metadata } = FAILED.metadata;
    expect(whyFailed({ ...FAILED, metadata }, [])).toBe('kubectl logs job/migrate --all-containers');
  });
});
