import { type Policy, questionsOf } from '../plan/policy.ts';

/** What a promotion may do with one kind of object. */
export interface Permission {
  /** Where it is needed. @default the namespace of the release */
  readonly namespace?: string;
  /** API group; '' is the core one. */
  readonly group: string;
  /** As RBAC writes it: `rollouts`, or `rollouts/status` for a subresource. */
  readonly resource: string;
  /** The only objects that it is for. @default all of them */
  readonly names?: readonly string[];
  readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'patch' | 'delete')[];
  /** What it is needed for. */
  readonly purpose: string;
}

const READ = ['get', 'list', 'watch'] as const;

/**
 * Everything that a promotion asks of the API server, and no more: what `preflight` looks for. A test holds it against the
 * requests that promotions really send.
 */
export const PERMISSIONS: readonly Permission[] = [
  {
    group: 'argoproj.io',
    resource: 'rollouts',
    verbs: [...READ, 'patch'],
    purpose: 'follow the members, claim them, go back',
  },
  { group: 'argoproj.io', resource: 'rollouts/status', verbs: ['patch'], purpose: 'promote, abort' },
  {
    group: 'argoproj.io',
    resource: 'analysisruns',
    verbs: [...READ, 'patch', 'delete'],
    purpose: 'read verdicts, end the hold',
  },
  { group: 'apps', resource: 'replicasets', verbs: [...READ, 'patch'], purpose: 'retire what was rejected' },
  { group: '', resource: 'services', verbs: [...READ, 'patch'], purpose: 'read the switch back, undo it' },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: READ, purpose: 'see who really serves' },
  { group: '', resource: 'pods', verbs: READ, purpose: 'see whether the new pods stay well' },
  {
    group: 'autoscaling',
    resource: 'horizontalpodautoscalers',
    verbs: [...READ, 'patch'],
    purpose: 'keep the number of pods still during a switch',
  },
  { group: 'batch', resource: 'jobs', verbs: READ, purpose: 'wait for the migration' },
  { group: '', resource: 'configmaps', verbs: ['get', 'create', 'patch'], purpose: 'keep the journal' },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get'],
    purpose: 'see by name whether those of the old revision are there',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'create', 'patch'],
    purpose: 'keep other runs out',
  },
  { group: '', resource: 'pods/log', verbs: ['get'], purpose: 'keep last log lines as evidence' },
  { group: '', resource: 'events', verbs: ['list'], purpose: 'keep events as evidence' },
];

/** Needed as well where the policy asks Services through the API server: one for each namespace that has them. */
function proxyPermissions(policy: Policy): Permission[] {
  const asked = questionsOf(policy).flatMap(({ target }) => ('service' in target ? [target] : []));
  const namespaces = new Set(asked.map((target) => ('namespace' in target ? target.namespace : undefined)));
  return [...namespaces].map((namespace) => ({
    group: '',
    resource: 'services/proxy',
    verbs: ['get'],
    purpose: 'ask Services through the API server',
    ...(namespace === undefined ? {} : { namespace }),
  }));
}

/**
 * What a promotion under that policy asks for: all of it, and no more. `secrets` are the names of those that its pods need:
 * RBAC has no right to see that a Secret is there without the right to read it, so it is limited to these.
 */
export function permissionsFor(policy: Policy, secrets: readonly string[]): readonly Permission[] {
  const all = PERMISSIONS.flatMap((permission) => {
    if (permission.resource !== 'secrets') return [permission];
    return secrets.length > 0 ? [{ ...permission, names: [...secrets].sort() }] : [];
  });
  return [...all, ...proxyPermissions(policy)];
}
