import { describe, expect, it } from 'vitest';
import type { AnalysisRun, KubeObject, ReplicaSet, Rollout, Service } from '../../promotion/cluster/objects.ts';
import { CLUSTER_EVENTS, type Cluster, ClusterError } from '../../promotion/cluster/port.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { carryOut } from '../../promotion/run/run.ts';
import type { VersionBehaviour, World } from '../../promotion/simulation/world.ts';
import { live, type ManifestOptions, manifests, run, worldWith } from '../promotion/simulated.ts';
import { folderInMemory, full, hanging } from './support.ts';

const CHECK: ManifestOptions = {
  policy: {
    release: 'shop',
    version: 'v2',
    healthChecks: [{ name: 'backend answers', target: { service: 'backend', port: 80, path: '/api/health' } }],
  },
};
const ROLLED_BACK = { 'web:v2': { analysis: { after: 'Failed' } } } as const;
const REFUSED = { 'backend:v2': { analysis: { before: 'Failed' } } } as const;

/** Every change of the cluster from now on, with its time. */
function changesOf(world: World) {
  const changes: { at: number; plural: string; object: KubeObject }[] = [];
  world.api.listen((plural, { object }) => changes.push({ at: world.scheduler.now(), plural, object }));
  return changes;
}

async function release(
  behaviours: Readonly<Record<string, VersionBehaviour>>,
  { cluster, options = CHECK }: { cluster?: (real: Cluster) => Cluster; options?: ManifestOptions } = {},
) {
  const world = await worldWith(behaviours, options);
  const kept = folderInMemory(world);
  const v2 = manifests('v2', options);
  const changes = changesOf(world);
  world.apply(v2);
  const seen = cluster ? { ...world, cluster: cluster(world.cluster) } : world;
  const result = await run(seen, v2, () => {}, undefined, kept);
  return { world, kept, changes, result, read: (name: string) => JSON.parse(kept.files.get(name) ?? 'null') };
}

const timeOf = (events: readonly RunEvent[], code: string) =>
  Date.parse(events.find((event) => event.code === code)?.time ?? '');
const hashOf = (service: KubeObject) => (service as Service).spec.selector?.['rollouts-pod-template-hash'];

