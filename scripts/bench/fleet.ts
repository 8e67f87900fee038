import { analysisBy, blueGreenMember, templatesAsking } from '../../e2e/support/shop.ts';
import type { KubeObject } from '../../promotion/cluster/objects.ts';

/** A release of many members, for a cluster whose pods only say that they run. */
export interface Fleet {
  readonly namespace: string;
  readonly members: number;
  /** What its analysis asks: the API server, which every controller can reach. */
  readonly url: string;
  /** What a check before the switch asks, which decides when that begins. */
  readonly barrier: string;
}

/** The members' names, in the order of their switch: the first half goes before the second, as a backend before its web. */
export const namesOf = ({ members }: Fleet): string[] =>
  Array.from({ length: members }, (_, at) => `member-${String(at).padStart(3, '0')}`);

/** Members that switch together, one group after the other. */
export function groupsOf(fleet: Fleet): string[][] {
  const names = namesOf(fleet);
  const half = Math.ceil(names.length / 2);
  return [names.slice(0, half), names.slice(half)];
}

/** How long after its switch the verdict on a member is in, in seconds: by then the whole of its group has switched. */
export const verdictAfter = ({ members }: Fleet): number => Math.ceil(2 + members / 16);

/** What distinguishes a version, in the pod template of each member. */
export const annotationsOf = (version: string, verdict: 'pass' | 'fail') => ({ version, verdict });

/** The manifests of a version; the analysis after the switch finds the last member to be bad if `verdict` says so. */
export function manifestsOf(fleet: Fleet, version: string, verdict: 'pass' | 'fail'): KubeObject[] {
  const { namespace, url, barrier } = fleet;
  const names = namesOf(fleet);
  const [first = []] = groupsOf(fleet);
  const template = templatesAsking(url, namespace);
  const timeouts = {
    prepareSeconds: 600,
    switchSeconds: 300,
    verifySeconds: 300,
    settleSeconds: 300,
    returnSeconds: 120,
  };
  const wait = {
    name: 'barrier',
    when: 'before-switch',
    target: { url: barrier },
    expect: { status: 200 },
    samples: 1,
    tries: 1000,
    intervalSeconds: 1,
  };
  const policy = { release: namespace, version, timeouts, podHealth: { bakeSeconds: 0 }, healthChecks: [wait] };
  return [
    template('verdict', ['verdict'], {
      initialDelay: `${verdictAfter(fleet)}s`,
      successCondition: 'result.major != "" && "{{args.verdict}}" == "pass"',
      count: 1,
    }),
    template('hold', [], { failureCondition: 'true', count: 602, failureLimit: 600, interval: '10s' }),
    ...names.flatMap((name, at) =>
      blueGreenMember(namespace, name, {
        order: first.includes(name) ? 0 : 10,
        annotations: annotationsOf(version, at === names.length - 1 ? verdict : 'pass'),
        spec: { replicas: 1, revisionHistoryLimit: 2 },
        strategy: {
          scaleDownDelaySeconds: 30,
          abortScaleDownDelaySeconds: 30,
          postPromotionAnalysis: analysisBy('verdict', 'verdict', 'hold'),
        },
      }),
    ),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'release-policy', namespace },
      data: { 'policy.yaml': JSON.stringify(policy) },
    },
  ] as KubeObject[];
}
