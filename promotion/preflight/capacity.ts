import type { KubeObject } from '../cluster/objects.ts';
import { amount } from '../core/template.ts';
import type { Facts } from './facts.ts';
import type { Check } from './preflight.ts';

type Requests = { readonly cpu: number; readonly memory: number; readonly pods: number };

interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly {
          readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
        }[];
      };
    };
  };
}

interface Autoscaler extends KubeObject {
  readonly spec?: { readonly minReplicas?: number; readonly scaleTargetRef?: { readonly name?: string } };
}

/** What the Rollouts need once more while both of their revisions run, and whether a quota has room for it. */
export async function spareCapacity(objects: readonly KubeObject[], facts: Facts): Promise<Check[]> {
  const rollouts = objects.filter((o) => o.kind === 'Rollout');
  const requests = rollouts.map(async (rollout) => requestsOf(rollout, await replicasOf(rollout, objects, facts)));
  const needed = (await Promise.all(requests)).reduce(add, NONE);
  const words = `${round(needed.cpu)} CPU, ${Math.ceil(needed.memory / 2 ** 20)} MiB and ${needed.pods} pods more while both revisions run`;
  const at = { area: 'capacity', subject: 'preview' } as const;
  const quotas = await facts.quotas();
  if (quotas === 'hidden' || quotas === 'absent')
    return [{ ...at, verdict: 'unknown', message: `a release needs ${words}; this user may not see the quotas` }];
  for (const { metadata, status } of quotas) {
    for (const [resource, need] of Object.entries({
      'requests.cpu': needed.cpu,
      'requests.memory': needed.memory,
      pods: needed.pods,
    })) {
      const [hard, used] = [amount(status?.hard?.[resource]), amount(status?.used?.[resource] ?? '0')];
      if (hard !== undefined && used !== undefined && used + need > hard) {
        const message = `a release needs ${words}; ResourceQuota ${metadata.name} leaves too little ${resource} (${status?.used?.[resource]} of ${status?.hard?.[resource]} used): raise it, or the new pods are not made`;
        return [{ ...at, subject: `ResourceQuota ${metadata.name}`, verdict: 'fail', message }];
      }
    }
  }
  return [{ ...at, verdict: 'pass', message: `no quota is in the way; the nodes must have room for ${words}` }];
}

const NONE: Requests = { cpu: 0, memory: 0, pods: 0 };

function add(a: Requests, b: Requests): Requests {
  return { cpu: a.cpu + b.cpu, memory: a.memory + b.memory, pods: a.pods + b.pods };
}

/** As many as run now, or as the manifests and their autoscaler begin with. */
async function replicasOf(rollout: Workload, objects: readonly KubeObject[], facts: Facts): Promise<number> {
  const { name } = rollout.metadata;
  const live = await facts.rollout(name);
  if (typeof live === 'object' && live.spec.replicas !== undefined) return live.spec.replicas;
  const autoscaler = (objects as readonly Autoscaler[]).find(
    ({ kind, spec }) => kind === 'HorizontalPodAutoscaler' && spec?.scaleTargetRef?.name === name,
  );
  return rollout.spec?.replicas ?? autoscaler?.spec?.minReplicas ?? 1;
}

function requestsOf({ spec }: Workload, replicas: number): Requests {
  const sum = (resource: string) =>
    (spec?.template?.spec?.containers ?? []).reduce(
      (total, { resources }) => total + (amount(resources?.requests?.[resource] ?? '0') ?? 0),
      0,
    );
  return { cpu: replicas * sum('cpu'), memory: replicas * sum('memory'), pods: replicas };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