describe('the evidence of a release', () => {
  it('has everything of one that is rolled back', async () => {
    const { kept, result, read } = await release(ROLLED_BACK);
    expect(result.outcome).toBe('rolled-back');
    expect([...kept.files.keys()].filter((name) => !name.startsWith('logs/')).sort()).toEqual([
      'analyses.json',
      'checks.json',
      'decision.json',
      'events.json',
      'index.html',
      'plan.json',
      'pods.json',
      'result.json',
      'summary.md',
      'timeline.jsonl',
    ]);
    expect(read('plan.json').members.map((m: { name: string }) => m.name)).toEqual(['backend', 'web']);
    // Whether its run or the controller's abort for it is seen first.
    const failed = /^web: (.*metric health Failed|aborted: .*"health" assessed Failed)/;
    expect(read('decision.json').journal.cause).toMatchObject({
      member: 'web',
      message: expect.stringMatching(failed),
    });
    const runs = read('analyses.json') as AnalysisRun[];
    expect(runs.flatMap((r) => r.status?.metricResults ?? []).some((metric) => metric.phase === 'Failed')).toBe(true);
    expect(read('checks.json')[0]).toMatchObject({ check: 'backend answers', status: 200, body: '{"status":"ok"}' });
    expect(read('result.json')).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    const timeline = (kept.files.get('timeline.jsonl') ?? '').trim().split('\n');
    expect(timeline.map((line) => JSON.parse(line).code)).toEqual(
      result.events.map((event) => event.code).filter((code) => code !== 'EVIDENCE'),
    );
  });

  it('has the logs of the pods that were rejected', async () => {
    const { kept, result } = await release(ROLLED_BACK);
    for (const { name, to } of result.members) {
      const logs = [...kept.files].filter(([file]) => file.startsWith(`logs/${name}-${to}-`));
      expect(logs).toHaveLength(2);
      expect(logs[0]?.[1]).toContain(`starting ${name}:v2`);
    }
  });

  it('of one that is promoted has the pods that went live', async () => {
    const { read, result, kept } = await release({});
    expect(result.outcome).toBe('promoted');
    expect(read('result.json').outcome).toBe('promoted');
    expect(kept.files.has('decision.json')).toBe(false);
    const pods = read('pods.json').map((pod: KubeObject) => pod.metadata.name);
    for (const { name, to } of result.members) expect(pods).toContain(`${name}-${to}-0`);
  });

  it('saves what is known before anything is undone', async () => {
    const { kept, changes, result } = await release(ROLLED_BACK);
    const decided = timeOf(result.events, 'GOING_BACK');
    // The controller itself aborts web, whose analysis failed.
    const aborted = changes.find(({ object }) => object.metadata.name === 'backend' && isAborting(object));
    for (const name of ['decision.json', 'analyses.json', 'checks.json']) {
      const write = kept.writes.find((w) => w.name === name && w.at >= decided);
      expect(write?.at).toBeLessThanOrEqual(aborted?.at ?? 0);
      expect(() => JSON.parse(write?.text ?? '')).not.toThrow();
    }
    expect(kept.writes.find((w) => w.name === 'analyses.json')?.text).toContain('"phase": "Failed"');
  });

  it.each([
    ['rolled back', ROLLED_BACK],
    ['refused', REFUSED],
  ] as const)(
    'collects after the Service is back and before the ReplicaSet is scaled to 0 (%s)',
    async (_, behaviours) => {
      const { kept, changes, result } = await release(behaviours);
      for (const { name, from, to } of result.members) {
        const back = changes.findLast(
          ({ plural, object }) => plural === 'services' && object.metadata.name === name && hashOf(object) === from,
        );
        const retired = changes.find(
          ({ at, plural, object }) =>
            at > timeOf(result.events, 'GOING_BACK') &&
            plural === 'replicasets' &&
            object.metadata.name === `${name}-${to}` &&
            (object as ReplicaSet).spec.replicas === 0,
        );
        const logs = kept.writes.filter((w) => w.name.startsWith(`logs/${name}-${to}-`));
        expect(logs.length).toBeGreaterThan(0);
        expect(logs[0]?.at).toBeGreaterThanOrEqual(back?.at ?? 0);
        expect(logs[0]?.at).toBeLessThanOrEqual(retired?.at ?? 0);
      }
    },
  );

  it('costs the way back no more with every member: each event is cleaned once, each log written once before the end', async () => {
    let reads = 0;
    const involvedObject = {
      kind: 'Pod',
      // Whoever cleans it looks at each field.
      name: 'web-abc',
      get uid() {
        reads += 1;
        return 'abc';
      },
    };
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'one', uid: 'one', resourceVersion: '1' },
      involvedObject,
    };
    const { kept, result } = await release(ROLLED_BACK, {
      cluster: (real) => ({
        ...real,
        list: async (resource) =>
          resource === CLUSTER_EVENTS ? { items: [event], resourceVersion: '1' } : real.list(resource),
      }),
    });
    expect(result.outcome).toBe('rolled-back');
    expect(JSON.parse(kept.files.get('events.json') ?? '[]')).toHaveLength(1);
    expect(reads).toBe(1);
    const logs = kept.writes.map(({ name }) => name).filter((name) => name.startsWith('logs/'));
    expect(logs.length).toBeLessThanOrEqual(2 * new Set(logs).size);
  });

  it('has no secret in any file, wherever one stood', async () => {
    const planted = {
      env: 'planted-Env-0fb1',
      log: 'planted-Log-77a2',
      body: 'planted-Body-913c',
      event: 'planted-Event-5d04',
      url: 'planted-Url-e6f5',
    };
    const world = await worldWith(ROLLED_BACK, CHECK);
    const v2 = manifests('v2', CHECK).map((o) => (o.kind === 'Rollout' ? withSecret(o, planted.env) : o));
    world.api.create('events', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'one' },
      involvedObject: { kind: 'Pod', name: 'web-abc' },
      message: `probe of https://u:${planted.url}@web failed: token=${planted.event}`,
    } as KubeObject);
    world.apply(v2);
    const { http, logs } = world.cluster;
    const at = '2026-01-01T03:00:00Z';
    const leaking: Cluster = {
      ...world.cluster,
      http: async (...args) => ({ ...(await http(...args)), status: 500, body: `{"password":"${planted.body}"}` }),
      logs: async (...args) =>
        `${await logs(...args)}${at} login of ${planted.env} refused\n${at} API_KEY=${planted.log}\n`,
    };
    const kept = folderInMemory(world);
    const { outcome } = await run({ ...world, cluster: leaking }, v2, () => {}, undefined, kept);
    expect(outcome).toBe('rolled-back');
    for (const what of ['login of', 'API_KEY', 'probe of', 'password', 'DB_PASSWORD'])
      expect(
        [...kept.files.values()].some((text) => text.includes(what)),
        what,
      ).toBe(true);
    for (const { name, text } of kept.writes)
      for (const secret of Object.values(planted)) expect(text, name).not.toContain(secret);
  });

  it('of a run that was killed can be read as far as it came, and the next run has its own', async () => {
    for (const at of [10, 20, 30, 40, 50, 60]) {
      const world = await worldWith(ROLLED_BACK, CHECK);
      const v2 = manifests('v2', CHECK);
      world.apply(v2);
      const { cluster, died } = world.connect({ dies: { at, served: true } });
      const first = folderInMemory(world);
      const killed = carryOut({ plan: planOf(v2), cluster, holder: 'killed', emit: () => {}, evidence: first });
      await world.play(Promise.race([killed, died]));
      for (const [name, text] of first.files) {
        if (name.endsWith('.json')) expect(() => JSON.parse(text), name).not.toThrow();
        if (name.endsWith('.jsonl')) for (const line of text.trim().split('\n')) JSON.parse(line);
      }
      const second = folderInMemory(world);
      await world.play(world.cluster.sleep(20_000));
      const result = await run(world, v2, () => {}, undefined, second);
      expect(result.outcome).toBe('rolled-back');
      expect(JSON.parse(second.files.get('decision.json') ?? '').journal.cause).toBeDefined();
    }
  });

  it('makes no folder when nothing happens', async () => {
    const world = await worldWith({}, CHECK);
    const kept = folderInMemory(world);
    const unchanged = await run(world, manifests('v1', CHECK), () => {}, undefined, kept);
    expect(unchanged.outcome).toBe('unchanged');
    const usage = await run(world, manifests('v1', { members: [{ name: 'other' }] }), () => {}, undefined, kept);
    expect(usage.outcome).toBe('usage');
    expect(kept.writes).toEqual([]);
    expect([...unchanged.events, ...usage.events].filter((e) => e.code.startsWith('EVIDENCE'))).toEqual([]);
  });

  it('says where it is before the result', async () => {
    const { result } = await release({});
    const [evidence, last] = result.events.slice(-2);
    expect(evidence).toMatchObject({ code: 'EVIDENCE', level: 'info', data: { folder: 'memory' } });
    expect(last?.code).toBe('RESULT');
  });

  it('is there of a release that a signal stopped', async () => {
    const world = await worldWith({}, CHECK);
    const kept = folderInMemory(world);
    const stop = new AbortController();
    world.apply(manifests('v2', CHECK));
    const isPrepared = (event: RunEvent) => event.message.startsWith('web is prepared') && stop.abort();
    const result = await run(world, manifests('v2', CHECK), isPrepared, stop.signal, kept);
    expect(result.outcome).toBe('interrupted');
    expect(JSON.parse(kept.files.get('result.json') ?? '')).toMatchObject({ outcome: 'interrupted', exitCode: 130 });
  });
});

