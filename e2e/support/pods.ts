import { POD_HASH, type ReplicaSet, type Rollout } from '../../promotion/cluster/objects.ts';
import { until } from '../../testbed/run.ts';
import { kubectl, read } from './kubectl.ts';

const QUOTA = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'no-new-pods' },
  spec: { hard: { pods: '1' } },
};

/** Takes one pod of a member's newest revision away for good, as a lost node does, and waits until its ReplicaSet knows. */
export async function losePod(namespace: string, member: string): Promise<void> {
  await kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(QUOTA));
  const hash = (await read<Rollout>(namespace, 'rollout', member)).status?.currentPodHash ?? '';
  const pods = await kubectl(['-n', namespace, 'get', 'pods', '-l', `${POD_HASH}=${hash}`, '-o', 'name']);
  await kubectl(['-n', namespace, 'delete', '--wait=false', pods.split('\n')[0] ?? '']);
  await until('the ReplicaSet to miss a pod', 20, async () => {
    const { spec, status } = await read<ReplicaSet>(namespace, 'replicaset', `${member}-${hash}`);
    return (status?.availableReplicas ?? 0) < (spec.replicas ?? 0);
  });
}

/** Lets the lost pods come back. */
export async function allowPods(namespace: string): Promise<void> {
  await kubectl(['-n', namespace, 'delete', 'resourcequota', QUOTA.metadata.name]);
}
