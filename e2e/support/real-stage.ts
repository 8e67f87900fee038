import type { KubeConfig } from '@kubernetes/client-node';
import { connect } from '../../promotion/cluster/kubernetes.ts';
import type { Pod } from '../../promotion/cluster/objects.ts';
import { type Cluster, type JsonPatch, RESOURCES } from '../../promotion/cluster/port.ts';
import { play, type TraceStep } from '../../test/traces/play.ts';
import type { Scenario } from '../../test/traces/scenario.ts';
import { kubectl } from './kubectl.ts';

let count = 0;

/** Plays a scenario with the real controller, in a namespace of its own. For pods that only kwok says are running. */
export async function playReal(scenario: Scenario, config: KubeConfig): Promise<TraceStep[]> {
  count += 1;
  const name = `trace-${process.pid}-${count}`;
  const cluster = connect(config, name);
  await kubectl(['create', 'namespace', name]);
  try {
    const url = `${config.getCurrentCluster()?.server}/version`;
    return await play(scenario, { cluster, url, setAvailable: (set, count) => setAvailable(cluster, set, count) });
  } finally {
    await kubectl(['delete', 'namespace', name, '--wait=false']);
  }
}

/** The words of a kubelet: so many of a ReplicaSet's pods are ready, and the others are not. */
export async function setAvailable(cluster: Cluster, set: string, count: number): Promise<void> {
  const { items } = await cluster.list(RESOURCES.pods);
  const pods = (items as (Pod & { spec: { schedulingGates?: object[] } })[])
    .filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === set && !metadata.deletionTimestamp)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const [i, pod] of pods.entries()) {
    const patch = (operations: JsonPatch, subresource?: 'status') =>
      cluster.patch(RESOURCES.pods, pod.metadata.name, operations, subresource);
    if (pod.spec.schedulingGates) {
      if (i < count) await patch([{ op: 'remove', path: '/spec/schedulingGates' }]);
      continue;
    }
    const at = pod.status?.conditions?.findIndex(({ type }) => type === 'Ready') ?? -1;
    if (at < 0) throw new Error(`pod ${pod.metadata.name} has no Ready condition`);
    await patch(
      [{ op: 'replace', path: `/status/conditions/${at}/status`, value: i < count ? 'True' : 'False' }],
      'status',
    );
  }
}