describe('a release whose evidence', () => {
  /** From the decision to the last active Service back on its old revision, in milliseconds. */
  async function wayBack(folder: 'hanging' | 'full' | 'none') {
    const world = await worldWith(ROLLED_BACK, CHECK);
    const changes = changesOf(world);
    world.apply(manifests('v2', CHECK));
    const evidence = { hanging, full, none: undefined }[folder];
    const result = await run(world, manifests('v2', CHECK), () => {}, undefined, evidence);
    const back = changes.findLast(
      ({ plural, object }) => plural === 'services' && !object.metadata.name.endsWith('-preview'),
    );
    return { world, result, took: (back?.at ?? 0) - timeOf(result.events, 'GOING_BACK') };
  }

  it.each(['hanging', 'full'] as const)('cannot be written (disk %s) ends as without, hardly later', async (disk) => {
    const { took: without } = await wayBack('none');
    const { world, result, took } = await wayBack(disk);
    expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
    expect(live(world)).toEqual(['backend:v1', 'web:v1']);
    expect(took).toBeLessThan(without + 600);
    expect(result.events.filter((e) => e.code === 'EVIDENCE_FAILED')).toHaveLength(1);
    expect(result.events.find((e) => e.code === 'EVIDENCE')).toBeUndefined();
    for (const { name, to } of result.members)
      expect(world.api.get<ReplicaSet>('replicasets', `${name}-${to}`)?.spec.replicas).toBe(0);
  });

  it.each([
    ['forbidden', () => Promise.reject(new ClusterError('forbidden', 'events is forbidden'))],
    ['never answered', () => new Promise<never>(() => {})],
  ] as const)(
    'may not be collected (%s) ends as without, tells it once and retires what was rejected',
    async (_, no) => {
      const { world, result, kept } = await release(ROLLED_BACK, {
        cluster: (real) => ({
          ...real,
          list: (resource) => (resource.plural === 'events' ? no() : real.list(resource)),
        }),
      });
      expect(result).toMatchObject({ outcome: 'rolled-back', exitCode: 4 });
      expect(result.events.filter((e) => e.code === 'EVIDENCE_FAILED')).toHaveLength(1);
      expect(kept.files.has('index.html')).toBe(true);
      for (const { name, to } of result.members)
        expect(world.api.get<ReplicaSet>('replicasets', `${name}-${to}`)?.spec.replicas).toBe(0);
    },
  );

  it('takes longer to collect than the release may take to return is left out of it', async () => {
    const options: ManifestOptions = { policy: { timeouts: { returnSeconds: 4 } } };
    const { world, result } = await release(ROLLED_BACK, {
      options,
      cluster: (real) => ({ ...real, logs: () => new Promise<never>(() => {}) }),
    });
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    for (const { name, to } of result.members)
      expect(world.api.get<ReplicaSet>('replicasets', `${name}-${to}`)?.spec.replicas).toBe(0);
  });
});

function isAborting(rollout: KubeObject): boolean {
  return (rollout as { status?: { abort?: boolean } }).status?.abort === true;
}

function withSecret(rollout: KubeObject, value: string): KubeObject {
  const changed = structuredClone(rollout) as Rollout;
  const env = [{ name: 'DB_PASSWORD', value }];
  Object.assign(changed.spec.template?.spec?.containers?.[0] ?? {}, { env });
  return changed;
}
